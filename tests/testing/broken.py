"""Components that break one rule each: for every check those that it must find, and its words."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import attrs
from testing.sound import (
    SPECIAL,
    Pages,
    PlainBuilder,
    SoundBuilder,
    SoundMetric,
    SoundSampler,
    SoundTracker,
    SoundTrainer,
)

from textgen_core import Evidence, Figure, TextgenError
from textgen_core.components import Outcome, TrackedRun, option

COUNTER = itertools.count()

# ---- any component ------------------------------------------------------------------------------


class Undecorated(SoundSampler):
    """A class that attrs never saw."""


@attrs.frozen(kw_only=True)
class Nameless(SoundMetric):
    """Its option has the name of the component's own."""

    name: str = option("", help="a name")


@attrs.frozen(kw_only=True)
class Demanding(SoundSampler):
    """Its own rule refuses its defaults."""

    def __attrs_post_init__(self) -> None:
        raise ValueError("distance must be chosen")


@attrs.frozen(kw_only=True)
class Silent(SoundSampler):
    pass


@attrs.frozen(kw_only=True)
class Rambling(SoundSampler):
    """Its summary is so long that it takes
    two lines.
    """


@attrs.frozen(kw_only=True)
class Helpless(SoundSampler):
    """Its option is not explained."""

    distance: float = option(5.0, help=" ", above=0)


@attrs.frozen(kw_only=True)
class NoneByName(SoundSampler):
    """A choice has the name that stands for None."""

    way: Literal["none", "fast"] | None = option("fast", help="the way")


@attrs.frozen(kw_only=True)
class Quoting(SoundSampler):
    """The default reads as two options in a spec."""

    text: str = option("a',b='c", help="a text")


@attrs.frozen(kw_only=True)
class GlobalSampler(SoundSampler):
    """Draws from the random numbers of the process."""

    def transform(self, logits: Any, history: Any) -> Any:
        random.random()
        return logits


@attrs.frozen(kw_only=True)
class GlobalTrainer(SoundTrainer):
    """Seeds the random numbers of the process."""

    def train(self, texts: Iterable[str]) -> Any:
        import numpy as np

        np.random.seed(1)
        return SoundTrainer.train(self, texts)


