"""A limit to what a builder may build, held before anything of that size is made.

The options of a run may ask for any size, whatever its weights are. So every variable and every
layer is counted when it is created, whoever's model creates it, and the first one too many ends the
building. What a model takes that is no variable is not counted.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import keras

from textgen_core.errors import OutOfMemory, TextgenError
from textgen_core.formatting import format_size
from textgen_core.models.devices import available_memory

_ITEM = 4  # bytes of a weight
_MARGIN = 64 << 20  # bytes, and below a number, of what is built and not kept with the weights
_MORE = 100
_LAYERS = 10  # layers for a variable at most


@attrs.frozen(kw_only=True)
class Bounds:
    """How much may be built: bytes of variables, and how many; `error`: what is raised beyond."""

    bytes: float
    variables: float
    error: TextgenError


def bounds_of_weights(size: int, tensors: int, error: TextgenError) -> Bounds:
    """Return the bounds of a model for weights of `size` bytes in so many `tensors`."""
    return Bounds(bytes=2 * size + _MARGIN, variables=2 * tensors + _MORE, error=error)


def bounds_of_memory() -> Bounds | None:
    """Return the bounds of a model that this machine can hold, or None if that is not known."""
    available = available_memory()
    if available is None:
        return None
    problem = f"The weights of this model need more memory than the {format_size(available)} free."
    return Bounds(
        bytes=available,
        variables=math.inf,
        error=OutOfMemory(problem, advice="Choose a smaller model (--model)."),
    )


@contextmanager
def within(bounds: Bounds | None) -> Iterator[None]:
    """Raise the error of the bounds as soon as more is built in the block."""
    if bounds is None:
        yield
        return
    counting = _Counting(bounds)
    with (
        _before_init(keras.Variable, counting.variable),
        _before_init(keras.layers.Layer, counting.layer),
    ):
        yield


class _Counting:
    """How much has been built so far."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._bytes = self._variables = self._layers = 0

    def variable(self, initializer: Any, shape: Any = None, *_: Any, **__: Any) -> None:
        """Count a variable, whose initializer is a function that makes it, or its value."""
        if shape is None:
            shape = getattr(initializer, "shape", ())
        self._bytes += _ITEM * math.prod(_sizes(shape))
        self._variables += 1
        self._check()

    def layer(self, *_: Any, **__: Any) -> None:
        """Count a layer."""
        self._layers += 1
        self._check()

    def _check(self) -> None:
        most = self._bounds.variables
        too_many = self._variables > most or self._layers > _LAYERS * most
        if too_many or self._bytes > self._bounds.bytes:
            raise self._bounds.error


def _sizes(shape: Any) -> list[int]:
    sizes = shape if isinstance(shape, (tuple, list)) else tuple(shape)
    return [size for size in sizes if isinstance(size, int)]


@contextmanager
def _before_init(cls: Any, count: Callable[..., None]) -> Iterator[None]:
    """Call `count` with the arguments of every instance of a class that is made in the block."""
    own = cls.__dict__.get("__init__")
    original = cls.__init__

    @functools.wraps(original)
    def counted(self: Any, *args: Any, **kwargs: Any) -> None:
        count(*args, **kwargs)
        original(self, *args, **kwargs)

    # Keras reads the signature of a layer without an own constructor.
    counted.__signature__ = inspect.signature(original)  # type: ignore[attr-defined]
    cls.__init__ = counted
    try:
        yield
    finally:
        if own is None:
            del cls.__init__
        else:
            cls.__init__ = own
