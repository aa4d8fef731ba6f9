"""The five contracts that a plugin implements, and `option()`, which declares what a user may set.

A component is an `attrs.frozen` class on one of the five bases below; its fields are its options.
This module knows nothing about names, plugins, files or TensorFlow: it must stay light, since every
plugin imports it, and `textgen --help` and `textgen plugins` must start at once.

Arrays are written as `Any` where a contract speaks of TensorFlow tensors; their shapes and dtypes
stand in the docstrings.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_type_hints

import attrs

from textgen_core.copying import find_copies, measure_longest_copies

if TYPE_CHECKING:
    import keras
    import numpy as np
    import tokenizers

RULES = "textgen"  # the key of OptionRules in an attrs field's metadata


@attrs.frozen(kw_only=True)
class OptionRules:
    """What a value of an option must satisfy beside its declared type."""

    help: str
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[Any, ...] = ()

    def describe(self) -> str:
        """Return the bounds in words, such as `above 0, at most 1`; empty if there are none."""
        bounds = (
            ("at least", self.at_least),
            ("above", self.above),
            ("at most", self.at_most),
            ("below", self.below),
        )
        words = [f"{word} {_number(bound)}" for word, bound in bounds if bound is not None]
        if self.choices:
            words.append("one of " + ", ".join(str(choice) for choice in self.choices))
        return ", ".join(words)


def _number(bound: float) -> str:
    """Return a bound in all its digits: a whole one without a decimal point."""
    is_whole = math.isfinite(bound) and bound == int(bound)
    return str(int(bound)) if is_whole else repr(bound)


def option(
    default: Any,
    *,
    help: str,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: Sequence[Any] = (),
) -> Any:
    """Declare an option of a component: a keyword-only attrs field with its rules.

    The field's annotation is the type that specs and files are read by: bool, int, float, str,
    Path, Literal, tuples of these, or any of these with None. `default` must be immutable.
    `at_least` and `at_most` include the bound, `above` and `below` do not; on a tuple the rules
    hold for every item. The rules are checked by the core before it constructs the component.
    """
    rules = OptionRules(
        help=help,
        at_least=at_least,
        at_most=at_most,
        above=above,
        below=below,
        choices=tuple(choices),
    )
    return attrs.field(default=default, kw_only=True, metadata={RULES: rules})


@attrs.frozen(kw_only=True)
class Option:
    """An option as declared: its name, its resolved type, its default and its rules."""

    name: str
    type: Any
    default: Any
    rules: OptionRules


def options_of(component: type) -> tuple[Option, ...]:
    """Return the options that an attrs class declares with `option()`, in their order.

    Raises NameError or TypeError if an annotation cannot be resolved.
    """
    hints = get_type_hints(component)
    return tuple(
        Option(
            name=field.name,
            type=hints[field.name],
            default=field.default,
            rules=field.metadata[RULES],
        )
        for field in attrs.fields(component)
        if RULES in field.metadata
    )


class TokenizerTrainer(ABC):
    """Trains a tokenizer on text.

    `lossless` promises that decoding what was encoded gives any text back, whatever it holds. A
    trainer may have an attribute or option `sample_characters`: of a longer training text it is
    given about so many, from all over the text; None, or no such attribute: all of it.
    """

    lossless: ClassVar[bool] = False

    @abstractmethod
    def train(self, texts: Iterable[str]) -> tokenizers.Tokenizer:
        """Return a tokenizer trained on `texts`, pieces of the training split in their order.

        `<PAD>`, `<UNK>`, `<START>` and `<END>` must be its ids 0 to 3, as special tokens; a
        `vocabulary_size` option does not count them.
        """


class ModelBuilder(ABC):
    """Builds an untrained language model."""

    @abstractmethod
    def build(self, vocabulary_size: int, context_length: int) -> keras.Model:
        """Return a model from int32 `(batch, time)` to logits `(batch, time, vocabulary_size)`.

        Logits may be of any float type. Token ids up to `vocabulary_size - 1` occur (the special
        tokens are counted here); windows of training are `context_length` tokens long. The model
        must be causal. It may offer, and the bundled models do:

        - `initial_state(batch_size: int)` and `advance(token_ids, state, training=False)`, which
          returns `(logits, state)`: the state is a nest of tensors that keeps its structure,
          shapes and dtypes. Padding is never passed to `advance`.
        - `state_capacity`: how many tokens a state can hold; without it, any number.
        - `project(hidden)` and `project=False` as an argument of the call and of `advance`, which
          then return `(batch, time, width)` in place of logits.
        - `adam_variables`: the variables that the Muon optimizer must leave to Adam.
        - `token_embeddings`: what stands for each token at the input, a float tensor, variable or
          array `(vocabulary_size, width)`: an attribute, and nothing that can be called.
        - `attention(token_ids)`, for int32 `(time,)`, no more than a state can hold: how much each
          position attends to each, float32 `(layers, heads, time, time)`; the rows sum to one, and
          what comes later has none. Of the bundled models the one with attention offers it.
        - `recompute`, `parts`: attributes that the core may set, to True and to the number of
          cores: run a block again in the backward pass in place of keeping what it computed; run
          so many parts of a training batch side by side, in a step that is a graph on a CPU.
        """

    def initialise(self, model: keras.Model) -> None:  # noqa: B027 - optional, so not abstract
        """Load pretrained weights into `model`; called once, before step 0. Optional."""


@attrs.frozen(kw_only=True)
class History:
    """What has been written so far, as a sampler sees it.

    token_ids: int32 `(batch, capacity)`, prompt and new tokens, padded on the right.
    length: int32 `(batch,)`, how many of them count.
    prompt_length: int32 `(batch,)`, how many of those were the prompt's.
    """

    token_ids: Any
    length: Any
    prompt_length: Any


class Sampler(ABC):
    """Transforms the distribution that the next token is drawn from.

    A sampler never draws: the core does, so that a seed means the same for all of them. One that
    keeps a state between steps also defines `initial_state(batch_size: int, vocabulary_size: int)`,
    and its `transform` takes `state` as a third argument and returns `(logits, state)`. One that
    needs the tokenizer defines `bind(tokenizer)`, which returns the sampler to use, and is called
    once before compiling. An option of type int or float that `transform` takes as an argument too,
    under its name, is passed as a scalar tensor, int32 or float32: then another value needs no
    other program.
    """

    @abstractmethod
    def transform(self, logits: Any, history: History) -> Any:
        """Return the transformed logits, float32 `(batch, vocabulary)` like those passed in.

        Written in TensorFlow operations, since it is compiled into the loop. An excluded token has
        the logit -inf; what came in as -inf must stay so.
        """


@attrs.frozen
class Figure:
    """How to read one figure of a metric: which way is better, and the range it lies in.

    A figure with no better direction (a length, say) has the direction "neither".
    """

    direction: Literal["higher", "lower", "neither"] = "neither"
    low: float | None = None
    high: float | None = None
    help: str = attrs.field(default="", kw_only=True)


@attrs.frozen(kw_only=True)
class Evidence:
    """All that a metric may look at.

    samples: texts that the model wrote, without their prompts; prompts: the held-out prompt of
    each; references: the held-out text that really followed each prompt.
    training_text: the training split in pieces, which may be iterated again; a document of more
    than a megabyte comes in several, each of which ends at a space where there is one.
    token_ids: int32 `(tokens,)`, the scored held-out tokens; token_losses: float32 `(tokens,)`,
    their losses in nats.
    score: the losses in nats (float32, one a token) that the model gives to any text.
    """

    samples: Sequence[str]
    prompts: Sequence[str]
    references: Sequence[str]
    training_text: Iterable[str]
    token_losses: np.ndarray
    token_ids: np.ndarray
    tokenizer: tokenizers.Tokenizer
    score: Callable[[str], np.ndarray]

    def training_pieces(self) -> Iterator[tuple[str, bool]]:
        """Yield the training text's pieces, and of each whether its document ends with it."""
        pieces = getattr(self.training_text, "pieces", None)
        if pieces is not None:
            yield from pieces()
        else:
            yield from ((text, True) for text in self.training_text)

    def copied(self, texts: Sequence[str], at_least: int = 20) -> list[list[tuple[int, int]]]:
        """Return for each text the stretches that stand in the training text word for word.

        Each is its first character and the one after its last; of at least `at_least` characters,
        and as long as they can be, so that two may overlap. The training text is read once, however
        many the texts are.
        """
        return find_copies(texts, self.training_pieces(), at_least)

    def longest_copied(self, texts: Sequence[str]) -> list[int]:
        """Return for each text the characters of the longest stretch that training text has too."""
        return measure_longest_copies(texts, self.training_pieces())