@attrs.frozen(kw_only=True)
class GlobalMetric(SoundMetric):
    """Shuffles with the random numbers of the process."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        samples = list(evidence.samples)
        random.shuffle(samples)
        return SoundMetric.measure(self, attrs.evolve(evidence, samples=samples))


# ---- tokenizers ---------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class SpecialLast(SoundTrainer):
    """The special tokens come after all others."""

    def train(self, texts: Iterable[str]) -> Any:
        from tokenizers import Tokenizer, models

        tokenizer = Tokenizer(models.BPE(vocab={"a": 0, "b": 1}, merges=[]))
        tokenizer.add_special_tokens(list(SPECIAL))
        return tokenizer


@attrs.frozen(kw_only=True)
class NoTokenizer(SoundTrainer):
    """Returns a vocabulary."""

    def train(self, texts: Iterable[str]) -> Any:
        return set("".join(texts))


@attrs.frozen(kw_only=True)
class Ordinary(SoundTrainer):
    """The four tokens are ordinary words."""

    def train(self, texts: Iterable[str]) -> Any:
        return word_tokenizer(sorted(set(" ".join(texts).split())))


@attrs.frozen(kw_only=True)
class Dropping(SoundTrainer):
    """Leaves merges out by chance, in its file too."""

    pairs: int = option(200, help="pairs to merge", at_least=0)

    def train(self, texts: Iterable[str]) -> Any:
        tokenizer = SoundTrainer.train(self, texts)
        tokenizer.model.dropout = 0.5
        return tokenizer


@attrs.frozen(kw_only=True)
class Custom(SoundTrainer):
    """Cuts with Python, which no file can hold."""

    def train(self, texts: Iterable[str]) -> Any:
        from tokenizers.pre_tokenizers import PreTokenizer

        tokenizer = SoundTrainer.train(self, texts)
        tokenizer.pre_tokenizer = PreTokenizer.custom(Cutter())
        return tokenizer


class Cutter:
    """A pre-tokenizer that cuts nothing."""

    def pre_tokenize(self, pretokenized: Any) -> None:
        """Leave the text as it is."""


@attrs.frozen(kw_only=True)
class Lowering(SoundTrainer):
    """Promises every text back, and lowers its letters."""

    def train(self, texts: Iterable[str]) -> Any:
        from tokenizers.normalizers import Lowercase

        tokenizer = SoundTrainer.train(self, texts)
        tokenizer.normalizer = Lowercase()
        return tokenizer


@attrs.frozen(kw_only=True)
class Believing(SoundTrainer):
    """Takes the text of a special token for the token."""

    lossless: ClassVar[bool] = False

    def train(self, texts: Iterable[str]) -> Any:
        tokenizer = word_tokenizer(sorted(set(" ".join(texts).split()) - {*SPECIAL}))
        tokenizer.add_special_tokens(list(SPECIAL))
        return tokenizer


@attrs.frozen(kw_only=True)
class Counting(SoundTrainer):
    """Every tokenizer has a token of its own."""

    def train(self, texts: Iterable[str]) -> Any:
        tokenizer = SoundTrainer.train(self, texts)
        tokenizer.add_tokens([f"token number {next(COUNTER)}"])
        return tokenizer


@attrs.frozen(kw_only=True)
class OfASet(SoundTrainer):
    """Numbers its words as a set holds them."""

    def train(self, texts: Iterable[str]) -> Any:
        tokenizer = word_tokenizer(list(set(" ".join(texts).split()) - {*SPECIAL}))
        tokenizer.add_special_tokens(list(SPECIAL))
        return tokenizer


def word_tokenizer(words: list[str]) -> Any:
    """Return a tokenizer of the special tokens, not yet declared as such, and of words."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = [*SPECIAL, *(word for word in words if word not in SPECIAL)]
    vocabulary = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token="<UNK>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


# ---- models -------------------------------------------------------------------------------------


def builder(fault: str, base: type[SoundBuilder] = SoundBuilder) -> type[SoundBuilder]:
    """Return a builder whose models have a fault."""
    body = {"fault": fault, "__doc__": f"Builds a model: {fault}.", "__module__": __name__}
    return attrs.frozen(kw_only=True)(type("FaultyBuilder", (base,), body))


@attrs.frozen(kw_only=True)
class HalfBuilder(SoundBuilder):
    """Builds a model that can be advanced, but from no beginning."""

    def build(self, vocabulary_size: int, context_length: int) -> Any:
        from testing.tiny_models import AdvancingModel, CountingModel

        class HalfModel(CountingModel):
            advance = AdvancingModel.advance

        return HalfModel(vocabulary_size, self.width, "")


# ---- samplers -----------------------------------------------------------------------------------


def sampler(transform: Any, summary: str) -> type[SoundSampler]:
    """Return a sampler with a transform: a function of the logits and of TensorFlow."""

    def own(self: Any, logits: Any, history: Any) -> Any:
        import tensorflow as tf

        return transform(logits, tf)

    body = {"transform": own, "__doc__": summary, "__module__": __name__}
    return attrs.frozen(kw_only=True)(type("FaultySampler", (SoundSampler,), body))


MAJORITY = sampler(
    lambda logits, tf: tf.where(tf.nn.softmax(logits) > 0.5, logits, -float("inf")),
    "Keep a token that has most of the probability.",
)
ZERO_TIMES = sampler(lambda logits, tf: logits * 0, "Make minus infinity times zero: NaN.")
FLOOR = sampler(lambda logits, tf: tf.maximum(logits, -1e9), "Keep logits above a floor.")
OF_ALL = sampler(
    lambda logits, tf: logits / (1 + tf.abs(tf.reduce_max(logits))), "Divide by all rows' maximum."
)
NOISE = sampler(
    lambda logits, tf: logits + tf.random.normal(logits.shape), "Draw, which is not its business."
)
OUT_OF_GRAPH = sampler(
    lambda logits, tf: logits * float(logits.numpy().max() > 0), "Look at the values."
)
PYTHON = sampler(
    lambda logits, tf: tf.py_function(lambda each: each, [logits], tf.float32), "Call Python."
)
NARROW = sampler(lambda logits, tf: logits[:, :-1], "Drop a token.")

