// The texts as a file that is saved or opened, and texts for the clipboard.
(function (page) {
  "use strict";

  const { make, byId } = page.elements;

  const LARGEST = 200_000_000; // bytes that are read

  function save(state, info) {
    const content = page.transfer.writeFile(state.setup, state.texts, info);
    const address = URL.createObjectURL(new Blob([content], { type: "application/json" }));
    const name = `${info.model.replace(/[^\p{L}\p{N}._-]+/gu, "-") || "textgen"}-texts.json`;
    const link = make("a", { href: address, download: name, hidden: true });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
  }

  // Call with the content of the file that the reader chooses, or with a FileFault.
  function choose(onContent) {
    const input = byId("import-file");
    input.onchange = async () => {
      const [file] = input.files;
      input.value = "";
      if (!file) return;
      if (file.size > LARGEST) return void onContent(null, new page.transfer.FileFault("file.too_large"));
      const content = await file.text().catch(() => null);
      onContent(content, content === null ? new page.transfer.FileFault("file.unreadable") : null);
    };
    input.click();
  }

  // Where the clipboard is closed, as on pages from disk, the old way is taken.
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = make("textarea", { class: "unseen", "aria-hidden": "true" });
      field.value = text;
      document.body.append(field);
      field.select();
      document.execCommand("copy");
      field.remove();
    }
  }

  page.files = { save, choose, copy };
})((globalThis.textgenPage ??= {}));
