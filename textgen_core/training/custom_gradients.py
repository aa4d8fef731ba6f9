"""Lets go of graphs with custom gradients: TensorFlow registers these for good, and they hold it.

A process that trains one model after the other would keep the graph of every step, with all that it
was made of. The registry has no public way to forget; without the private one nothing is released.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any

from tensorflow.python.framework import ops

_GRADIENT = "type"  # the key of a gradient in its entry
_PREFIX = "CustomGradient-"


@contextmanager
def releasing_graphs() -> Iterator[None]:
    """Let the graphs that are traced in the block go, once nobody needs them but the registry.

    One that somebody still needs, as a function that a plugin keeps, can be differentiated as
    before: its gradients are kept by the graph itself from then on.
    """
    registry = getattr(getattr(ops, "gradient_registry", None), "_registry", {})
    before = {*registry}
    try:
        yield
    finally:
        for name in registry.keys() - before:
            if name.startswith(_PREFIX):
                _keep_by_graph(registry, name)


def _keep_by_graph(registry: dict[str, Any], name: str) -> None:
    gradient = registry[name].get(_GRADIENT)
    graph = _graph_of(gradient)
    if graph is None:
        return
    vars(graph).setdefault("_gradients_of_its_operations", []).append(gradient)
    kept = weakref.ref(gradient, lambda _: registry.pop(name, None))
    registry[name][_GRADIENT] = lambda operation, *upstream: _called(kept, operation, upstream)


def _called(kept: Callable[[], Any], operation: Any, upstream: tuple[Any, ...]) -> Any:
    return kept()(operation, *upstream)


def _graph_of(gradient: Any) -> Any:
    """Return the graph of the tensors that a gradient refers to; None if there are none."""
    for value in _closed_over(gradient):
        inner = _closed_over(value) if isinstance(value, FunctionType) else ()
        for each in (value, *inner):
            tensors = each if isinstance(each, (list, tuple)) else (each,)
            for tensor in tensors:
                graph = getattr(tensor, "graph", None)
                if graph is not None and hasattr(graph, "__dict__"):
                    return graph
    return None


def _closed_over(function: Any) -> list[Any]:
    return [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