# ---- metrics ------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Undeclared(SoundMetric):
    """Returns a figure that it does not declare."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        return {**SoundMetric.measure(self, evidence), "longest": 3.0}


@attrs.frozen(kw_only=True)
class OutOfRange(SoundMetric):
    """Leaves the range that it declares."""

    figures: ClassVar[Mapping[str, Figure]] = {"mean": Figure("neither", 0.0, 1.0)}


@attrs.frozen(kw_only=True)
class NoFigures(SoundMetric):
    """Declares none."""

    figures: ClassVar[Mapping[str, Figure]] = {}


@attrs.frozen(kw_only=True)
class Moody(SoundMetric):
    """Measures something else each time."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        return {"mean": float(next(COUNTER))}


@attrs.frozen(kw_only=True)
class Dividing(SoundMetric):
    """Divides by the number of samples."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        return {"mean": sum(map(len, evidence.samples)) / len(evidence.samples)}


# ---- trackers -----------------------------------------------------------------------------------


class Torn(Pages):
    """A session that has no room for a sample."""

    def sample(self, step: int, text: str) -> None:
        self._file.close()
        raise OSError("no room for a sample")


class NoSession:
    """Takes everything, and is no TrackerSession."""


@attrs.frozen(kw_only=True)
class TornTracker(SoundTracker):
    """Its session raises."""

    def start(self, run: TrackedRun) -> Any:
        return Torn(run.directory / "x")


@attrs.frozen(kw_only=True)
class Unresumed(SoundTracker):
    """Cannot go on with a run."""

    def start(self, run: TrackedRun) -> Any:
        if run.resumed_at_step is not None:
            raise FileExistsError("there is a diary already")
        return SoundTracker.start(self, run)


@attrs.frozen(kw_only=True)
class Sessionless(SoundTracker):
    """Starts something else."""

    def start(self, run: TrackedRun) -> Any:
        return NoSession()


@attrs.frozen(kw_only=True)
class Unexplained(SoundTracker):
    """Lets the ImportError of a missing package out."""

    def start(self, run: TrackedRun) -> Any:
        import no_such_service.client  # noqa: F401


@attrs.frozen(kw_only=True)
class Vague(SoundTracker):
    """Says that something is missing, but not what."""

    def start(self, run: TrackedRun) -> Any:
        try:
            import no_such_service  # noqa: F401
        except ImportError as error:
            raise TextgenError("Something is missing.") from error


@attrs.frozen(kw_only=True)
class Explained(SoundTracker):
    """Says which package is missing, which is no fault."""

    def start(self, run: TrackedRun) -> Any:
        try:
            import no_such_service  # noqa: F401
        except ImportError as error:
            raise TextgenError("The diary needs the package no_such_service.") from error


class Final(Pages):
    """A session that looks for the files of the run's end."""

    def finish(self, outcome: Outcome) -> None:
        super().finish(outcome)
        if outcome.status == "finished":
            raise RuntimeError(f"cannot send {outcome.report}")


@attrs.frozen(kw_only=True)
class FinalTracker(SoundTracker):
    """Its session raises at the end of a finished run."""

    def start(self, run: TrackedRun) -> Any:
        return Final(run.directory / "x")


