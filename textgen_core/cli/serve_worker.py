"""A process of `textgen serve` that computes: what it is told comes in, what it found goes out.

Its standard streams are the server's; whatever else prints there goes to stderr.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from io import BufferedReader, FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from textgen_core.cli.options import warn_of_cache
from textgen_core.cli.output import debug_messages, guarded_streams, note, show_trace
from textgen_core.cli.startup import import_numpy, import_tensorflow
from textgen_core.errors import TextgenError, reason_of

if TYPE_CHECKING:
    from textgen_core.pipeline.run_runtime import RuntimeName
    from textgen_core.serving.worker import Worker


def main(
    *,
    runs: Sequence[str],
    runtime: RuntimeName,
    max_tokens: int,
    is_first: bool,
    is_debugged: bool,
) -> None:
    """Compute until the server goes away.

    Args:
        runs: the paths of the runs that are served.
        runtime: what computes, as `--runtime` says.
        max_tokens: new tokens of a text, at most.
        is_first: whether it is the process that may load TensorFlow.
        is_debugged: whether it is told on stderr what happens.
    """
    if hasattr(signal, "SIGTTOU"):  # a terminal may be set to stop who writes from behind
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    reads, writes = BufferedReader(FileIO(os.dup(0))), FileIO(os.dup(1), "wb")
    os.close(0)  # what is closed reads nothing, see `guarded_streams`
    os.dup2(2, 1)
    with guarded_streams(), debug_messages() if is_debugged else nullcontext():
        try:
            worker = _make_worker(runs, runtime, max_tokens, (reads, writes), is_first=is_first)
            worker.begin()
            if is_first:
                warn_of_cache()
            if not worker.work():
                os._exit(0)  # a conversion cannot be interrupted
        except Exception as error:
            if is_debugged:
                show_trace()
            from textgen_core.serving import wire

            with suppress(OSError):
                wire.send(writes, _described(error))


def _make_worker(
    runs: Sequence[str],
    runtime: RuntimeName,
    max_tokens: int,
    streams: tuple[BinaryIO, FileIO],
    *,
    is_first: bool,
) -> Worker:
    import_numpy()
    from textgen_core.pipeline.run_runtime import Computing
    from textgen_core.registry import discover
    from textgen_core.runs.directory import RunDirectory
    from textgen_core.serving.allowance import Allowance
    from textgen_core.serving.runs import open_models
    from textgen_core.serving.worker import Worker, tensorflow_loader

    computing = Computing(
        runtime=runtime,
        on_wait=note if is_first else _ignore,
        before_tensorflow=tensorflow_loader(import_tensorflow, Allowance(), is_first=is_first),
    )
    directories = [RunDirectory(Path(each)) for each in runs]
    models = open_models(directories, discover(), computing, max_tokens=max_tokens, warn=_ignore)
    return Worker(models, *streams)


def _described(error: Exception) -> dict[str, object]:
    """Return what the server is told of an error that keeps the process from its work."""
    if isinstance(error, TextgenError):
        texts = [error.problem, error.allowed, error.advice]
        return {"failed": texts, "exit_code": error.exit_code}
    problem = f"An error in textgen itself: {type(error).__name__}: {reason_of(error)}"
    return {"failed": [problem], "exit_code": 1}


def _ignore(_: str) -> None:
    pass
