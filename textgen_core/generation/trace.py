"""The trace of a generation: what stood to choose from at each token, and what was chosen.

A trace is plain values, written as one JSON file with a version, for reports and tools to read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import attrs

from textgen_core.errors import UsageError

VERSION = 1


@attrs.frozen(kw_only=True)
class Alternative:
    """A token that the model held likely: log_probability is the model's own, in nats."""

    token_id: int
    text: str
    log_probability: float


@attrs.frozen(kw_only=True)
class Kept:
    """What was left after a stage of the chain.

    stage: the sampler's spec; the first stage, "never drawn", takes out the tokens that no text
    holds. tokens: how many were left; probability: what the model gives them together;
    log_probability: of the token that was drawn, among what was left, in nats.
    """

    stage: str
    tokens: int
    probability: float
    log_probability: float


@attrs.frozen(kw_only=True)
class Step:
    """One new token.

    text: what it adds to the text (empty where a character goes on in the next token);
    log_probability, entropy: the model's own, in nats, before any sampler.
    """

    token_id: int
    text: str
    log_probability: float
    entropy: float
    alternatives: tuple[Alternative, ...]
    kept: tuple[Kept, ...]


@attrs.frozen(kw_only=True)
class TracedSample:
    """One text: the steps' texts joined are what was written, stop strings included."""

    prompt: str
    steps: tuple[Step, ...]


@attrs.frozen(kw_only=True)
class Trace:
    """All texts of one generation."""

    seed: int
    samplers: tuple[str, ...]
    samples: tuple[TracedSample, ...]
    version: int = VERSION

    def as_json(self) -> dict[str, Any]:
        """Return the trace as plain values, the version first."""
        values = attrs.asdict(self)
        return {"version": values.pop("version"), **values}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the trace of what `as_json` returned.

        Raises KeyError, TypeError or ValueError if it is no trace of this version.
        """
        if values["version"] != VERSION:
            raise ValueError(f"version {values['version']!r}, not {VERSION}")
        return cls(
            seed=values["seed"],
            samplers=tuple(values["samplers"]),
            samples=tuple(
                TracedSample(prompt=each["prompt"], steps=tuple(map(_step, each["steps"])))
                for each in values["samples"]
            ),
        )


def save_trace(trace: Trace, path: Path) -> None:
    """Write a trace as JSON. Raises UsageError if it cannot be written."""
    try:
        path.write_text(
            json.dumps(trace.as_json(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
    except OSError as error:
        raise UsageError(
            f"The trace cannot be written to {path}: {error.strerror}.",
            "Allowed: a file in a folder that exists and can be written to.",
        ) from error


def load_trace(path: Path) -> Trace:
    """Read a trace. Raises UsageError if the file is none, or one of another version."""
    try:
        return Trace.from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is no trace that can be read: {error}.",
            f"Allowed: a file of `textgen generate --trace`, version {VERSION}.",
        ) from error


def _step(values: Mapping[str, Any]) -> Step:
    alternatives = tuple(Alternative(**each) for each in values["alternatives"])
    kept = tuple(Kept(**each) for each in values["kept"])
    return Step(**{**values, "alternatives": alternatives, "kept": kept})