class Metric(ABC):
    """Measures what a model wrote, or how it scores held-out text.

    One whose figures need a word beside them, on how they were computed, also defines
    `signature() -> str`; it is kept with the figures, in evaluation.json.
    """

    figures: ClassVar[Mapping[str, Figure]]

    @abstractmethod
    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """Return a number for each of `figures`; one that is not finite is reported as null."""


@attrs.frozen(kw_only=True)
class TrackedRun:
    """The run that a tracker follows.

    configuration: the resolved configuration as plain values, as in run.toml.
    resumed_at_step: the step that a resumed run goes on from, or None.
    """

    id: str
    directory: Path
    configuration: Mapping[str, Any]
    resumed_at_step: int | None = None


@attrs.frozen(kw_only=True)
class Outcome:
    """How a run ended: `evaluation` and `report` are paths, None where none was written."""

    status: Literal["finished", "interrupted", "failed"]
    evaluation: Path | None = None
    report: Path | None = None


class TrackerSession(ABC):
    """One run's record in an experiment tracker."""

    @abstractmethod
    def log(self, step: int, values: Mapping[str, float | str]) -> None:
        """Record the figures of a step, under the names used in metrics.jsonl."""

    @abstractmethod
    def sample(self, step: int, text: str) -> None:
        """Record a text that the model wrote at a step."""

    @abstractmethod
    def finish(self, outcome: Outcome) -> None:
        """Close the record. Called once, however the run ends."""


class Tracker(ABC):
    """Sends what happens in training somewhere: a dashboard, a file, a service.

    A tracker that raises is dropped with a warning, and the run goes on.
    """

    @abstractmethod
    def start(self, run: TrackedRun) -> TrackerSession:
        """Open the record of a run, or open it again when the run is resumed."""
