"""The check that using a component leaves the random numbers of the whole process alone.

A model is built by the core, which puts back what Keras draws its seeds from: what is looked at is
its forward pass.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from textgen_core.registry.registry import KINDS
from textgen_core.testing.check import check, require
from textgen_core.testing.subject import Subject
from textgen_core.testing.uses import use

_UNLIKELY = 2_718_281_828  # a seed


@check("component.frozen-random-state", *KINDS)
def leaves_random_state(subject: Subject) -> str | None:
    """Using it leaves the states of `random` and of `numpy.random` as they were."""
    found = _states()
    try:
        use(subject)  # what it imports at first may draw numbers, which is no fault
        before = _unlikely_states()
        note = use(subject)
        after = _states()
    finally:
        _restore(found)
    changed = [name for name in before if not _same(before[name], after[name])]
    require(not changed, f"Using it changes the state of {' and '.join(changed)}.")
    return note


CHECKS = (leaves_random_state,)


def _states() -> dict[str, Any]:
    """Return the two states, each a tuple; numpy's has an array in it."""
    import numpy as np

    return {"random": random.getstate(), "numpy.random": np.random.get_state()}


def _unlikely_states() -> dict[str, Any]:
    """Set and return states that no component sets by itself: one that seeds with 1 is seen."""
    import numpy as np

    random.seed(_UNLIKELY)
    np.random.seed(_UNLIKELY)
    return _states()


def _restore(states: Mapping[str, Any]) -> None:
    import numpy as np

    random.setstate(states["random"])
    np.random.set_state(states["numpy.random"])


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    import numpy as np

    return all(np.array_equal(left, right) for left, right in zip(one, other, strict=True))
