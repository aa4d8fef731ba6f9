"""What the held-out text costs without the model, with the names that the page uses.

Takes the records of a run; knows nothing about pictures. A baseline that is not known keeps its
own name.
"""

from __future__ import annotations

import attrs

from textgen_core.report.fields import Table
from textgen_core.report.records import Records
from textgen_core.report.wording import cut

_LONGEST_NAME = 60  # characters

# What is said on a bar, and what on a level beneath a curve.
_NAMES = {
    "uniform": ("Guessing among all tokens", "guessing"),
    "unigram": ("Counting tokens", "counting tokens"),
    "ngram": ("Counting {n}-grams", "counting {n}-grams"),
    "xz": ("Compressing with xz", "xz"),
}


@attrs.frozen(kw_only=True)
class Baseline:
    """A baseline with its figures: nats per token and bits per byte, None where it has none."""

    key: str
    name: str
    short_name: str
    loss: float | None
    bits_per_byte: float | None


def read_baselines(records: Records) -> tuple[Baseline, ...]:
    """Return the baselines of a run's evaluation, in its order; none if it was not scored."""
    if records.evaluation is None:
        return ()
    return tuple(
        _baseline(key, table) for key, table in records.evaluation.table("baselines").subtables()
    )


def uniform_loss(records: Records) -> float | None:
    """Return the loss of guessing among all tokens, in nats."""
    return next((each.loss for each in read_baselines(records) if each.key == "uniform"), None)


def _baseline(key: str, table: Table) -> Baseline:
    order = table.number("order")
    letter = "n" if order is None else f"{order:.0f}"
    own = cut(key, _LONGEST_NAME)
    name, short_name = _NAMES.get(key, (own[:1].upper() + own[1:], own))
    return Baseline(
        key=key,
        name=name.replace("{n}", letter),
        short_name=short_name.replace("{n}", letter),
        loss=table.number("loss"),
        bits_per_byte=table.number("bits_per_byte"),
    )
