"""Trains a model for a fixed number of steps, and scores it: a run without what changes no figure.

What is trained, mixed and scored is the pipeline's own. Left out are validations, samples and
checkpoints; and a step that is compiled once serves all texts with as many tokens.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import tensorflow as tf

from textgen_core.config.fit import apply_rules
from textgen_core.config.resolve import Configuration, configure
from textgen_core.corpus import read_texts
from textgen_core.counts.counting import count
from textgen_core.counts.counts import Counts
from textgen_core.counts.mixture import LossCurve, as_curve, fit_weights, loss_curves
from textgen_core.data.reader import MixtureWeights
from textgen_core.data.token_files import subsample_evenly
from textgen_core.evaluation.baselines import measure_xz
from textgen_core.evaluation.measuring import Measurement
from textgen_core.evaluation.scoring import Scorer
from textgen_core.pipeline.assembly import make_scorer
from textgen_core.pipeline.mixing import with_counts
from textgen_core.pipeline.preparing import Prepared, build_model, make_batches, prepare
from textgen_core.pipeline.training import make_job
from textgen_core.registry.registry import Registry
from textgen_core.runs.directory import RunDirectory
from textgen_core.training.callbacks import Callback
from textgen_core.training.job import TrainingJob
from textgen_core.training.optimizer import rate_share

MOST_SCORED = 16_384  # tokens
KEPT = 6  # compiled models
_NETWORK, _COUNTS = (
    MixtureWeights(network=1.0, counts=0.0),
    MixtureWeights(network=0.0, counts=1.0),
)
_PLAIN = (MixtureWeights(), _NETWORK, _COUNTS)


@dataclass(frozen=True)
class Split:
    """Held-out tokens, and the counts' log-probabilities `(tokens - 1, vocabulary)`."""

    token_ids: np.ndarray
    log_counts: np.ndarray

    def mixed(self, logits: np.ndarray, weights: MixtureWeights) -> np.ndarray:
        """Return the losses in nats of a mixture, `(tokens - 1,)`."""
        mixed = weights.network * logits + weights.counts * self.log_counts
        mixed -= mixed.max(axis=1, keepdims=True)
        return np.log(np.exp(mixed).sum(axis=1)) - _at(mixed, self.token_ids[1:])

    def curve(self, logits: np.ndarray, weights: MixtureWeights) -> LossCurve:
        """Return what `fit_weights` asks for."""
        given = np.array(attrs.astuple(weights), np.float32)
        found = loss_curves(logits, self.log_counts, self.token_ids[1:], given)
        return as_curve(found.sum(axis=0, dtype=np.float64))


def _at(values: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values, targets[:, None].astype(np.int64), 1)[:, 0]


def _split(counts: Counts, token_ids: np.ndarray) -> Split:
    token_ids = np.array(subsample_evenly(token_ids, MOST_SCORED), np.int32)
    contexts = counts.contexts(token_ids[None, :-1])[0]
    return Split(token_ids, counts.log_probabilities(contexts))


@dataclass
class Trainable:
    """A compiled step of a model, and all of its variables as they were before the first one."""

    job: TrainingJob
    before: list[Any]
    scorer: Scorer
    logits: Measurement

    def restart(self) -> None:
        """Make it untrained again."""
        for variable, value in zip(_variables(self.job), self.before, strict=True):
            variable.assign(value)
        self.job.step.recurrent_state = None

    def logits_of(self, split: Split) -> np.ndarray:
        """Return the network's log-probabilities `(tokens - 1, vocabulary)`."""
        return self.scorer._side_by_side(split.token_ids, self.logits)


def _variables(job: TrainingJob) -> list[Any]:
    return [*job.language_model.model.variables, *job.optimizer.variables]