BROKEN: tuple[tuple[str, type, str], ...] = (
    ("component.registers", Undecorated, "not decorated by attrs.frozen"),
    ("component.registers", Nameless, "cannot have that name"),
    ("component.registers", Demanding, "distance must be chosen"),
    ("component.summary", Silent, "no docstring of its own"),
    ("component.summary", Rambling, "goes on after its first line"),
    ("options.help", Helpless, "'distance' has no help"),
    ("options.round-trip", NoneByName, "way='none' becomes None"),
    ("options.round-trip", Quoting, "text=.* a spec's text"),
    ("component.frozen-random-state", GlobalSampler, "changes the state of random"),
    ("component.frozen-random-state", GlobalTrainer, "changes the state of numpy.random"),
    ("component.frozen-random-state", GlobalMetric, "changes the state of random"),
    ("tokenizer.special-ids", SpecialLast, "The id of <PAD> is 2, not 0"),
    ("tokenizer.special-ids", NoTokenizer, "train returns a set"),
    ("tokenizer.special-ids", Ordinary, "<PAD> is not declared as a special token"),
    ("tokenizer.file-round-trip", Dropping, "is encoded as .*, then"),
    ("tokenizer.file-round-trip", Custom, "Custom PreTokenizer cannot be serialized"),
    ("tokenizer.lossless", Lowering, "'The keeper.* comes back as 'the keeper"),
    ("tokenizer.lossless", Believing, r"special ids \[0, 2, 3\]"),
    ("tokenizer.repeatable", Counting, "another tokenizer each time"),
    ("tokenizer.repeatable", OfASet, "the order of a set"),
    ("model.shape", builder("another vocabulary"), r"logits of shape \(1, 2, 12\)"),
    ("model.shape", builder("infinite"), "are not finite"),
    ("model.causal", builder("looks ahead"), "Other tokens from position 1 on change"),
    ("model.rows-independent", builder("mixes rows"), "With other rows beside it"),
    ("model.advance-equals-call", builder("forgets"), "In pieces of"),
    ("model.advance-equals-call", builder("grows its state"), "into one of"),
    ("model.advance-equals-call", HalfBuilder, "It offers advance alone"),
    ("model.learns", builder("never learns"), "After 100 steps"),
    ("model.learns", builder("infinite"), "In step 1 .* not finite"),
    ("model.compiles", builder("leaves the graph"), "As a graph: "),
    ("model.compiles", builder("XLA cannot", PlainBuilder), "No layer's supports_jit is False"),
    ("model.token-embeddings", builder("embeds too few"), r"shape \(10, 16\)"),
    ("model.token-embeddings", builder("embeds all alike"), "10 of its 11 tokens are alike"),
    ("model.attention", builder("attends ahead"), "of what comes later"),
    ("model.attention", builder("shares too much"), "a row whose sum is off by 0.1"),
    ("model.attention", builder("forgets its layers"), r"shape \(1, 12, 12\)"),
    ("model.attention", builder("looks at how much comes"), "With tokens after the first 6"),
    ("sampler.keeps-one", MAJORITY, "every token is excluded"),
    ("sampler.keeps-one", ZERO_TIMES, "The logit of token 0, -inf, becomes nan"),
    ("sampler.keeps-one", NARROW, "returned logits of shape"),
    ("sampler.never-revives-excluded", FLOOR, "The excluded token 0 got the logit -1e"),
    ("sampler.rows-independent", OF_ALL, "With other rows beside it, the logit of token"),
    ("sampler.repeatable", NOISE, "In a second call the logit of token"),
    ("sampler.compiles", OUT_OF_GRAPH, "As a graph: "),
    ("sampler.compiles", PYTHON, "Under XLA: "),
    ("sampler.compiles", NOISE, "As a graph, the logit of token"),
    ("metric.figures", Undeclared, "returned the figures longest, mean"),
    ("metric.figures", OutOfRange, r"mean is 61.75, not within 0.0 to 1.0"),
    ("metric.figures", NoFigures, "declares no figures"),
    ("metric.deterministic", Moody, "it measures .*, then"),
    ("metric.empty-input", Dividing, "ZeroDivisionError"),
    ("tracker.order", TornTracker, "no room for a sample"),
    ("tracker.order", Unresumed, "there is a diary already"),
    ("tracker.order", Sessionless, "start returns a NoSession"),
    ("tracker.order", Unexplained, "ModuleNotFoundError"),
    ("tracker.order", Vague, "does not name 'no_such_service'"),
    ("tracker.order", FinalTracker, "cannot send"),
)
