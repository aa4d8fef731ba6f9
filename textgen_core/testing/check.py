"""A check: a sentence that every component of some kinds must make true, and what becomes of it.

This module knows nothing about any single check, nor about pytest.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from textgen_core.errors import TextgenError, is_component_fault
from textgen_core.testing.subject import Subject


class ConformanceFault(AssertionError):
    """A component breaks its contract; the message is what was seen."""


@attrs.frozen(kw_only=True)
class Check:
    """One thing that a component must do.

    id: stable, such as `sampler.keeps-one`; sentence: what must be true; kinds: of which
    components. `examine` raises ConformanceFault with what was seen, and may return a note: why
    there was less to look at than usual.
    """

    id: str
    sentence: str
    kinds: tuple[str, ...]
    examine: Callable[[Subject], str | None]


@attrs.frozen(kw_only=True)
class Result:
    """What became of a check: a fault, or none, and a note. Unpacks as `(check, fault)`.

    known: the reason that was declared for the fault, empty where none was. A check that was
    declared to fail and holds has a fault that says so.
    """

    check: Check
    fault: ConformanceFault | None
    note: str = ""
    known: str = ""

    @property
    def failed(self) -> bool:
        """Whether there is a fault that nobody declared."""
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
    """Return what becomes of a check; whatever the component raises is a fault.

    known: why the check is declared to fail, if it is.
    """
    result = _examined(check, subject)
    if not known:
        return result
    if result.fault is None:
        holds = ConformanceFault(f"Declared as a known failure ({known}), and holds: take it out.")
        return attrs.evolve(result, fault=holds)
    return attrs.evolve(result, known=known)


def _examined(check: Check, subject: Subject) -> Result:
    try:
        note = check.examine(subject)
    except ConformanceFault as fault:
        return Result(check=check, fault=fault)
    except TextgenError as error:
        return _raised(check, error, str(error))
    except BaseException as error:
        if not is_component_fault(error):
            raise
        return _raised(check, error, f"It raised {type(error).__name__}: {error}")
    return Result(check=check, fault=None, note=note or "")


def _raised(check: Check, error: BaseException, seen: str) -> Result:
    fault = ConformanceFault(seen)
    fault.__cause__ = error
    return Result(check=check, fault=fault)
