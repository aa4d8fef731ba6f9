"""What a component raised, as an error of one line that names it.

Knows nothing about which components there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from textgen_core.errors import RAISED_IN_USE, PluginFailure, TextgenError

# Lines that Keras and TensorFlow put before the reason itself.
PREAMBLES = ("Exception encountered when calling", "Graph execution error", "Detected at node")


@contextmanager
def reported(name: str) -> Iterator[None]:
    """Turn whatever a component raises into a PluginFailure that begins with its name."""
    try:
        yield
    except TextgenError:
        raise
    except RAISED_IN_USE as error:
        problem = f"{name} raised {type(error).__name__}: {reason_of(error)}"
        raise PluginFailure(problem, advice=PluginFailure.REPORT_IT) from error


def reason_of(error: BaseException) -> str:
    """Return the line of an error's message that says what happened; empty if there is none."""
    plain = str(error).replace("\x1b[1m", "").replace("\x1b[0m", "")
    lines = [line for line in plain.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith((" ", "\t", *PREAMBLES))]
    return (telling or lines or [""])[0]
