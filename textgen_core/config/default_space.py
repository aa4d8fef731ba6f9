"""What varies in a search where nobody says it: what usually matters, around the recipe's values.

The sizes and dropout of each model that may be chosen, learning rate and weight decay; and the
size of a vocabulary, unless the text chooses it: that is measured, and hardly shows on validation
text. Options are known by their names, so a plugin's model that has them is searched too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.components import Option, options_of
from textgen_core.config.ranges import Dimension, between
from textgen_core.config.settings import SECTIONS
from textgen_core.config.space import Candidate, Slot, Space
from textgen_core.errors import ComponentError, ConfigurationError
from textgen_core.registry import ResolvedComponent
from textgen_core.registry.parsing import number_type
from textgen_core.registry.specs import check_options

if TYPE_CHECKING:
    from textgen_core.config.resolve import Configuration


@attrs.frozen
class _Span:
    """From where to where: shares of the value that there is, or fixed ends if there is none.

    Without ends nothing varies where there is no value.
    """

    shares: tuple[float, float] | None
    ends: tuple[float, float] | None


_OPTIONS: Mapping[str, Mapping[str, _Span]] = {
    "tokenizer": {"vocabulary_size": _Span((0.6, 4), None)},
    "model": {
        "layers": _Span((0.5, 2), (1, 3)),
        "units": _Span((0.25, 2), (128, 1024)),
        "heads": _Span((0.5, 2), (2, 8)),
        "feed_forward": _Span((0.5, 2), (256, 1024)),
        "dropout": _Span(None, (0.0, 0.5)),
    },
}
_SETTINGS: Mapping[str, _Span] = {
    "learning_rate": _Span((0.25, 4), (0.0003, 0.01)),
    "weight_decay": _Span(None, (0.01, 1.0)),
}


def default_space(space: Space, configured: Callable[..., Configuration]) -> Space:
    """Return a space in which nothing varies with what usually matters added.

    What the space fixes stays. configured: returns the configuration of some arguments and
    settings. Raises ConfigurationError if nothing is left that could vary.
    """
    present = {each.key: each for each in space.slots}
    base = configured(*space.arguments({}))
    slots = tuple(
        _widened(present.get(kind), getattr(base, kind)) for kind in ("tokenizer", "model")
    )
    declared = {each.name: each for each in options_of(SECTIONS["training"])}
    varied = [
        attrs.evolve(found, key=f"training.{name}")
        for name, span in _SETTINGS.items()
        if f"training.{name}" not in space.settings
        and (found := _dimension(declared[name], getattr(base.training, name), span))
    ]
    widened = attrs.evolve(
        space, slots=tuple(each for each in slots if each is not None), varied=tuple(varied)
    )
    if not widened.dimensions:
        raise ConfigurationError(
            "Nothing varies: every option has one value.",
            "Allowed: ranges, such as --set training.learning_rate=0.001..0.02.",
        )
    return widened


def _widened(slot: Slot | None, chosen: ResolvedComponent) -> Slot | None:
    """Return the slot with dimensions; None if nobody asked for it and nothing of it varies."""
    kind = chosen.component.kind
    given = slot.candidates[0] if slot else None
    one = given or Candidate(name=chosen.reference, component=chosen.reference)
    dimensions = [
        attrs.evolve(found, key=f"{kind}.{one.name}.{option.name}", of=f"{kind}/{one.name}")
        for option in options_of(chosen.component.cls)
        if option.name in _OPTIONS[kind]
        and option.name not in one.options
        and (
            found := _dimension(
                option, getattr(chosen.instance, option.name), _OPTIONS[kind][option.name]
            )
        )
    ]
    if given is None and not dimensions:
        return None
    return Slot(key=kind, kind=kind, candidates=(attrs.evolve(one, dimensions=tuple(dimensions)),))


def _dimension(option: Option, value: Any, span: _Span) -> Dimension | None:
    """Return the dimension of an option around a value; None where its rules do not allow that."""
    number = number_type(option.type)
    if isinstance(value, tuple):
        value = value[0] if len(value) == 1 else None
    if number is None or (value is None and isinstance(option.default, tuple)):
        return None
    if span.shares and value:
        low, high = (value * share for share in span.shares)
    elif span.ends:
        low, high = span.ends
    else:
        return None
    if number is int:
        low, high = max(1, int(low)), int(high)
    else:
        low, high = float(f"{low:.3g}"), float(f"{high:.3g}")
    try:
        for end in (low, high):
            check_options([option], {option.name: end}, owner="", place="")
    except ComponentError:
        return None
    return between(option.name, low, high) if low < high else None
