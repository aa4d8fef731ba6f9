"""TensorBoard: loss, perplexity, learning rate and samples, and the table of the model's layers.

Writes event files into the run's own folder `tensorboard/`; look at them with
`tensorboard --logdir RUN/tensorboard`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from textgen_core import Outcome, TextgenError, TrackedRun, Tracker, TrackerSession, option


@attrs.frozen(kw_only=True)
class TensorBoardTracker(Tracker):
    """Writes TensorBoard event files into RUN/tensorboard."""

    flush_seconds: int = option(
        20, help="the longest time before new figures are on disk, in seconds", at_least=1
    )

    def start(self, run: TrackedRun) -> TrackerSession:
        """Open the event files of a run; a resumed run goes on in a file of its own.

        Raises TextgenError if the tensorboard package is missing.
        """
        try:
            import tensorboard  # noqa: F401
        except ImportError as error:
            raise TextgenError(
                "The tensorboard tracker needs the package tensorboard.",
                advice='Install it: pip install "textgen-core[tensorboard]"',
            ) from error
        import tensorflow as tf

        # Later steps of an interrupted run are lost work: this suffix lets TensorBoard drop them.
        suffix = "" if run.resumed_at_step is None else f".from-{run.resumed_at_step}"
        writer = tf.summary.create_file_writer(
            str(run.directory / "tensorboard"),
            flush_millis=self.flush_seconds * 1000,
            filename_suffix=suffix or None,
        )
        session = TensorBoardSession(writer)
        session.describe(run)
        return session


class TensorBoardSession(TrackerSession):
    """The event writer of one run."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def describe(self, run: TrackedRun) -> None:
        """Write the configuration and the layer table as text."""
        configuration = json.dumps(run.configuration, indent=2, default=str)
        self._text("configuration", f"```json\n{configuration}\n```", run.resumed_at_step or 0)
        table = layer_table(run.directory / "manifest.json")
        if table:
            self._text("layers", table, run.resumed_at_step or 0)

    def log(self, step: int, values: Mapping[str, float | str]) -> None:
        """Write every number as a scalar, and the perplexity beside a training loss."""
        import tensorflow as tf

        scalars = {
            name: float(value) for name, value in values.items() if isinstance(value, (int, float))
        }
        if "loss" in scalars:
            scalars["perplexity"] = math.exp(min(scalars["loss"], 700.0))
        with self._writer.as_default():
            for name, value in scalars.items():
                tf.summary.scalar(name, value, step=step)

    def sample(self, step: int, text: str) -> None:
        """Write a sample as text."""
        self._text("sample", f"```\n{text}\n```", step)

    def finish(self, outcome: Outcome) -> None:
        """Flush and close the files."""
        del outcome
        self._writer.close()

    def _text(self, name: str, text: str, step: int) -> None:
        import tensorflow as tf

        with self._writer.as_default():
            tf.summary.text(name, text, step=step)


def layer_table(manifest: Path) -> str:
    """Return the manifest's table of layers as Markdown; empty where it has none."""
    if not manifest.is_file():
        return ""
    layers = json.loads(manifest.read_text(encoding="utf-8")).get("model", {}).get("layers", [])
    if not layers:
        return ""
    columns = list(layers[0])
    lines = [" | ".join(columns), " | ".join("---" for _ in columns)]
    lines += [" | ".join(str(layer[column]) for column in columns) for layer in layers]
    return "\n".join(f"| {line} |" for line in lines)
