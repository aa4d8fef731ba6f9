"""The contracts of tokenizer trainers, model builders, samplers and metrics.

A component is an `attrs.frozen` class on one of these bases, or on `Tracker`; its fields are its
options. Every plugin imports this module, and `textgen plugins` must start at once: tensors are
written as `Any`, with their shapes and dtypes in the docstrings.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from textgen_core.components.evidence import Evidence, Figure

if TYPE_CHECKING:
    import keras
    import tokenizers

# No component was imported before: a file that is older holds the code that is running.
LOADED_NS = time.time_ns()


class TokenizerTrainer(ABC):
    """Trains a tokenizer on text.

    Attributes:
        lossless: the promise that decoding an encoded text gives the text back, whatever it holds.
        sample_characters: optional, an attribute or an option: of a longer training text the
            trainer is given about this many characters, from all over the text. None, or no such
            attribute: all of it.
    """

    lossless: ClassVar[bool] = False

    @abstractmethod
    def train(self, texts: Iterable[str]) -> tokenizers.Tokenizer:
        """Train a tokenizer.

        Args:
            texts: the training split in chunks, in their order; it can be iterated once.

        Returns:
            A tokenizer whose ids 0 to 3 are the special tokens `<PAD>`, `<UNK>`, `<START>` and
            `<END>`. A `vocabulary_size` option does not count them.
        """


class ModelBuilder(ABC):
    """Builds an untrained language model.

    bfloat16_on_cpu: whether `training.precision = auto` may be bfloat16 on a processor that
    multiplies in it: for models that most of the time do.
    """

    bfloat16_on_cpu: ClassVar[bool] = False

    @abstractmethod
    def build(self, vocabulary_size: int, context_length: int) -> keras.Model:
        """Build a causal model.

        The model may offer these, and the bundled models do:

        - `initial_state(batch_size: int)` and `advance(token_ids, state, training=False)`, which
          returns `(logits, state)`: the state is a nest of tensors that keeps its structure,
          shapes and dtypes. Padding is never passed to `advance`.
        - `state_capacity`: how many tokens a state can hold; without it, any number.
        - `project(hidden)` and `project=False` as an argument of the call and of `advance`, which
          then return `(batch, time, width)` in place of logits.
        - `adam_variables`: the variables that the Muon optimizer must leave to Adam.
        - `token_embeddings`: the input embedding of each token, a float tensor, variable or array
          `(vocabulary_size, width)`: an attribute, and nothing that can be called.
        - `attention(token_ids)`, for int32 `(time,)`, no more than a state can hold: the attention
          weights, float32 `(layers, heads, time, time)`; the rows sum to one, and later positions
          have none. Of the bundled models the one with attention offers it.
        - `recompute`, `jit_regions`: attributes that the core may set to True: activation
          checkpointing, which runs a block again in the backward pass in place of keeping its
          activations; and that XLA shall compile what lies between the large products of a
          training step, which is a graph on a CPU.

        Args:
            vocabulary_size: number of token ids, the special tokens included; ids up to
                `vocabulary_size - 1` occur.
            context_length: tokens in a window of training.

        Returns:
            A model from int32 `(batch, time)` to logits `(batch, time, vocabulary_size)` of any
            float type.
        """

    def initialise(self, model: keras.Model) -> None:  # noqa: B027 - optional, so not abstract
        """Load pretrained weights; called once, before step 0. Optional.

        Args:
            model: what `build` returned; its weights may be assigned.
        """


@attrs.frozen(kw_only=True)
class History:
    """The tokens so far, as a sampler sees them.

    Attributes:
        token_ids: int32 `(batch, capacity)`, prompt and new tokens, padded on the right.
        length: int32 `(batch,)`, how many of them count.
        prompt_length: int32 `(batch,)`, how many of those are the prompt's.
    """

    token_ids: Any
    length: Any
    prompt_length: Any


class Sampler(ABC):
    """Transforms the distribution that the next token is drawn from.

    A sampler never draws: the core does, so that a seed means the same for all of them. Optional
    methods and options:

    - A sampler with a state between steps also defines `initial_state(batch_size: int,
      vocabulary_size: int)`, and its `transform` takes `state` as a third argument and returns
      `(logits, state)`.
    - One that needs the tokenizer defines `bind(tokenizer)`, which returns the sampler to use, and
      is called once before compiling.
    - An int or float declared as `option(..., traced=True)` may change without compiling again:
      `transform` reads it as any field.
    """

    @abstractmethod
    def transform(self, logits: Any, history: History) -> Any:
        """Transform the logits of one decode step.

        Written in TensorFlow operations, since it is compiled into the decoding loop.

        Args:
            logits: float32 `(batch, vocabulary)`; an excluded token is -inf.
            history: the tokens so far, the prompt included.

        Returns:
            float32 `(batch, vocabulary)`. -inf excludes a token; -inf must stay -inf.
        """


class Metric(ABC):
    """Measures generated text, or how the model scores held-out text.

    A metric whose figures depend on how they were computed also defines `signature() -> str`, which
    is kept with the figures in evaluation.json. Where it depends on the text, such as on its
    script, it declares the parameter `evidence` and is given that of the run.

    Attributes:
        figures: how to read each figure that `measure` returns, by name.
    """

    figures: ClassVar[Mapping[str, Figure]]

    @abstractmethod
    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """Measure one run.

        Args:
            evidence: generated and held-out text, losses and the tokenizer.

        Returns:
            A number for each of `figures`; one that is not finite is reported as null.
        """
