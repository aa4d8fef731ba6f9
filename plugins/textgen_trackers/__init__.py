"""The bundled experiment tracker: TensorBoard."""

from __future__ import annotations

from textgen_core import Tracker, hookimpl
from textgen_trackers.tensorboard import TensorBoardTracker


@hookimpl
def textgen_trackers() -> dict[str, type[Tracker]]:
    """Return the bundled trackers by name."""
    return {"tensorboard": TensorBoardTracker}
