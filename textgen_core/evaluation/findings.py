"""What a diagnosis found: kept in English, told in the chosen language, each advice once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from textgen_core.formatting import Sentence, say_again

_LONGER = "Train longer ({longer})"

# What to do about an issue, and the setting to change; "" for the one that says how long to train.
# A run of minutes does not stop early, and is not advised to.
ADVICE = {
    "trained on this text": (
        "Score a text that was kept from training, such as the run's own: textgen evaluate RUN",
        "corpus.test",
    ),
    "another kind of text": (
        "Training longer would not change that: train on text like it (corpus.files), or score "
        "text like the training text.",
        "corpus.files",
    ),
    "worse than counting tokens": (f"{_LONGER}, or try another training.learning_rate.", ""),
    "worse than n-grams": (
        f"{_LONGER}, or choose a larger model (--model) if the training loss has settled.",
        "",
    ),
    "worse than xz": (
        f"{_LONGER}. If the held-out text repeats the training text, let the model see further "
        "back (data.sequence_length).",
        "",
    ),
    "divergence": (
        "Lower the learning rate (training.learning_rate), let it rise slowly (training.warm_up), "
        "or clip the gradient (training.clip_norm).",
        "training.learning_rate",
    ),
    "overfitting": (
        "Give it more text (corpus.files), raise the model's dropout, choose a smaller model, or "
        "stop earlier ({earlier}).",
        "model.dropout",
    ),
    "copying": (
        "Stop earlier ({earlier}), give it more text (corpus.files), raise the model's dropout, or "
        "choose a smaller model.",
        "",
    ),
    "undertraining": (f"{_LONGER}.", ""),
    "many unknown tokens": (
        "Raise the tokenizer's vocabulary_size, or choose one that is lossless (--tokenizer).",
        "tokenizer.vocabulary_size",
    ),
    "empty samples": (
        "If the model ends a text where it should begin one, say what a document of the corpus is "
        "(corpus.documents) and start samples where documents start (generation.prompt).",
        "corpus.documents",
    ),
    "repetition": (
        "Draw more freely (a higher temperature or p of the sampler), or add a sampler against "
        f"repetition (--sampler). {_LONGER} if the loss still falls.",
        "sampler",
    ),
    "incoherence": (
        "Let the model see further back (data.sequence_length), draw less freely (a lower "
        "temperature or p), or train longer.",
        "data.sequence_length",
    ),
    "out of memory": (
        "Choose a smaller training.batch_size with training.accumulate, a shorter "
        "data.sequence_length, or training.recompute=true.",
        "training.batch_size",
    ),
}


@attrs.frozen
class Finding:
    """An issue, the evidence for it, a suggestion, and the setting to change.

    The fields are keys of evaluation.json. setting: as `--set` takes it, such as `training.epochs`,
    or the name of a flag's component, such as `sampler`; empty where no setting helps.
    """

    trouble: str
    evidence: str
    advice: str
    setting: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the table of evaluation.json: beside the texts, what they are said again from."""
        kept = {"evidence": self.evidence, "advice": self.advice}
        said = {name: text.as_json() for name, text in kept.items() if isinstance(text, Sentence)}
        return {**attrs.asdict(self), **({"said": said} if said else {})}


def make_finding(trouble: str, evidence: str, cure: str, longer: str) -> Finding:
    """Return a finding with the advice and the setting for the issue `cure`.

    longer: the setting that gives the length of training.
    """
    advice, setting = ADVICE[cure]
    earlier = f"training.patience, {longer}" if longer == "training.epochs" else longer
    told = Sentence(advice, longer=longer, earlier=earlier)
    return Finding(trouble, evidence, told, setting or longer)


@attrs.frozen(kw_only=True)
class Told:
    """Findings with one advice, as a reader sees them."""

    issues: tuple[str, ...]
    evidence: tuple[str, ...]
    advice: str
    setting: str


def tell_findings(tables: Sequence[Mapping[str, Any]]) -> list[Told]:
    """Return in the chosen language what is to be told of a diagnosis, in its order.

    tables: those of `diagnosis` in evaluation.json, or `as_json` of findings. Their values may be
    anything; what is no text is left out.
    """
    told: dict[str, Told] = {}
    for table in tables:
        found = _told(table)
        cure = _cure(table) or found.advice
        before = told.get(cure)
        told[cure] = (
            found
            if before is None
            else attrs.evolve(
                before,
                issues=tuple(dict.fromkeys(before.issues + found.issues)),
                evidence=tuple(dict.fromkeys(before.evidence + found.evidence)),
            )
        )
    return [*told.values()]


def _told(table: Mapping[str, Any]) -> Told:
    issue, evidence, advice, setting = (
        each if isinstance(each := table.get(name), str) else ""
        for name in ("trouble", "evidence", "advice", "setting")
    )
    kept = table.get("said")
    said: Mapping[str, Any] = kept if isinstance(kept, Mapping) else {}
    return Told(
        issues=(say_again([[issue, {}]], issue),),
        evidence=(say_again(said.get("evidence"), evidence),),
        advice=say_again(said.get("advice"), advice),
        setting=setting,
    )


def _cure(table: Mapping[str, Any]) -> str:
    """Return what a finding's advice comes to: a copying model is one that memorizes."""
    if table.get("trouble") == "copying":
        return "model.dropout"
    setting = table.get("setting")
    return setting if isinstance(setting, str) else ""
