"""Checks of a metric: the figures that it declares, the same every time, and nothing to measure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textgen_core.components import Evidence, Figure
from textgen_core.evaluation.metrics import NamedMetric, measure_all, sign_all
from textgen_core.testing.check import check, require
from textgen_core.testing.material import letter_text, letter_tokenizer
from textgen_core.testing.subject import Subject

if TYPE_CHECKING:
    import numpy as np

_LETTERS = "abcdefgh .\n"  # words and lines to count
_LENGTHS = (120, 80, 40, 7)


@check("metric.figures", "metric")
def returns_declared_figures(subject: Subject) -> None:
    """It returns exactly the figures that it declares, each within its range, and can sign them."""
    figures = subject.cls.figures  # type: ignore[attr-defined]
    require(figures, "It declares no figures.")
    for name, figure in figures.items():
        require(isinstance(figure, Figure), f"The figure {name!r} is {figure!r}, not a Figure.")
    for what, evidence in _ordinary_evidence().items():
        _require_within(subject, evidence, what)
        sign_all([_named(subject)], evidence)


@check("metric.finite", "metric")
def is_finite(subject: Subject) -> None:
    """Where there is something to measure, every figure is finite."""
    for what, evidence in _ordinary_evidence().items():
        missing = [name for name, value in _measured(subject, evidence).items() if value is None]
        require(not missing, f"Of {what}, {' and '.join(missing)} is NaN or infinite.")


@check("metric.deterministic", "metric")
def is_deterministic(subject: Subject) -> None:
    """The same evidence gives the same figures."""
    for what, evidence in _ordinary_evidence().items():
        first, second = (_measured(subject, evidence) for _ in range(2))
        require(first == second, f"Of {what} it measures {first}, then {second}.")


@check("metric.empty-input", "metric")
def accepts_empty_input(subject: Subject) -> None:
    """Where there is nothing to measure it still returns its figures, NaN where undefined."""
    empty = {
        "no samples and no text": _evidence((), (), (), training_text=(), tokens=0),
        "samples without a character": _evidence(("", ""), ("", ""), ("", "")),
        "one sample": _evidence(("a",), ("",), ("b",)),
    }
    for what, evidence in empty.items():
        _require_within(subject, evidence, what)


@check("metric.leaves-evidence", "metric")
def leaves_evidence(subject: Subject) -> None:
    """It changes nothing of the evidence, which the other metrics share."""
    for evidence in _ordinary_evidence().values():
        before = _held_by(evidence)
        _measured(subject, evidence)
        after = _held_by(evidence)
        changed = [name for name, value in before.items() if value != after[name]]
        require(not changed, f"It changes the evidence's {' and '.join(changed)}.")


def use(subject: Subject) -> None:
    """Measure once."""
    subject.instance().measure(next(iter(_ordinary_evidence().values())))


def _ordinary_evidence() -> dict[str, Evidence]:
    written, real = (
        [letter_text(length, first + place, _LETTERS) for place, length in enumerate(_LENGTHS)]
        for first in (0, 10)
    )
    prompts = [letter_text(12, 20 + place, _LETTERS) for place in range(len(_LENGTHS))]
    loops = ["ab " * 12] * len(_LENGTHS)
    return {
        "different samples": _evidence(written, prompts, real),
        "samples that are their references": _evidence(real, prompts, real),
        "samples that are all one loop": _evidence(loops, prompts, real),
    }


def _evidence(
    samples: Sequence[str],
    prompts: Sequence[str],
    references: Sequence[str],
    *,
    training_text: Sequence[str] = (letter_text(500, 30, _LETTERS), letter_text(90, 31, _LETTERS)),
    tokens: int = 60,
) -> Evidence:
    """Return evidence with `tokens` held-out tokens, and a model whose losses follow the ids."""
    import numpy as np

    tokenizer = letter_tokenizer(_LETTERS)

    def losses(token_ids: Sequence[int]) -> np.ndarray:
        return np.asarray([1 + token % 5 / 4 for token in token_ids], np.float32)

    held_out = tokenizer.encode(letter_text(tokens, 40, _LETTERS)).ids
    return Evidence(
        samples=list(samples),
        prompts=list(prompts),
        references=list(references),
        training_text=tuple(training_text),
        token_losses=losses(held_out),
        token_ids=np.asarray(held_out, np.int32),
        tokenizer=tokenizer,
        score=lambda text: losses(tokenizer.encode(text).ids),
    )


def _held_by(evidence: Evidence) -> dict[str, object]:
    """Return what a metric could change, copied."""
    return {
        "samples": tuple(evidence.samples),
        "prompts": tuple(evidence.prompts),
        "references": tuple(evidence.references),
        "token_losses": evidence.token_losses.tolist(),
        "token_ids": evidence.token_ids.tolist(),
        "tokenizer": evidence.tokenizer.to_str(),
    }


def _measured(subject: Subject, evidence: Evidence) -> dict[str, float | None]:
    """Return the figures as the core reads them: one that is not finite is None."""
    named = _named(subject)
    return measure_all([named], evidence)[named.label]


def _named(subject: Subject) -> NamedMetric:
    return NamedMetric(subject.component.name, subject.component.provider, subject.instance())


def _require_within(subject: Subject, evidence: Evidence, what: str) -> None:
    for name, value in _measured(subject, evidence).items():
        figure = subject.cls.figures[name]  # type: ignore[attr-defined]
        low = -float("inf") if figure.low is None else figure.low
        high = float("inf") if figure.high is None else figure.high
        within = value is None or low <= value <= high
        require(within, f"Of {what}, {name} is {value}, not within {low} to {high}.")
