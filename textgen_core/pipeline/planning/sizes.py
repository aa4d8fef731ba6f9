"""The sizes of a model among which a plan chooses, all of them models of the recipe `fast`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.registry.specs import Spec, construct, format_spec


@attrs.frozen(kw_only=True, eq=False)
class Size:
    """A model: its builder's name, and the options that differ from those of the recipe.

    is_offered: whether a plan recommends it; the others are shown beside those.
    """

    name: str
    model: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    is_offered: bool = True

    @property
    def spec(self) -> str:
        """What `--model` takes; the recipe's own model needs none."""
        return format_spec(self.model, dict(self.options))

    @property
    def is_recurrent(self) -> bool:
        """Whether it reads a text token by token."""
        return self.model == "lstm"

    @property
    def is_default(self) -> bool:
        """Whether it is what the recipe trains unless it is told otherwise."""
        return self.is_offered and not self.options


def with_size(configuration: Configuration, size: Size) -> Configuration:
    """Return the configuration of a run with a size of the model that it has."""
    model = configuration.model
    spec = Spec(name=model.name, options={**model.options, **size.options})
    with model.errors():
        instance = construct(model.component.cls, spec, place="the size of the model")
    return attrs.evolve(configuration, model=attrs.evolve(model, instance=instance))


MEDIUM = Size(name="medium", model="transformer")
LARGE = Size(
    name="large", model=MEDIUM.model, options={"layers": 6, "heads": 6, "feed_forward": 768}
)
# With as many seconds, the LSTM was behind the Transformer of the recipe on every text.
SIZES = (
    Size(name="small", model=MEDIUM.model, options={"layers": 2, "heads": 2, "feed_forward": 256}),
    MEDIUM,
    LARGE,
    Size(name="LSTM", model="lstm", is_offered=False),
)
