"""The bundled experiment trackers: TensorBoard, and Weights & Biases."""

from __future__ import annotations

from textgen_core import Tracker, hookimpl
from textgen_trackers.tensorboard import TensorBoardTracker
from textgen_trackers.wandb import WandbTracker


@hookimpl
def textgen_trackers() -> dict[str, type[Tracker]]:
    """Return the bundled trackers by name."""
    return {"tensorboard": TensorBoardTracker, "wandb": WandbTracker}
