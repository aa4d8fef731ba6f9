"""A process of `textgen tune` that trains: what it is told comes in, what it found goes out.

Its standard streams are the search's; whatever else prints there goes to stderr.
"""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress
from io import BufferedReader, BufferedWriter, FileIO
from pathlib import Path

from textgen_core.cli.output import debug_messages, guarded_streams, show_trace
from textgen_core.cli.startup import import_tensorflow
from textgen_core.errors import reason_of
from textgen_core.pipeline.search.trainer import describe_error, send
from textgen_core.pipeline.search.training_process import Requests, ignore_signals, work


def main(*, study: str, is_debugged: bool) -> None:
    """Train until the search goes away.

    Args:
        study: its directory.
        is_debugged: whether it is told on stderr what happens.
    """
    ignore_signals()
    reads, writes = BufferedReader(FileIO(os.dup(0))), BufferedWriter(FileIO(os.dup(1), "wb"))
    for each in (0, 1):  # what is closed reads nothing, see `guarded_streams`
        os.close(each)
    with suppress(OSError):  # there is no stderr
        os.dup2(2, 1)
    with guarded_streams(), debug_messages() if is_debugged else nullcontext():
        requests = Requests(reads)
        try:
            import_tensorflow(is_watched=False)
            work(Path(study), requests, writes)
        except Exception as error:
            if is_debugged:
                show_trace()
            with suppress(OSError):  # the search has gone
                send(writes, describe_error(error, reason_of(error)))
