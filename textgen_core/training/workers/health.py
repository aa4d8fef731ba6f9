"""How soon workers notice that one is gone, stopped or cut off: within half a minute.

TensorFlow's strategy asks each worker from time to time whether it is there, and breaks off what
waits for it if not; as it comes that takes a minute and more. These are its own settings, which
have no public name. Where a later version has none of them, its own times hold.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

_EXTENDED = "tensorflow.python.distribute.collective_all_reduce_strategy"
# 5 seconds between two questions, twice 10 for an answer: 25 in all.
_SETTINGS = {
    "_check_health_interval": 5,
    "_check_health_timeout": 10,
    "_check_health_retry_limit": 2,
}


def notice_soon() -> None:
    """Let strategies that are made from now on notice within half a minute."""
    extended = _class_of_strategies()
    for name, value in _SETTINGS.items():
        if hasattr(extended, name):
            setattr(extended, name, value)


def stop_asking(strategy: Any) -> None:
    """Let a strategy take no notice any more: the others may end now."""
    event = getattr(strategy.extended, "_check_health_thread_should_stop", None)
    if event is not None:
        event.set()


def _class_of_strategies() -> Any:
    from importlib import import_module

    try:
        return import_module(_EXTENDED).CollectiveAllReduceExtended
    except (ImportError, AttributeError):
        return tf.distribute.StrategyExtended
