"""The LSTM's options. The layers are in `lstm_model`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import attrs

from textgen_core import ModelBuilder, option

if TYPE_CHECKING:
    import keras


@attrs.frozen(kw_only=True)
class LSTMBuilder(ModelBuilder):
    """Layers of LSTM over token embeddings: strong on small text, and quick to generate."""

    bfloat16_on_cpu: ClassVar[bool] = True

    units: tuple[int, ...] = option(
        (256,), help="units of every layer, or of each layer in turn", at_least=1
    )
    layers: int | None = option(
        None, help="layers; none: 2, or as many as units has sizes", at_least=1
    )
    embedding: int = option(128, help="width of the token embeddings", at_least=1)
    dropout: float = option(
        0.3, help="share dropped between layers and before the output", at_least=0, below=1
    )
    input_dropout: float = option(
        0.0, help="share dropped after the embeddings", at_least=0, below=1
    )
    recurrent_dropout: float = option(
        0.0,
        help="share of the recurrent state dropped, the same units at every step",
        at_least=0,
        below=1,
    )
    tie: bool = option(False, help="use the token embeddings as the output's matrix too")
    initialiser: Literal["glorot", "uniform"] = option(
        "glorot",
        help="glorot: Glorot kernels, orthogonal recurrent kernels, forget bias 1; "
        "uniform: every parameter within plus or minus scale, as in older papers",
    )
    scale: float = option(0.1, help="half the range of the uniform initialiser", above=0)
    ngrams: int = option(
        1, help="add embeddings of the last 2 to this many tokens together; 1: none", at_least=1
    )
    ngram_rows: int = option(
        16_384, help="the most embeddings for n-grams of one length; more share them", at_least=1
    )
    implementation: Literal["auto", "loop", "cudnn"] = option(
        "auto",
        help="how the recurrence runs; auto: cudnn on a GPU (which XLA cannot compile), else loop",
    )

    def __attrs_post_init__(self) -> None:
        if not self.units:
            raise ValueError("units needs at least one size")
        if self.layers is not None and len(self.units) not in (1, self.layers):
            raise ValueError(f"units has {len(self.units)} sizes for {self.layers} layers")
        if self.implementation == "cudnn" and self.recurrent_dropout:
            raise ValueError("implementation=cudnn cannot drop recurrent units: use loop")

    @property
    def layer_units(self) -> tuple[int, ...]:
        """The units of each layer, from the lowest up."""
        if len(self.units) > 1:
            return self.units
        return self.units * (2 if self.layers is None else self.layers)

    def build(self, vocabulary_size: int, context_length: int) -> keras.Model:  # noqa: ARG002
        """Return the model, its variables drawn; a recurrence needs no context length."""
        from textgen_models.lstm_model import LSTMLanguageModel

        return LSTMLanguageModel(self, vocabulary_size)