class Trainables:
    """Those that are compiled, by all that a step is compiled from."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: OrderedDict[Any, Trainable] = OrderedDict()

    def get(self, configuration: Configuration, prepared: Prepared) -> Trainable:
        """Return the untrained model of a configuration."""
        size = prepared.tokenizer.get_vocab_size(with_added_tokens=True)
        rows = prepared.batches.batch_size
        settings = attrs.evolve(configuration.training, epochs=1, minutes=None)
        key = (repr(configuration.model.as_table()), repr(settings), size, rows)
        found = self._kept.pop(key, None) or self._make(configuration, prepared, size)
        self._kept[key] = found
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        found.restart()
        return found

    def _make(self, configuration: Configuration, prepared: Prepared, size: int) -> Trainable:
        model = build_model(configuration, prepared.tokenizer)
        run = RunDirectory(self._folder)
        job = make_job(configuration, run, model, prepared, Callback())
        scorer = make_scorer(configuration, model)
        logits = Measurement(model, lambda logits, *_: tf.nn.log_softmax(logits), columns=size)
        before = [tf.identity(each.value) for each in _variables(job)]
        return Trainable(job, before, scorer, logits)


@dataclass
class Text:
    """A text that is prepared: its batches, its counts, and what is held out."""

    prepared: Prepared
    splits: Mapping[str, Split]
    xz: float
    train_bytes: int
    nats: float = field(init=False)  # a token, of a bit per byte of the scored text

    def __post_init__(self) -> None:
        test = self.prepared.token_files["test"]
        self.nats = np.log(2) * test.text_bytes / (len(test.token_ids) - 1)


def prepare_text(configuration: Configuration) -> Text:
    """Return what all runs on a text share."""
    texts = read_texts(configuration.corpus)
    prepared = with_counts(prepare(texts, configuration), configuration)
    test, token_ids = prepared.token_files["test"], prepared.token_files["train"].token_ids
    size, order = prepared.tokenizer.get_vocab_size(), configuration.training.counts
    learned = count(token_ids[: len(token_ids) - len(prepared.kept_out)], size, order)
    splits = {
        "kept_out": _split(learned, prepared.kept_out),
        "fit_validation": _split(learned, prepared.token_files["validation"].token_ids),
        "test": _split(prepared.counts, test.token_ids),
    }
    xz = measure_xz(prepared.splits.train, prepared.splits.test, test.text_bytes)
    return Text(prepared, splits, xz["bits_per_byte"], prepared.token_files["train"].text_bytes)


def configuration_of(registry: Registry, arguments: Mapping[str, Any]) -> Configuration:
    """Return the recipe `fast` for a text, with another model."""
    return configure({**arguments, "epochs": 1}, registry, recipe="fast")


def train_and_score(
    text: Text, configuration: Configuration, steps: int, trainables: Trainables
) -> dict[str, Any]:
    """Return the row of a run of so many steps; losses in bits per byte of the test text."""
    rows, window = text.prepared.batches.batch_size, configuration.data.sequence_length
    train_tokens = len(text.prepared.token_files["train"].token_ids)
    passes = steps * rows * window / train_tokens
    model = build_model(configuration, text.prepared.tokenizer)
    weights = model.model.count_params()
    configuration = apply_rules(configuration, passes, weights / train_tokens)
    prepared = attrs.evolve(
        text.prepared,
        batches=make_batches(
            configuration,
            text.prepared.token_files["train"].token_ids[: -len(text.prepared.kept_out)],
        ),
    )
    trainable = trainables.get(configuration, prepared)
    job, settings = trainable.job, configuration.training
    began, first = time.process_time(), 0.0
    for step in range(steps):
        if step == 1:
            first, began = time.process_time() - began, time.process_time()
        share = rate_share(settings.schedule, settings.warm_up, step / steps)
        result = job.step([prepared.batches.batch(step)], settings.learning_rate * share)
        int(result.tokens)
    each = (time.process_time() - began) / max(1, steps - 1)
    print(f"{first:.1f} s of a core for the first step, {each:.3f} s for each other", flush=True)
    logits = {name: trainable.logits_of(split) for name, split in text.splits.items()}
    weights = _weights(text, logits)
    test = text.splits["test"]
    losses = {
        name: round(float(test.mixed(logits["test"], each).mean()) / text.nats, 4)
        for name, each in (("mixture", weights), ("network", _NETWORK), ("counts", _COUNTS))
    }
    model = job.language_model.model
    return {
        **losses,
        "passes": round(passes, 3),
        "seen": steps * rows * window,
        "tokens": train_tokens,
        "parameters": sum(int(np.prod(each.shape)) for each in model.trainable_variables),
        "dropout": configuration.model.options["dropout"],
        "weights": [round(weights.network, 3), round(weights.counts, 3)],
    }


def _weights(text: Text, logits: Mapping[str, np.ndarray]) -> MixtureWeights:
    """Return the weights of the mixture as `pipeline.mixing` finds them."""
    kept, found = text.splits["kept_out"], logits["kept_out"]
    fitted = fit_weights(lambda weights: kept.curve(found, weights), len(found))
    split, found = text.splits["fit_validation"], logits["fit_validation"]
    return min((fitted, *_PLAIN), key=lambda each: float(split.mixed(found, each).sum()))
