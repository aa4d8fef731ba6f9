"""Every error that textgen raises on purpose, and the exit code that the command gives it.

    TextgenError                 1   the run failed
    ├── UsageError               2   invalid input from the user
    │   ├── ConfigurationError   2   a setting, a flag, a recipe or a configuration file
    │   └── ComponentError       2   a spec, an option, or a plugin that cannot be used
    ├── CorpusError              3   a text file: corpus, validation, test, text to score
    ├── RunDirectoryError        4   a run directory: missing, damaged, not empty, not writable
    ├── PluginFailure            1   a component raised while it was in use
    ├── TrainingDiverged         1   the loss or a gradient stopped being finite
    ├── WorkersError             1   one of several workers is gone, or they do not agree
    │   └── WorkerLost          75   one is gone, or cannot be reached: they can go on again
    ├── OutOfMemory              1   the run does not fit into memory
    ├── DiskTooSmall             1   the run does not fit onto the disk
    └── Interrupted            130   stopped by the user, with a checkpoint saved

An error is three lines at most: what is wrong with the value and the place, what is allowed, and
the command that helps. Several faults of one input are one error with a line for each. Only `cli`
prints an error, and only `cli` catches one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar

from textgen_core.formatting import format_message

# Lines that Keras and TensorFlow put before the reason itself.
_PREAMBLES = ("Exception encountered when calling", "Graph execution error", "Detected at node")


class TextgenError(Exception):
    """The root of textgen's own errors; `exit_code` is what the command ends with.

    Args:
        problem: what is wrong, with the value and the place.
        allowed: what would be right; empty where that is obvious.
        advice: the next step, usually a command.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, problem: str, allowed: str = "", advice: str = "") -> None:
        super().__init__(problem, allowed, advice)
        self.problem = problem
        self.allowed = allowed
        self.advice = advice
        self.parts: tuple[TextgenError, ...] = (self,)

    def __str__(self) -> str:
        # A name in it may be a stranger's, and Python too shows it in a terminal.
        lines = (self.problem, self.allowed, self.advice)
        return format_message("\n".join(line for line in lines if line))

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows of it: the message, which says what to do, and no trace."""
        return [f"{type(self).__name__}: {self}"]


class UsageError(TextgenError):
    """Invalid input from the user."""

    exit_code = 2


class ConfigurationError(UsageError):
    """A setting, a flag, a recipe or a configuration file is wrong."""


class ComponentError(UsageError):
    """A component's spec or options are wrong, or its plugin cannot be used."""


class CorpusError(TextgenError):
    """A text file cannot be read or used."""

    exit_code = 3


class RunDirectoryError(TextgenError):
    """A run directory is missing, damaged, not empty or not writable, or lacks its plugin."""

    exit_code = 4


class PluginFailure(TextgenError):
    """A component raised, or broke its contract, while it was in use."""

    REPORT_IT: ClassVar[str] = "Report it to its author, with --debug for the full traceback."

    def _render_traceback_(self) -> list[str]:
        """Return the trace too: the component may be of the cell above."""
        import traceback  # which no command needs

        return traceback.format_exception(self)


class TrainingDiverged(TextgenError):
    """The loss or a gradient is no longer finite."""


class WorkersError(TextgenError):
    """One of several workers is gone, or they do not compute the same."""


class OutOfMemory(TextgenError):
    """The run needs more memory than there is."""


class DiskTooSmall(TextgenError):
    """The run needs more space than the disk has."""


class WorkerLost(WorkersError):
    """A worker of a training is gone, or cannot be reached; the others end, and may start again."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: to try again may help


class Interrupted(TextgenError):
    """Stopped by the user; what was done is saved."""

    exit_code = 130


class Faults:
    """Collects the user's mistakes, so that all of them are reported at once.

    Args:
        found: faults that are known already.
    """

    def __init__(self, found: Iterable[TextgenError] = ()) -> None:
        self._found = list(found)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Keep the UsageError that the block may raise, and go on after it."""
        try:
            yield
        except UsageError as fault:
            self._found.append(fault)

    def raise_any(self) -> None:
        """Raise what was collected, as one error.

        Raises:
            TextgenError: anything was collected; see `one_error`.
        """
        if self._found:
            raise one_error(self._found)


def one_error(faults: Sequence[TextgenError]) -> TextgenError:
    """Return faults as a single error.

    Args:
        faults: one or more.

    Returns:
        The only one as it is; of several, an error of the first one's type with a line for each.
    """
    parts = tuple(part for fault in faults for part in fault.parts)
    if len(parts) == 1:
        return parts[0]
    lines = [f"{len(parts)} faults:"]
    lines += [f"  {part.problem} {part.allowed}".rstrip() for part in parts]
    advice = next((part.advice for part in parts if part.advice), "")
    whole = type(faults[0])("\n".join(lines), advice=advice)
    whole.parts = parts
    return whole


@contextmanager
def component_errors(
    component: str, *, doing: str = "", advice: str = PluginFailure.REPORT_IT
) -> Iterator[None]:
    """Turn whatever a component raises into a PluginFailure that names it.

    Args:
        component: what the error calls it: "The model 'gru' (textgen-gru)".
        doing: what it was doing, where that is not obvious: "its signature".
        advice: the last line of the error.

    Raises:
        PluginFailure: the block raised, and not an error of textgen's own, which passes.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, TextgenError) or not is_component_fault(error):
            raise
        where = f" in {doing}" if doing else ""
        problem = f"{component} raised {type(error).__name__}{where}: {reason_of(error)}"
        raise PluginFailure(problem, advice=advice) from error


def is_component_fault(error: BaseException) -> bool:
    """Return whether an exception raised in a component is the component's failure.

    `sys.exit` is, since it must not end a run with a status of its own, and so is a panic of a
    library written in Rust, which is no Exception. An interruption by the user is not.

    Args:
        error: whatever was raised.

    Returns:
        False for what must go on to the caller, such as a KeyboardInterrupt.
    """
    return isinstance(error, (Exception, SystemExit)) or type(error).__name__ == "PanicException"


def reason_of(error: BaseException) -> str:
    """Return the line of an exception's message that says what happened.

    Args:
        error: an exception, perhaps of TensorFlow or Keras, with preambles and colours.

    Returns:
        One line; "no message" where there is none.
    """
    plain = str(error).replace("\x1b[1m", "").replace("\x1b[0m", "")
    lines = [line for line in plain.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith((" ", "\t", *_PREAMBLES))]
    return (telling or lines or ["no message"])[0]
