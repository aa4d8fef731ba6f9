"""textgen: train a small language model on your own text, and write with it.

What plugin authors and notebooks import. Importing it is cheap: `run`, `resume` and `open_run` are
resolved on use, and TensorFlow is imported when something is computed with it.

    import textgen_core as textgen

    run = textgen.run(["book.txt"], tokenizer="bpe", model="lstm:units=512", minutes=3)
    for piece in run.generate("Once upon a time", sampler="nucleus:0.9"):
        print(piece, end="")
"""

from __future__ import annotations

from importlib import import_module
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
    from textgen_core.pipeline import compare, open_run, resume, run, tune, tune_samplers
    from textgen_core.runs.listing import runs

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
    "compare",
    "hookimpl",
    "open_run",
    "option",
    "resume",
    "run",
    "runs",
    "tune",
    "tune_samplers",
]


def __getattr__(name: str) -> Any:
    if name in ("run", "resume", "open_run", "compare", "tune", "tune_samplers"):
        from textgen_core import pipeline

        return getattr(pipeline, name)
    if name == "runs":  # the package, which can be called
        return import_module("textgen_core.runs")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
