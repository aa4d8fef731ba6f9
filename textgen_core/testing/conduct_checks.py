"""Checks of what a component does beside its work: the files that it writes, its connections.

A first use is not looked at, since what it imports may keep files of its own. This module knows
nothing about how a component is used.
"""

from __future__ import annotations

import attrs

from textgen_core.registry.registry import KINDS
from textgen_core.testing.check import check, require
from textgen_core.testing.subject import Subject
from textgen_core.testing.uses import use
from textgen_core.testing.watching import Act, watched

SHOWN = 3  # acts that a fault names


@check("component.no-writes", *KINDS)
def writes_nothing(subject: Subject) -> str | None:
    """Used again, it writes only temporary files and a tracker's own, and starts no process.

    A tracker may start one: the client of a service often does.
    """
    use(subject)
    with watched() as acts:
        note = use(subject)
    judged = ("write",) if subject.kind == "tracker" else ("write", "process")
    _require_none([each for each in acts if each.kind in judged])
    return note


@check("component.no-network", *KINDS)
def stays_offline(subject: Subject) -> str | None:
    """Used again, it makes no connection; a tracker may, and makes none before its `start`."""
    note = None
    if subject.kind != "tracker":
        use(subject)
    with watched() as acts:
        attrs.evolve(subject.instance())  # constructed anew
        if subject.kind != "tracker":
            note = use(subject)
    _require_none([each for each in acts if each.kind == "connection"])
    return note


CHECKS = (writes_nothing, stays_offline)


def _require_none(acts: list[Act]) -> None:
    words = list(dict.fromkeys(each.words for each in acts))
    more = f", and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    require(not words, f"Used again, {', '.join(words[:SHOWN])}{more}.")
