"""The contracts of tokenizer trainers, model builders, samplers and metrics.

A component is an `attrs.frozen` class on one of these bases, or on `Tracker`; its fields are its
options. The module must stay light, since every plugin imports it, and `textgen --help` and
`textgen plugins` must start at once: tensors are written as `Any`, with their shapes and dtypes in
the docstrings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from textgen_core.components.evidence import Evidence, Figure

if TYPE_CHECKING:
    import keras
    import tokenizers


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


class Metric(ABC):
    """Measures what a model wrote, or how it scores held-out text.

    One whose figures need a word beside them, on how they were computed, also defines
    `signature() -> str`; it is kept with the figures, in evaluation.json.
    """

    figures: ClassVar[Mapping[str, Figure]]

    @abstractmethod
    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """Return a number for each of `figures`; one that is not finite is reported as null."""
