"""The engine's sources: JavaScript in plain files, which a page holds as one script."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).with_name("engine")
# In the order in which they are read.
WORKER_FILES = (
    "tensors.js",
    "elementwise.js",
    "moving.js",
    "products.js",
    "program.js",
    "counts.js",
    "steps.js",
    "tokenizer.js",
    "token_bytes.js",
    "cleaning.js",
    "drawing.js",
    "text_stream.js",
    "healing.js",
    "samplers.js",
    "loop.js",
    "engine.js",
    "worker.js",
)


def engine_files() -> list[Path]:
    """Return the files that make the engine, in their order."""
    return [FOLDER / name for name in WORKER_FILES if (FOLDER / name).is_file()]


def engine_source() -> str:
    """Return the engine as a script: a function, which a worker is made of, or a page calls."""
    text = "\n".join(each.read_text(encoding="utf-8") for each in engine_files())
    return f"globalThis.textgenEngine = function () {{\n{text}\nreturn startEngine;\n}};\n"


def backend_source() -> str:
    """Return the script that makes the engine the page's backend."""
    return (FOLDER / "engine_backend.js").read_text(encoding="utf-8")
