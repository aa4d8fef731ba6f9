"""The engine's sources: JavaScript in plain files, which a page holds as one script."""

from __future__ import annotations

from pathlib import Path

_EXPORT = Path(__file__).parent
# In the order in which they are read; specs of samplers are the page's, which shows their options.
WORKER_FILES = (
    "page/specs.js",
    "engine/tensors.js",
    "engine/elementwise.js",
    "engine/moving.js",
    "engine/products.js",
    "engine/program.js",
    "engine/counts.js",
    "engine/steps.js",
    "engine/tokenizer.js",
    "engine/token_bytes.js",
    "engine/cleaning.js",
    "engine/drawing.js",
    "engine/text_stream.js",
    "engine/healing.js",
    "engine/samplers.js",
    "engine/loop.js",
    "engine/engine.js",
    "engine/worker.js",
)


def engine_files() -> list[Path]:
    """Return the files that make the engine, in their order."""
    return [_EXPORT / name for name in WORKER_FILES]


def engine_source() -> str:
    """Return the engine as a script: a function, which a worker is made of, or a page calls."""
    text = "\n".join(each.read_text(encoding="utf-8") for each in engine_files())
    return f"globalThis.textgenEngine = function () {{\n{text}\nreturn startEngine;\n}};\n"
