// The strings at which a text ends: one in each line of a field, in which \n is a line end.
(function (page) {
  "use strict";

  const MOST = 4; // as many, and as long, as the server takes
  const LONGEST = 64;
  const MEANT = { "\\n": "\n", "\\t": "\t", "\\\\": "\\" };
  const WRITTEN = Object.fromEntries(Object.entries(MEANT).map(([written, meant]) => [meant, written]));

  const read = (text) => text.split("\n").filter((line) => line !== "")
    .map((line) => line.replace(/\\[nt\\]/g, (found) => MEANT[found]));

  const format = (stop) => stop.map((each) => each.replace(/[\n\t\\]/g, (found) => WRITTEN[found])).join("\n");

  // The key of what is wrong with them, or null.
  function faultOf(stop) {
    if (stop.length > MOST) return "ends.many";
    return stop.some((each) => each === "" || Array.from(each).length > LONGEST) ? "ends.long" : null;
  }

  page.ends = { most: MOST, longest: LONGEST, read, format, faultOf };
})((globalThis.textgenPage ??= {}));
