"""Which settings that somebody gave have no effect, and why.

Some settings belong to one way of training: early stopping to epochs, a stride to windows. What a
recipe or a default has of the other way goes without saying; what was asked for does not. The rules
look at a configuration as it was resolved; a setting that is refused is no matter of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textgen_core.config.resolve import Configuration, given_settings
from textgen_core.config.settings import CLOCKS
from textgen_core.config.sources import settings_layer

Rule = tuple[str, str]  # a setting, and why it has no effect

# Settings of the corpus that nothing but training reads.
_OF_TRAINING = ("corpus.split", "corpus.split_by", "corpus.validation", "corpus.test")


def find_ineffective(configuration: Configuration) -> list[str]:
    """Return a sentence for each given setting that has no effect, with the reason and a way on."""
    reasons: dict[str, str] = {}
    for setting, reason in _rules(configuration):
        reasons.setdefault(setting, reason)
    return [
        f"{setting} ({configuration.given[setting]}) has no effect: {reason}"
        for setting, reason in reasons.items()
        if setting in configuration.given
    ]


def find_unread(settings: Sequence[str]) -> list[str]:
    """Return a sentence for each setting that an analysis of a corpus does not look at."""
    return [
        f"{setting} ({place}) has no effect: an analysis looks at the whole text, before it is "
        "split or trained on."
        for setting, place in given_settings([settings_layer(settings)]).items()
        if setting in _OF_TRAINING or not setting.startswith("corpus.")
    ]


def _rules(configuration: Configuration) -> Iterator[Rule]:
    yield from _of_the_clock(configuration)
    yield from _of_the_schedule(configuration)
    yield from _of_held_out_text(configuration)
    yield from _of_batches(configuration)


def _of_the_clock(configuration: Configuration) -> Iterator[Rule]:
    clock, given = configuration.training.clock, configuration.given
    for other in CLOCKS:
        if other != clock:
            place = given.get(f"training.{clock}", "the recipe")
            yield f"training.{other}", f"training.{clock} are given too ({place}), and they win."
    if clock != "epochs":
        yield (
            "training.patience",
            f"a run of {clock} does not stop early. Give --epochs, or fewer --{clock}.",
        )
    if clock != "minutes":
        yield (
            "training.most_passes",
            f"it ends runs of minutes early, and the run is one of {clock}.",
        )


def _of_the_schedule(configuration: Configuration) -> Iterator[Rule]:
    training = configuration.training
    if training.schedule == "plateau" and training.clock != "epochs":
        yield (
            "training.schedule",
            "plateau lowers the rate at the end of epochs, and is off in a run of "
            f"{training.clock}: the rate is constant. Give --epochs, or training.schedule=linear.",
        )
    if training.schedule != "halving":
        yield (
            "training.halve_after",
            f"it belongs to training.schedule=halving, and the schedule is {training.schedule}.",
        )


def _of_held_out_text(configuration: Configuration) -> Iterator[Rule]:
    corpus, training = configuration.corpus, configuration.training
    if corpus.validation is not None:
        whole = "all of the corpus is for training, since corpus.validation is given."
        yield "corpus.split", whole
        yield "corpus.split_by", whole
        return
    if corpus.split[1] > 0:
        return
    none = "no text is held out for validation (corpus.split)."
    yield "training.patience", none
    yield "training.validation_tokens", none
    if training.schedule == "plateau":
        yield "training.schedule", f"plateau goes by validations, and {none}"


def _of_batches(configuration: Configuration) -> Iterator[Rule]:
    data = configuration.data
    if data.batching == "stream":
        yield (
            "data.stride",
            "streams (data.batching) run on without a stride; it belongs to windows.",
        )
        yield (
            "evaluation.stride",
            "a model trained on streams (data.batching) is scored with its state carried through; "
            "a stride belongs to windows.",
        )
        return
    yield (
        "data.stream_length",
        "it belongs to data.batching=stream, and the batches are windows.",
    )
    if data.stride > data.sequence_length:
        yield (
            "data.stride",
            f"windows of {data.sequence_length} tokens (data.sequence_length) lie no further "
            "apart, so that no token is left out.",
        )
