"""Components that do nothing, and a registry of them: what the core needs to check options."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs

from textgen_core import Figure, Metric, ModelBuilder, Sampler, TokenizerTrainer, Tracker, option
from textgen_core.registry.registry import CORE, Component, Plugin, Registry


@attrs.frozen
class Letters(TokenizerTrainer):
    """One token for a letter."""

    vocabulary_size: int | None = option(100, help="tokens at most", at_least=1)
    lower: bool = option(False, help="lower the letters")

    def train(self, texts: Any) -> Any:
        raise NotImplementedError


@attrs.frozen
class Words(TokenizerTrainer):
    """One token for a word."""

    vocabulary_size: int = option(1000, help="tokens at most", at_least=1)

    def train(self, texts: Any) -> Any:
        raise NotImplementedError


@attrs.frozen
class Net(ModelBuilder):
    """A model of some layers."""

    units: tuple[int, ...] = option((64,), help="the width of each layer", at_least=1, at_most=4096)
    dropout: float = option(0.0, help="share of units dropped", at_least=0, below=1)
    cell: Literal["lstm", "gru"] = option("lstm", help="the cell")
    tied: bool = option(True, help="share the embedding with the output")

    def build(self, vocabulary_size: int, context_length: int) -> Any:
        raise NotImplementedError


@attrs.frozen
class OtherNet(ModelBuilder):
    """Another model."""

    width: int = option(32, help="the width", choices=(32, 64))

    def build(self, vocabulary_size: int, context_length: int) -> Any:
        raise NotImplementedError


@attrs.frozen
class Cut(Sampler):
    """A sampler with a rule between its options."""

    p: float = option(0.9, help="a probability", above=0, at_most=1)
    low: int = option(1, help="the lower of two", at_least=0)
    high: int = option(9, help="the higher of two", at_least=0)
    word: str = option("", help="any text")
    words: tuple[str, ...] = option((), help="any texts")
    folder: Path | None = option(None, help="a folder")
    note: str | None = option(None, help="any text, or none")

    def __attrs_post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low is {self.low}, above high, which is {self.high}")

    def transform(self, logits: Any, history: Any) -> Any:
        return logits


@attrs.frozen
class Plain(Sampler):
    """A sampler without options."""

    def transform(self, logits: Any, history: Any) -> Any:
        return logits


@attrs.frozen
class Length(Metric):
    """How long texts are."""

    unit: Literal["letter", "word"] = option("letter", help="what is counted")

    figures: ClassVar = {"mean": Figure()}

    def measure(self, evidence: Any) -> Any:
        return {}


@attrs.frozen
class Diary(Tracker):
    """Writes nothing down."""

    path: Path = option(Path("diary"), help="where")

    def start(self, run: Any) -> Any:
        raise NotImplementedError


def plugin(distribution: str = CORE, version: str = "1.0", **changes: Any) -> Plugin:
    """Return a plugin that works, as discovery describes it."""
    described = {"entry_point": "fake", "module": "fake", "status": "ok", **changes}
    return Plugin(distribution=distribution, version=version, **described)


def component(kind: str, name: str, cls: type, distribution: str = CORE) -> Component:
    """Return a registered component."""
    return Component(kind=kind, name=name, cls=cls, plugin=plugin(distribution))


BUNDLED = (
    component("tokenizer", "letters", Letters),
    component("tokenizer", "words", Words),
    component("model", "net", Net),
    component("model", "other-net", OtherNet),
    component("sampler", "cut", Cut),
    component("sampler", "plain", Plain),
    component("metric", "length", Length),
    component("tracker", "diary", Diary),
)


def registry(*more: Component, bundled: tuple[Component, ...] = BUNDLED) -> Registry:
    """Return a registry of the bundled fakes and of `more`."""
    components = (*bundled, *more)
    plugins = tuple({each.plugin.distribution: each.plugin for each in components}.values())
    return Registry(plugins=plugins, components=components)
