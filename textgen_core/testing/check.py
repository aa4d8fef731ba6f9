"""A check: a sentence that every component of some kinds must make true, and its result."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from textgen_core.errors import TextgenError, is_component_fault
from textgen_core.formatting import format_count
from textgen_core.registry.own_keras import own_keras
from textgen_core.testing.subject import Subject


class ConformanceFault(AssertionError):
    """A component breaks its contract; the message is what was seen."""


@attrs.frozen(kw_only=True)
class Check:
    """One thing that a component must do.

    Attributes:
        id: a stable name, such as `sampler.keeps-one`.
        sentence: what must be true.
        kinds: the kinds of component that it is for.
        examine: raises ConformanceFault with what was seen, and may return a note: why there was
            less to look at than usual.
    """

    id: str
    sentence: str
    kinds: tuple[str, ...]
    examine: Callable[[Subject], str | None]


@attrs.frozen(kw_only=True)
class Result:
    """The result of a check. Unpacks as `(check, fault)`.

    Attributes:
        check: what was checked.
        fault: what is wrong, or None. A check that was declared to fail and holds has a fault that
            says so.
        note: why there was less to look at than usual, or empty.
        known: the reason that was declared for the fault, empty where none was.
    """

    check: Check
    fault: ConformanceFault | None
    note: str = ""
    known: str = ""

    @property
    def failed(self) -> bool:
        """Whether there is a fault that was not declared."""
        return self.fault is not None and not self.known

    def __iter__(self) -> Iterator[Any]:
        """Yield the check, and its fault or None."""
        return iter((self.check, self.fault))


def check(id: str, *kinds: str) -> Callable[[Callable[[Subject], str | None]], Check]:
    """Declare a function as a check: the first line of its docstring is the sentence."""

    def declare(examine: Callable[[Subject], str | None]) -> Check:
        sentence = inspect.cleandoc(examine.__doc__ or "").partition("\n")[0]
        return Check(id=id, sentence=sentence, kinds=kinds, examine=examine)

    return declare


def require(condition: Any, seen: str) -> None:
    """Raise ConformanceFault with what was seen, unless the condition holds."""
    if not condition:
        raise ConformanceFault(seen)


def run_check(check: Check, subject: Subject, known: str = "") -> Result:
    """Return the result of a check; whatever the component raises is a fault.

    known: why the check is declared to fail, if it is.
    """
    fault, note = None, ""
    try:
        with own_keras():  # which checks import when they need it
            note = check.examine(subject) or ""
    except ConformanceFault as found:
        fault = found
    except BaseException as error:
        if not is_component_fault(error):
            raise
        is_ours = isinstance(error, TextgenError)
        fault = ConformanceFault(
            f"{error}" if is_ours else f"It raised {type(error).__name__}: {error}"
        )
        fault.__cause__ = error
    if known and fault is None:
        fault = ConformanceFault(f"Declared as a known failure ({known}), and holds: take it out.")
        known = ""
    return Result(check=check, fault=fault, note=note, known=known)


def summarise(results: Sequence[Result]) -> str:
    """Return the number of checks in words.

    Args:
        results: what `run_checks` returned.

    Returns:
        A line such as `19 checks, 18 hold, 1 known failure`.
    """
    failed = sum(each.failed for each in results)
    known = sum(bool(each.known) for each in results)
    held = len(results) - failed - known
    parts = [format_count(len(results), "check"), format_count(held, "holds", "hold")]
    if failed:
        parts.append(format_count(failed, "fails", "fail"))
    if known:
        parts.append(format_count(known, "known failure"))
    return ", ".join(parts)
