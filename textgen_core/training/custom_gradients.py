"""Lets go of graphs with custom gradients: TensorFlow registers these for good, and they hold it.

A process that trains one model after the other would keep the graph of every step, with all that it
was made of. The registry has no public way to forget; without the private one nothing is released.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tensorflow.python.framework import ops

_PREFIX = "CustomGradient-"  # of those that `tf.custom_gradient` registers


@contextmanager
def releasing_graphs() -> Iterator[None]:
    """Forget the custom gradients of graphs that are traced in the block.

    What was differentiated there keeps its gradient; what was only traced has none afterwards.
    """
    registry = getattr(getattr(ops, "gradient_registry", None), "_registry", {})
    before = {*registry}
    try:
        yield
    finally:
        for name in registry.keys() - before:
            if name.startswith(_PREFIX):
                del registry[name]
