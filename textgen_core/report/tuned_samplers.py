"""Samplers that were tuned on a run, for a page: how near to real text each chain writes.

They are told from the values of their JSON, and names and texts are foreign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import attrs

from textgen_core.formatting import say
from textgen_core.report.wording import MISSING, show_figure, show_percent

Values = Mapping[str, Any]

_SHOWN = 3  # prompts whose texts are shown
_SHARES = ("rep_2", "new_pairs")


@attrs.frozen(kw_only=True)
class TunedSamplers:
    """What a page shows of them; written: each prompt, with the names of texts and the texts."""

    sentence: str
    command: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]
    written: Sequence[tuple[str, Sequence[tuple[str, str]]]]


def describe_samplers(found: Values | None) -> TunedSamplers | None:
    """Return what came of tuning samplers; None if that was not asked for, or cannot be read."""
    with suppress(KeyError, IndexError, TypeError, ValueError, AttributeError):
        return _described(found) if found else None
    return None  # what another version, or whoever else, has written


def _described(found: Values) -> TunedSamplers:
    columns = [
        (say("samplers"), "path"),
        (say("distance"), "number"),
        (say("repeated pairs of words"), "number"),
        (say("pairs of words new to the text"), "number"),
    ]
    rows = [_row(_called(each), each["distance"], each["figures"]) for each in found["checked"]]
    real = found["real"]
    rows.append(_row(say("real text"), real["distance"], real["figures"]))
    return TunedSamplers(
        sentence=_sentence(found),
        command=found["command"],
        columns=columns,
        rows=rows,
        written=list(_written(found)),
    )


def _sentence(found: Values) -> str:
    tuned, own = found["checked"][:2]
    told = {
        "tuned": _chain(tuned),
        "own": _chain(own),
        "near": show_figure(tuned["distance"], 2),
        "far": show_figure(own["distance"], 2),
    }
    if tuned["samplers"] == own["samplers"]:
        return say("Nothing that was tried writes nearer to real text than {own}.", **told)
    if tuned["distance"] >= own["distance"]:
        return say(
            "{tuned} writes no nearer to real text than the run's own {own}: a distance of {near} "
            "against {far}.",
            **told,
        )
    if found["is_tie"]:
        return say(
            "{tuned} may write nearer to real text than the run's own {own}, or it is chance: a "
            "distance of {near} against {far}.",
            **told,
        )
    return say(
        "{tuned} writes nearer to real text than the run's own {own}: a distance of {near} "
        "against {far}.",
        **told,
    )


def _row(name: str, distance: float, figures: Values) -> list[str]:
    shares = (figures.get(key) for key in _SHARES)
    shown = (MISSING if each is None else show_percent(each) for each in shares)
    return [name, show_figure(distance, 2), *shown]


def _chain(checked: Values) -> str:
    return " ".join(checked["samplers"]) or say("no sampler")


def _called(checked: Values) -> str:
    """Return the name of a chain, and its samplers where that does not say them."""
    chain = _chain(checked)
    known = {"tuned": say("tuned"), "the run's own": say("the run's own")}
    name = known.get(checked["name"], checked["name"])
    return chain if chain == name else f"{name}: {chain}"


def _written(found: Values) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    for place, prompt in enumerate(found["prompts"][:_SHOWN]):
        texts = [(_called(each), each["texts"][place]) for each in found["checked"]]
        yield prompt, [*texts, (say("real text"), found["references"][place])]
