"""textgen: train a small language model on your own text, and write with it.

What plugin authors and notebooks import. Importing it is cheap: `run` and `open_run`, which need
TensorFlow, are resolved on use.

    import textgen_core as textgen

    run = textgen.run(["book.txt"], tokenizer="bpe", model="lstm:units=512", minutes=3)
    for piece in run.generate("Once upon a time", sampler="nucleus:0.9"):
        print(piece, end="")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textgen_core.components import (
    Evidence,
    Figure,
    History,
    Metric,
    ModelBuilder,
    Outcome,
    Sampler,
    TokenizerTrainer,
    TrackedRun,
    Tracker,
    TrackerSession,
    option,
)
from textgen_core.errors import TextgenError
from textgen_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from textgen_core.pipeline import open_run, run

__all__ = [
    "Evidence",
    "Figure",
    "History",
    "Metric",
    "ModelBuilder",
    "Outcome",
    "Sampler",
    "TextgenError",
    "TokenizerTrainer",
    "TrackedRun",
    "Tracker",
    "TrackerSession",
    "hookimpl",
    "open_run",
    "option",
    "run",
]


def __getattr__(name: str) -> Any:
    if name in ("run", "open_run"):
        from textgen_core import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
