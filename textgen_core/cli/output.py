"""The one door to stdout and stderr: everything that a command prints goes through here.

Nothing that a terminal would act on gets out, whoever wrote it, and what a stream cannot encode is
shown as an escape. Tables and live views go through `console`, which makes text harmless with the
same function. A stream may be closed from the start, its reader may leave, and its device may be
full: `_Guarded` says what becomes of a command then.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import select
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from textgen_core.errors import TextgenError
from textgen_core.formatting import format_message, printable

_STYLES = {"": "", "bold": "1", "dim": "2", "red": "1;31", "green": "32", "yellow": "33"}
# What JSON may hold as it is, and a terminal would act on; the escape is the same value.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_GONE = {errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN}  # the other end of a pipe was closed


class ReaderGone(BaseException):
    """Whoever read stdout has left, as `head` does: there is nothing more to do."""


class _Guarded(io.RawIOBase):
    """The bytes of stdout or stderr, of which none can end a command in a trace.

    Where nobody reads stdout any more, ReaderGone ends the command; where it cannot be written,
    TextgenError says why. On stderr, and while a run outlives its reader, both are ignored.
    """

    outlives_reader = False

    def __init__(self, raw: io.RawIOBase, *, is_essential: bool) -> None:
        self._raw = raw
        self._is_essential = is_essential
        self._is_terminal = raw.isatty()
        self._failure: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()

    def write(self, data: Any) -> int:
        try:
            while self._failure is None:
                written = self._raw.write(data)
                if written is not None:
                    return written
                select.select([], [self._raw], [])  # it does not block, and its reader is slow
        except OSError as error:
            self._failure = error
        self.check()
        return len(data)

    def check(self) -> None:
        """Raise ReaderGone or TextgenError if something was not written that had to be."""
        failure = self._failure
        if failure is None or not self._is_essential or _Guarded.outlives_reader:
            return
        if failure.errno in _GONE or self._is_terminal:  # a terminal that was hung up
            raise ReaderGone
        reason = failure.strerror or failure
        raise TextgenError(
            f"What textgen prints cannot be written to stdout: {reason}.",
            "The files that it wrote, such as a run's, are whole.",
        )


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Let stdout and stderr be what a command can write to, whatever they are, in the block."""
    _fill_descriptors()
    before = sys.stdin, sys.stdout, sys.stderr
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123 - it is no file
    sys.stdout = _guarded(sys.stdout, is_essential=True)
    sys.stderr = _guarded(sys.stderr, is_essential=False)
    try:
        yield
    finally:
        with outliving_reader(), suppress(OSError, ValueError):
            sys.stdout.flush()  # what could not be written is dropped, and not tried again
            sys.stderr.flush()
        after = sys.stdin, sys.stdout, sys.stderr
        sys.stdin, sys.stdout, sys.stderr = before
        for stream in {*after} - {*before}:
            stream.close()


def _fill_descriptors() -> None:
    """Open the descriptors of the standard streams that are closed.

    Otherwise the next file that is opened gets the number of one, and what a library writes to
    stderr would end in it.
    """
    with suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(descriptor)


def _guarded(stream: TextIO | None, *, is_essential: bool) -> TextIO:
    """Return a stream above the guarded bytes of another; None is one that was closed."""
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - it is no file
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    if not isinstance(raw, io.RawIOBase):  # such as what a test captures
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Guarded(raw, is_essential=is_essential)),
        encoding=stream.encoding,
        errors="backslashreplace",
        line_buffering=raw.isatty() or not is_essential,
    )


@contextmanager
def outliving_reader() -> Iterator[None]:
    """Go on in the block though nobody reads any more: a run is not lost with its pager."""
    _Guarded.outlives_reader = True
    try:
        yield
    finally:
        _Guarded.outlives_reader = False


def show_line(text: Any = "", style: str = "", *, end: str = "\n") -> None:
    """Write text to stdout, made harmless."""
    _write(sys.stdout, _styled(printable(str(text)), style, sys.stdout) + end)


def show_text(text: str, *, end: str = "") -> None:
    """Write to stdout what a model wrote, or a path: as it is, but for a terminal."""
    _write(sys.stdout, (printable(text) if sys.stdout.isatty() else text) + end)


def note(text: str, style: str = "") -> None:
    """Write a message to stderr."""
    _write(sys.stderr, _styled(format_message(text), style, sys.stderr) + "\n")


def warn(text: str) -> None:
    """Write a warning to stderr."""
    _write(sys.stderr, _styled("Warning: ", "yellow", sys.stderr) + format_message(text) + "\n")


def fail(text: str) -> None:
    """Write an error to stderr, after everything that was printed before it."""
    with suppress(TextgenError, ReaderGone):
        sys.stdout.flush()
    _write(sys.stderr, _styled("Error: ", "red", sys.stderr) + format_message(text) + "\n")


def show_trace() -> None:
    """Write the trace of the exception that is being handled to stderr."""
    _write(sys.stderr, printable(traceback.format_exc()))


@contextmanager
def debug_messages() -> Iterator[None]:
    """Show on stderr what the core notes for whoever asks with `--debug`."""
    import logging

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            note(self.format(record))

    logger = logging.getLogger("textgen_core")
    handler, before = Notes(), (logger.level, logger.propagate)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before


def print_json(value: Any) -> None:
    """Print one JSON value on stdout; numbers that are not finite become null.

    What a terminal would act on is escaped, and so is everything that is not ASCII where the
    stream has no such characters: the value is the same.
    """
    from textgen_core.runs.files import finite

    stream = _results or sys.stdout
    _write(stream, _json_for(stream, finite(value), indent=2) + "\n")


def show_json_row(figure: str, text: str) -> None:
    """Write a line of two columns to stdout: a figure, and a text as a JSON string."""
    _write(sys.stdout, f"{figure}\t{_json_for(sys.stdout, text)}\n")


def _json_for(stream: TextIO, value: Any, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    text = _UNSAFE_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    try:
        text.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return json.dumps(value, indent=indent)
    return text


@contextmanager
def stdout_for_json() -> Iterator[None]:
    """Send what components print to stderr in the block: stdout is for `print_json` alone."""
    global _results
    _results, sys.stdout = sys.stdout, sys.stderr
    try:
        yield
    finally:
        sys.stdout, _results = _results, None


_results: TextIO | None = None  # where JSON goes, while everything else goes to stderr


def is_terminal() -> bool:
    """Return whether stdout is a terminal."""
    return sys.stdout.isatty()


def has_colours(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that shows colours, to one who wants them."""
    dumb = os.environ.get("TERM", "").lower() in ("dumb", "unknown")
    return stream.isatty() and not dumb and not os.environ.get("NO_COLOR")


def _styled(text: str, style: str, stream: TextIO) -> str:
    codes = _STYLES[style] if has_colours(stream) else ""
    return f"\x1b[{codes}m{text}\x1b[0m" if codes else text


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()
