"""The check that using a component leaves the random numbers of the whole process alone.

Models are left out: Keras itself draws its seeds from `random`, and the core puts them back.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

from textgen_core.testing import metric_checks, sampler_checks, tokenizer_checks
from textgen_core.testing.check import check, require
from textgen_core.testing.subject import Subject

# What a component of a kind is there for, in its cheapest form.
USES: Mapping[str, Callable[[Subject], object]] = {
    "tokenizer": tokenizer_checks.use,
    "sampler": sampler_checks.use,
    "metric": metric_checks.use,
}


@check("component.frozen-random-state", *USES)
def leaves_random_state(subject: Subject) -> None:
    """Using it leaves the states of `random` and of `numpy.random` as they were."""
    import numpy as np

    python, legacy = random.getstate(), np.random.get_state()
    try:
        USES[subject.kind](subject)
        after = {"random": random.getstate(), "numpy.random": np.random.get_state()}
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
    before = {"random": python, "numpy.random": legacy}
    changed = [name for name in before if not _same(before[name], after[name])]
    require(not changed, f"Using it changes the state of {' and '.join(changed)}.")


CHECKS = (leaves_random_state,)


def _same(one: object, other: object) -> bool:
    """Return whether two states are the same; numpy's is a tuple with an array in it."""
    import numpy as np

    assert isinstance(one, tuple)
    assert isinstance(other, tuple)
    return all(np.array_equal(left, right) for left, right in zip(one, other, strict=True))
