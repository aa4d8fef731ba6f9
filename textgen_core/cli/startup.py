"""TensorFlow's import, without its start-up chatter.

It writes to the process's standard error past Python, so the descriptor itself is redirected for
that time. `--debug` and TF_CPP_MIN_LOG_LEVEL bring the chatter back.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def import_tensorflow() -> None:
    """Import TensorFlow and look for devices, quietly unless the user asked otherwise."""
    if "tensorflow" in sys.modules:
        return
    if _LEVEL in os.environ:
        import tensorflow as tf
    else:
        os.environ[_LEVEL] = "3"
        with stderr_discarded():
            import tensorflow as tf

            tf.config.list_physical_devices()


@contextmanager
def stderr_discarded() -> Iterator[None]:
    """Discard what is written to the descriptor of stderr, if there is one."""
    with ExitStack() as stack:
        with suppress(OSError):
            if sys.stderr is not None:
                sys.stderr.flush()
            kept = os.dup(2)
            stack.callback(os.close, kept)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, nowhere)
            os.dup2(nowhere, 2)
            stack.callback(os.dup2, kept, 2)
        yield
