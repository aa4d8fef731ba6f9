// The backend of the served page: textgen's server, over HTTP. Answers stream line by line.
//
// A key that the server asks for comes in the address, #key=..., or from a field of the page; it is
// kept as long as the window.
(function () {
  "use strict";

  const KEY = "textgen:key";

  class ServerFault extends Error {
    // status: of HTTP, or 0 if no server answered; param: what of the request is wrong.
    constructor(message, { status = 0, param = null, retryAfter = null } = {}) {
      super(message);
      Object.assign(this, { status, param, retryAfter });
    }
  }

  let key = keyFromAddress() ?? stored() ?? "";

  function keyFromAddress() {
    const found = new URLSearchParams(location.hash.slice(1)).get("key");
    if (found === null) return null;
    history.replaceState(null, "", location.pathname + location.search);
    useKey(found);
    return found;
  }

  function stored() {
    try {
      return sessionStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function useKey(given) {
    key = given;
    try {
      sessionStorage.setItem(KEY, given);
    } catch {
      // where storage is forbidden the key holds until the page is left
    }
  }

  async function call(path, { body, signal } = {}) {
    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    if (body) headers["Content-Type"] = "application/json";
    const method = body ? "POST" : "GET";
    let response;
    try {
      response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
    } catch (error) {
      throw error.name === "AbortError" ? error : new ServerFault("");
    }
    if (response.ok) return response;
    const { error } = await response.json().catch(() => ({}));
    throw new ServerFault(error?.message ?? "", {
      status: response.status,
      param: error?.param ?? null,
      retryAfter: Number(response.headers.get("Retry-After")) || null,
    });
  }

  // Yield each line of an answer as JSON.
  async function* linesOf(response) {
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read().catch((error) => {
        throw error.name === "AbortError" ? error : new ServerFault("");
      });
      const lines = (rest + (done ? decoder.decode() : decoder.decode(value, { stream: true }))).split("\n");
      rest = done ? "" : lines.pop();
      for (const line of lines) if (line.trim()) yield JSON.parse(line);
      if (done) return;
    }
  }

  function generate(request, onTokens) {
    const stopper = new AbortController();
    const read = async () => {
      const response = await call("/api/generate", { body: request, signal: stopper.signal });
      for await (const line of linesOf(response)) {
        if (line.error) throw new ServerFault(line.error.message, { status: 200, param: line.error.param });
        if (line.tokens) onTokens(line.tokens, line.prompt_ids);
        if (line.done) return line.done;
      }
      throw new ServerFault(""); // the server went away in the middle
    };
    const done = read().catch((error) => {
      if (error.name === "AbortError") return { finish_reason: "cancelled" };
      throw error;
    });
    return { done, cancel: () => stopper.abort() };
  }

  window.textgenBackend = {
    useKey,
    generate,
    info: async (model = null) =>
      (await call(model === null ? "/api/run" : `/api/run?model=${encodeURIComponent(model)}`)).json(),
    tokenize: async (text, model = null) =>
      (await call("/api/tokenize", { body: model === null ? { text } : { model, text } })).json(),
  };
})();
