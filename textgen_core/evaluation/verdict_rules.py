"""By which rule a run is judged, and what its verdict is made of.

RULES is the whole of the order: the first that holds decides. Nothing is measured here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from textgen_core.evaluation.diagnosis import REPEATED, Symptoms
from textgen_core.evaluation.findings import Finding
from textgen_core.evaluation.verdict import CHANGES, CLAUSES, OUTCOMES, Verdict
from textgen_core.evaluation.verdict_case import LITTLE_GAIN, Case, RunFacts
from textgen_core.evaluation.verdict_clauses import KINDS
from textgen_core.formatting import format_size

RULES: Mapping[str, Callable[[Case], bool]] = {
    "seen": lambda case: "trained on this text" in case.found,
    "other kind": lambda case: "another kind of text" in case.found,
    "unscored": lambda case: not case.symptoms.tokens,
    "diverged": lambda case: (
        "divergence" in case.found and not (math.isfinite(case.symptoms.loss) and case.ends_best)
    ),
    "unfinished": lambda case: case.facts.unfinished,
    "too little text": lambda case: case.is_little,
    "unknown tokens": lambda case: "many unknown tokens" in case.found,
    "looping": lambda case: (case.symptoms.repetition or 0) > REPEATED,
    "overfitted": lambda case: (
        "overfitting" in case.found or (case.is_weak and case.memorizes and not case.adds_nothing)
    ),
    "copying": lambda case: "copying" in case.found,
    "counts alone": lambda case: case.adds_nothing and (case.memorizes or case.has_settled),
    "settled": lambda case: case.is_weak and case.has_settled and "undertraining" not in case.found,
    "undertrained": lambda case: case.is_weak or "undertraining" in case.found,
    "empty": lambda case: "empty samples" in case.found and "documents" in case.facts.flags,
    "incoherent": lambda case: "incoherence" in case.found,
}  # and where none does, it is a good run

# Which clauses follow, by the outcome; a function below finds the one of each kind.
_CLAUSES: Mapping[str, Sequence[str]] = {
    "good": ("writes", "beats", "stuck or best"),
    "diverged": ("predicts", "best"),
    "unfinished": ("writes", "predicts"),
    "too little text": ("writes", "predicts", "worsened"),
    "unknown tokens": ("predicts",),
    "empty": ("predicts",),
    "looping": ("repeats", "predicts"),
    "overfitted": ("predicts", "best"),
    "copying": ("copies", "predicts"),
    "counts alone": ("adds",),
    "settled": ("writes", "predicts"),
    "undertrained": ("writes", "adds or predicts", "best"),
    "incoherent": ("writes", "predicts"),
}

# What would help most: the first for which there is a flag, or that needs none.
_CHANGES = {
    "good": ("freer", "a little more", "text"),
    "seen": ("score new text",),
    "other kind": ("train on it",),
    "unscored": ("keep some",),
    "diverged": ("slower",),
    "unfinished": ("go on",),
    "too little text": ("text or dropout", "much more text"),
    "unknown tokens": ("tokenizer",),
    "empty": ("documents",),
    "looping": ("freer",),
    "overfitted": ("text or dropout",),
    "copying": ("text or dropout",),
    "counts alone": ("larger",),
    "settled": ("larger",),
    "undertrained": ("longer", "larger"),
    "incoherent": ("further back",),
}
_WITHOUT_FLAG = (
    "text",
    "much more text",
    "go on",
    "keep some",
    "score new text",
    "train on it",
    "tokenizer",
)


def verdict_of(symptoms: Symptoms, findings: Sequence[Finding], facts: RunFacts) -> Verdict:
    """Return the verdict on a run that was scored."""
    found = frozenset(each.trouble for each in findings)
    case = Case(symptoms=symptoms, found=found, facts=facts)
    outcome = next((outcome for outcome, holds in RULES.items() if holds(case)), "good")
    values: dict[str, float | str] = {
        "step": facts.step,
        "size": format_size(facts.training_bytes),
        "passes": facts.passes,
        "unknown": 100 * symptoms.unknown_tokens / max(1, symptoms.tokens),
    }
    clauses = []
    for kind in _CLAUSES.get(outcome, ()):
        for clause, put_in in KINDS[kind](case):
            clauses.append(clause)
            values |= put_in
            break
    change = next(_changes(outcome, case), "text")
    if change in facts.flags or change == "a little more":
        values["flag"] = facts.flags["longer" if change == "a little more" else change]
        values["gain"] = case.gain_by_more
    texts = (OUTCOMES[outcome], *(CLAUSES[each] for each in clauses), CHANGES[change])
    used = {name: each for name, each in values.items() if f"{{{name}" in "".join(texts)}
    if facts.split == "validation":
        used["split"] = facts.split
    return Verdict(outcome=outcome, clauses=tuple(clauses), change=change, values=used)


def _changes(outcome: str, case: Case) -> Iterator[str]:
    for change in _CHANGES[outcome]:
        if change == "a little more":
            if "longer" in case.facts.flags and (case.gain or 0) >= LITTLE_GAIN:
                yield change
        elif change == "freer" and outcome == "good" and "repetition" not in case.found:
            continue
        elif change == "text or dropout" and not case.memorizes and outcome == "too little text":
            continue  # what is not memorized yet would only be learned more slowly
        elif change in _WITHOUT_FLAG or change in case.facts.flags:
            yield change
