"""The clauses of a verdict: what a model writes and predicts, and when it was best.

Each function yields the keys of the clauses that hold with what is put in; the first one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from textgen_core.evaluation.diagnosis import NEAR_UNIGRAM
from textgen_core.evaluation.training_curve import find_undertraining, validations
from textgen_core.evaluation.verdict_case import Case, better

_HALF_PERCENT = 0.5  # less is no difference
_SHOWN = 0.05  # percent; less would be shown as 0.0
_SOME_WORDS, _WORDS = 0.5, 0.85  # shares of real words
_PHRASES = (0.05, 0.5)  # of the samples' four-grams in the training text: so many, and of the usual

Clauses = Iterator[tuple[str, Mapping[str, float | str]]]


def _writes(case: Case) -> Clauses:
    real = case.symptoms.real_words
    if real is None:
        return
    own, usual = (share or 0.0 for share in case.symptoms.copied_fours)
    if real < _SOME_WORDS:
        yield "no words", {}
    elif real < _WORDS:
        yield "some words", {}
    elif own >= max(_PHRASES[0], _PHRASES[1] * usual):
        yield "phrases", {}
    else:
        yield "words", {}


def _predicts(case: Case) -> Clauses:
    each = case.symptoms
    if each.uniform_loss is not None and not each.loss < each.uniform_loss:
        yield "guesses", {}
    if each.unigram_loss is not None and each.loss > NEAR_UNIGRAM * each.unigram_loss:
        yield "frequencies", {}
    if each.ngram_loss is None:
        yield "bits", {"bits": each.bits_per_byte}
        return
    ngram = better(each.loss, each.ngram_loss, 0.0)
    xz = better(each.bits_per_byte, each.xz_bits_per_byte, 0.0)
    if abs(ngram) < _HALF_PERCENT:
        yield "even with n-grams", {}
    elif ngram < 0:
        yield "behind n-grams", {"ngram": -ngram}
    elif xz <= -_HALF_PERCENT:
        yield "behind xz", {"ngram": ngram, "xz": -xz}
    else:
        yield "ahead of n-grams", {"ngram": ngram}


def _beats(case: Case) -> Clauses:
    each = case.symptoms
    ngram = better(each.loss, each.ngram_loss, 0.0)
    xz = better(each.bits_per_byte, each.xz_bits_per_byte, 0.0)
    if min(ngram, xz) >= _HALF_PERCENT:
        yield "ahead of both", {"ngram": ngram, "xz": xz}
    yield from _predicts(case)


def _adds(case: Case) -> Clauses:
    if case.adds_nothing:
        gain = better(case.symptoms.loss, case.symptoms.counts_loss, 0.0)
        if gain >= _SHOWN:
            yield "adds", {"added": gain}
        yield "adds nothing", {}


def _adds_or_predicts(case: Case) -> Clauses:
    yield from _adds(case)
    yield from _predicts(case)


def _best(case: Case) -> Clauses:
    rows, points = case.symptoms.rows, validations(case.symptoms.rows)
    if not points:
        last = next((row["loss"] for row in reversed(rows) if row.get("loss") is not None), None)
        if "overfitting" in case.found and last is not None:
            yield "apart", {"training": last, "loss": case.symptoms.loss}
        return
    if len(points) < 2:
        return
    lowest = min(loss for _, loss in points)
    best, last = next(step for step, loss in points if loss == lowest), points[-1][0]
    if find_undertraining(rows):
        yield "still improving", {}
    elif best == last:
        yield "best at the end", {}
    elif "overfitting" in case.found:
        yield "best before", {"best": best, "last": last}
    else:
        yield "best near the end", {"best": best, "last": last}


def _worsened(case: Case) -> Clauses:
    if "overfitting" in case.found:
        yield from _best(case)


def _stuck_or_best(case: Case) -> Clauses:
    if loops := case.symptoms.loops:
        yield "stuck", {"stuck": len(loops)}
    yield from _best(case)


def _repeats(case: Case) -> Clauses:
    yield "repeats", {"repeated": 100 * (case.symptoms.repetition or 0)}


def _copies(case: Case) -> Clauses:
    eights, longest = case.symptoms.copied_eights[0], case.symptoms.longest_copied[0]
    if eights:
        yield "copies", {"copied": 100 * eights}
    if longest:
        yield "copies long", {"copied": longest}


KINDS: Mapping[str, Callable[[Case], Clauses]] = {
    "writes": _writes,
    "predicts": _predicts,
    "beats": _beats,
    "adds": _adds,
    "adds or predicts": _adds_or_predicts,
    "best": _best,
    "stuck or best": _stuck_or_best,
    "worsened": _worsened,
    "repeats": _repeats,
    "copies": _copies,
}
