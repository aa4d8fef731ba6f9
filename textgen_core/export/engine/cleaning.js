// Prompts are cleaned as the corpus was: the same steps in the same order.

const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufdd0-\ufdef\ufffe\uffff]+/g;
const GOES_ON = "0"; // stands for what may follow a text; no step changes it

/** Returns a text as the model meets it; settings: those of the corpus. */
function cleanText(text, settings) {
  const form = settings.unicode === "none" ? [] : [(each) => each.normalize(settings.unicode)];
  const when = (isAsked, ...steps) => (isAsked ? steps : []);
  const steps = [
    (each) => each.replace(/^\ufeff/, "").replaceAll("\0", ""),
    withoutSurrogates,
    ...when(settings.newlines === "fold", (each) => each.replace(/\r\n?/g, "\n")),
    ...when(settings.control_characters === "drop", (each) => each.replace(CONTROL, "")),
    ...form,
    ...when(settings.punctuation === "drop", (each) => each.replace(/\p{P}+/gu, ""), ...form),
    ...when(settings.spaces === "collapse", (each) => each.replaceAll("\t", " "), collapseSpaces),
    ...when(settings.letter_case === "lower", (each) => each.toLowerCase(), ...form),
  ];
  const cleaned = steps.reduce((each, step) => step(each), text + GOES_ON);
  return cleaned.slice(0, -GOES_ON.length);
}

function withoutSurrogates(text) {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, "\ufffd");
}

function collapseSpaces(text) {
  return text.replace(/ {2,}/g, " ").replaceAll(" \n", "\n").replaceAll(" \r", "\r");
}
