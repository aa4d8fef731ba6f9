"""A small component of every kind that keeps its contract; `broken` changes one thing each."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs

from textgen_core import Evidence, Figure, Metric, ModelBuilder, Sampler, TokenizerTrainer, Tracker
from textgen_core.components import Outcome, TrackedRun, TrackerSession, option

SPECIAL = ("<PAD>", "<UNK>", "<START>", "<END>")


@attrs.frozen(kw_only=True)
class SoundTrainer(TokenizerTrainer):
    """Bytes as tokens, and one more for every pair that comes often."""

    pairs: int = option(10, help="pairs to merge", at_least=0)

    lossless: ClassVar[bool] = True

    def train(self, texts: Iterable[str]) -> Any:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=len(SPECIAL) + 256 + self.pairs,
            special_tokens=list(SPECIAL),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(iter(texts), trainer)
        return tokenizer


@attrs.frozen(kw_only=True)
class UnigramTrainer(TokenizerTrainer):
    """A unigram model with the special tokens among its pieces, as the library's trainer has them.

    So it takes their names in an ordinary text for them. (That trainer itself gives another model
    each time, and panics where its text holds their names.)
    """

    words: int = option(50, help="the most frequent words that are pieces", at_least=0)

    def train(self, texts: Iterable[str]) -> Any:
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers

        text = "\u2581" + "".join(texts).replace(" ", "\u2581")
        counts = Counter(text) + Counter(re.findall("\u2581[a-z]+", text))
        words = sorted(counts, key=lambda piece: (len(piece) == 1, counts[piece], piece))
        kept = sorted({*words[-self.words :], *(each for each in words if len(each) == 1)})
        total = sum(counts.values())
        pieces = [(piece, math.log(counts[piece] / total)) for piece in kept]
        special = [(token, 0.0) for token in SPECIAL]
        tokenizer = Tokenizer(models.Unigram([*special, *pieces], unk_id=1))
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        tokenizer.add_special_tokens(list(SPECIAL))
        return tokenizer


@attrs.frozen(kw_only=True)
class SoundBuilder(ModelBuilder):
    """A model of the last token and of how often each came before."""

    width: int = option(16, help="the width of the embeddings", at_least=1)

    fault: ClassVar[str] = ""

    def build(self, vocabulary_size: int, context_length: int) -> Any:
        from testing.tiny_models import AdvancingModel

        return AdvancingModel(vocabulary_size, self.width, self.fault)


@attrs.frozen(kw_only=True)
class PlainBuilder(SoundBuilder):
    """The same model without a state of its own."""

    def build(self, vocabulary_size: int, context_length: int) -> Any:
        from testing.tiny_models import CountingModel

        return CountingModel(vocabulary_size, self.width, self.fault)


@attrs.frozen(kw_only=True)
class SoundSampler(Sampler):
    """Leave the tokens that are near the most probable one."""

    distance: float = option(5.0, help="the largest distance from the highest logit", above=0)

    def transform(self, logits: Any, history: Any) -> Any:
        import tensorflow as tf

        highest = tf.reduce_max(logits, axis=1, keepdims=True)
        return tf.where(logits >= highest - self.distance, logits, -math.inf)


@attrs.frozen(kw_only=True)
class StatefulSampler(Sampler):
    """Divide by the number of the step; it is bound to a tokenizer and keeps a state."""

    step: float = option(1.0, help="what a step adds", above=0, traced=True)

    _size: int = attrs.field(default=0, init=False)

    def bind(self, tokenizer: Any) -> StatefulSampler:
        bound = StatefulSampler(step=self.step)
        object.__setattr__(bound, "_size", tokenizer.get_vocab_size())
        return bound

    def initial_state(self, batch_size: int, vocabulary_size: int) -> Any:
        import tensorflow as tf

        assert vocabulary_size == self._size
        return tf.ones((batch_size,))

    def transform(self, logits: Any, history: Any, state: Any) -> Any:  # type: ignore[override]
        return logits / state[:, None], state + self.step


@attrs.frozen(kw_only=True)
class SoundMetric(Metric):
    """How long the samples are."""

    unit: Literal["character", "word"] = option("character", help="what is counted")
    longest: int | None = option(None, help="the most that counts; none: all", at_least=1)
    folded: bool = option(False, help="count letters of both cases as one")
    folder: Path | None = option(None, help="a folder")

    figures: ClassVar[Mapping[str, Figure]] = {"mean": Figure("neither", 0.0)}

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        lengths = [len(each) for each in evidence.samples]
        return {"mean": sum(lengths) / len(lengths) if lengths else math.nan}


class Pages(TrackerSession):
    """Writes into a file that must be open."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def log(self, step: int, values: Mapping[str, float | str]) -> None:
        print(step, dict(values), file=self._file)

    def sample(self, step: int, text: str) -> None:
        print(step, text, file=self._file)

    def finish(self, outcome: Outcome) -> None:
        print(outcome.status, file=self._file)
        self._file.close()


@attrs.frozen(kw_only=True)
class SoundTracker(Tracker):
    """A diary in the run's directory."""

    file: str = option("diary, day by day.txt", help="the name of the file")

    def start(self, run: TrackedRun) -> TrackerSession:
        path = run.directory / self.file
        assert path.exists() == (run.resumed_at_step is not None)
        return Pages(path)


SOUND = (
    SoundTrainer,
    UnigramTrainer,
    SoundBuilder,
    PlainBuilder,
    SoundSampler,
    StatefulSampler,
    SoundMetric,
    SoundTracker,
)
