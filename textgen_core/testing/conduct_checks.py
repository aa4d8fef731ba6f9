"""Checks of what a component does beside its work: files, connections, random numbers.

Each looks at a second use: what a first one imports may keep files and draw numbers of its own. A
model is built by the core, which restores what Keras draws its seeds from; its forward pass counts.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from textgen_core.registry.registry import KINDS
from textgen_core.testing import (
    metric_checks,
    model_checks,
    sampler_checks,
    tokenizer_checks,
    tracker_checks,
)
from textgen_core.testing.check import check, require
from textgen_core.testing.subject import Subject
from textgen_core.testing.watching import Act, watched

# What a component of each kind is there for, in its cheapest form; returns a note, or None.
_USES: Mapping[str, Callable[[Subject], str | None]] = {
    "tokenizer": tokenizer_checks.use,
    "model": model_checks.use,
    "sampler": sampler_checks.use,
    "metric": metric_checks.use,
    "tracker": tracker_checks.use,
}
_SHOWN = 3  # acts that a fault names
_UNLIKELY = 2_718_281_828  # a seed that no component sets by itself


@check("component.frozen-random-state", *KINDS)
def leaves_random_state(subject: Subject) -> str | None:
    """Using it leaves the states of `random` and of `numpy.random` as they were."""
    import numpy as np

    found = random.getstate(), np.random.get_state()
    try:
        _use(subject)
        random.seed(_UNLIKELY)
        np.random.seed(_UNLIKELY)
        before = _random_states()
        note = _use(subject)
        after = _random_states()
    finally:
        random.setstate(found[0])
        np.random.set_state(found[1])
    changed = [name for name, state in before.items() if state != after[name]]
    require(not changed, f"Using it changes the state of {' and '.join(changed)}.")
    return note


@check("component.no-writes", *KINDS)
def writes_nothing(subject: Subject) -> str | None:
    """Used again, it writes only temporary files and a tracker's own, and starts no process.

    A tracker may start one: the client of a service often does.
    """
    _use(subject)
    with watched() as acts:
        note = _use(subject)
    judged = ("write",) if subject.kind == "tracker" else ("write", "process")
    _require_none([each for each in acts if each.kind in judged])
    return note


@check("component.no-network", *KINDS)
def stays_offline(subject: Subject) -> str | None:
    """Used again, it makes no connection; a tracker may, and makes none before its `start`."""
    note = None
    if subject.kind != "tracker":
        _use(subject)
    with watched() as acts:
        attrs.evolve(subject.instance())  # a new instance
        if subject.kind != "tracker":
            note = _use(subject)
    _require_none([each for each in acts if each.kind == "connection"])
    return note


def _use(subject: Subject) -> str | None:
    return _USES[subject.kind](subject)


def _random_states() -> dict[str, Any]:
    """Return both states in a form that can be compared."""
    import numpy as np

    state: Any = np.random.get_state()
    return {"random": random.getstate(), "numpy.random": (state[1].tolist(), *state[2:])}


def _require_none(acts: list[Act]) -> None:
    words = list(dict.fromkeys(each.words for each in acts))
    more = f", and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    require(not words, f"Used again, {', '.join(words[:_SHOWN])}{more}.")
