"""What can be requested, checked before a model is loaded: a light module."""

from __future__ import annotations

from pathlib import Path

from textgen_core.errors import UsageError

LOWEST, HIGHEST = 0.01, 100.0  # temperatures
ENDINGS = (".svg", ".html")  # of a picture


def check_temperature(temperature: float) -> None:
    """Raise UsageError for a temperature that cannot be used."""
    if not LOWEST <= temperature <= HIGHEST:
        raise UsageError(
            f"The temperature cannot be {temperature:g}.",
            f"Allowed: {LOWEST:g} to {HIGHEST:g}; 1 leaves the model's distribution as it is.",
        )


def check_count(count: int) -> None:
    """Raise UsageError unless some tokens are requested."""
    if count < 1:
        raise UsageError(f"The number of tokens is {count}.", "Allowed: at least 1.")


def check_ending(path: Path) -> None:
    """Raise UsageError for a file whose ending is none of a picture's."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(
            f"The picture cannot be written to {path}: it ends in {path.suffix!r}.",
            f"Allowed: a file that ends in {' or '.join(ENDINGS)}.",
        )
