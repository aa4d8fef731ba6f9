"""A verdict on a run in two sentences: what it can do, when it was best, what would help most.

It is kept as keys and values, and said in whatever language its reader has.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from textgen_core.formatting import say

# What a verdict begins with, by its outcome.
OUTCOMES = {
    "good": "A good run",
    "diverged": "Its loss leapt up in training",
    "seen": "The model was trained on this text, so its figures say nothing of new text",
    "other kind": "This is another kind of text than it was trained on: the figures say how far "
    "from it, not how good the model is",
    "unfinished": "Stopped before its end, at step {step}",
    "unscored": "No text was kept out of the training, so nothing can say how good it is",
    "too little text": "Too little text ({size} to train on, read {passes:.0f} times)",
    "looping": "It goes round in circles",
    "unknown tokens": "Its tokenizer does not know {unknown:.0f} % of the text",
    "empty": "It often ends a text before the first word",
    "overfitted": "It memorized its text",
    "copying": "It copies its text",
    "settled": "It has stopped learning too soon",
    "undertrained": "Trained too briefly",
    "counts alone": "The network adds next to nothing",
    "incoherent": "It loses the thread in a long text",
}

# What it goes on with: predicates of the model.
CLAUSES = {
    "no words": "makes up most of its words",
    "some words": "makes up many of its words",
    "words": "writes words",
    "phrases": "writes words and short phrases of your text",
    "stuck": "repeats itself over and over in {stuck} of its texts",
    "repeats": "repeats {repeated:.0f} % of its phrases",
    "copies": "takes {copied:.0f} % of its eight-word phrases from it",
    "copies long": "takes {copied:.0f} characters in a row from it",
    "guesses": "predicts no better than guessing",
    "frequencies": "knows how frequent each token is but little of their order",
    "behind n-grams": "predicts new text {ngram:.0f} % worse than counting n-grams",
    "even with n-grams": "predicts new text as well as counting n-grams",
    "ahead of n-grams": "predicts new text {ngram:.0f} % better than counting n-grams",
    "ahead of both": "predicts new text {ngram:.0f} % better than counting n-grams and {xz:.0f} % "
    "better than xz",
    "behind xz": "predicts new text {ngram:.0f} % better than counting n-grams, though {xz:.0f} % "
    "worse than xz",
    "adds": "predicts new text only {added:.1f} % better than counts of n-grams alone",
    "adds nothing": "predicts new text no better than counts of n-grams alone",
    "bits": "needs {bits:.2f} bits for a byte of this text",
    "still improving": "was still improving at its last step",
    "best at the end": "was best at its last step",
    "best near the end": "was best at step {best} of {last}",
    "apart": "has a loss of {training:.2f} on that text and of {loss:.2f} on new text",
    "best before": "was best at step {best} of {last}; since then it only memorized",
}

# The one change that would help most; `{run}` is the run's directory. No full stop follows what is
# to be copied.
CHANGES = {
    "longer": "Train longer: run it again with {flag}",
    "a little more": "Training longer may bring about {gain:.0f} % more: run it again with {flag}",
    "text": "More text of this kind would help most.",
    "much more text": "What helps is more text: a million characters or so.",
    "text or dropout": "More text would help most; without it, more dropout: {flag}",
    "larger": "A larger model would help most: run it again with {flag}",
    "freer": "Let it write more freely: textgen generate {run} {flag}",
    "slower": "Lower the learning rate: run it again with {flag}",
    "tokenizer": "Take a tokenizer that knows every text: --tokenizer bpe",
    "documents": "Say what a document of the text is: {flag}",
    "further back": "Let it see further back: run it again with {flag}",
    "go on": "Go on: textgen resume {run}",
    "keep some": "Keep some: --split 80,10,10",
    "score new text": "Score a text that was kept from it: textgen evaluate {run}",
    "train on it": "To write such text, train on it.",
}

# Where the course explains an outcome.
PLACES = {
    "good": "docs/course/troubles.md#the-verdict",
    "diverged": "docs/course/troubles.md#divergence",
    "looping": "docs/course/troubles.md#repetition",
    "unknown tokens": "docs/course/troubles.md#many-unknown-tokens",
    "overfitted": "docs/course/troubles.md#overfitting",
    "copying": "docs/course/troubles.md#copying",
    "undertrained": "docs/course/troubles.md#undertraining",
    "settled": "docs/course/troubles.md#worse-than-n-grams-worse-than-xz",
    "counts alone": "docs/course/troubles.md#worse-than-n-grams-worse-than-xz",
    "too little text": "docs/course/troubles.md#too-little-text",
    "incoherent": "docs/course/troubles.md#incoherence",
}


@attrs.frozen(kw_only=True)
class Verdict:
    """What is to be said of a run, as `verdict` of evaluation.json keeps it.

    outcome: a key of OUTCOMES; clauses, change: keys of CLAUSES and CHANGES. values: numbers, and
    texts that are the same in every language, such as a flag; `split` if there is no test text.
    """

    outcome: str
    clauses: tuple[str, ...] = ()
    change: str = ""
    values: Mapping[str, float | str] = attrs.field(factory=dict)

    def sentences(self, run: str = "RUN") -> tuple[str, ...]:
        """Return it in the chosen language: what the model can do, what would help, where to read.

        run: the run's directory, as a command takes it.
        """
        values = {**self.values, "run": run}
        told = say(OUTCOMES[self.outcome], **values)
        if self.clauses:
            clauses = _listed([say(CLAUSES[each], **values) for each in self.clauses])
            clauses = say("it {clauses}", clauses=clauses)
            told += f". {clauses[0].upper()}{clauses[1:]}"
            if self.values.get("split") == "validation":
                told += say(" (all this on its validation text)")
        place = say(PLACES.get(self.outcome, PLACES["good"]))
        return (
            f"{told}.",
            *([say(CHANGES[self.change], **values)] if self.change else ()),
            say("Explained in {place}", place=place),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the table that `read_verdict` reads."""
        return {**attrs.asdict(self), "clauses": list(self.clauses)}


UNSCORED = Verdict(outcome="unscored", change="keep some")


def read_verdict(evaluation: Mapping[str, Any]) -> Verdict | None:
    """Return the verdict of an evaluation.json, or None: there may be none that can be said."""
    table: Any = evaluation.get("verdict")
    try:
        verdict = Verdict(
            outcome=table["outcome"],
            clauses=tuple(table["clauses"]),
            change=table["change"],
            values=dict(table["values"]),
        )
        verdict.sentences()
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError):
        return None  # of an older version, or another one, or damaged
    return verdict


def _listed(clauses: list[str]) -> str:
    *others, last = clauses
    if not others:
        return last
    before = ", ".join(others)
    if "," in before:
        return say("{before}, and {last}", before=before, last=last)
    return say("{before} and {last}", before=before, last=last)
