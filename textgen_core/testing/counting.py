"""How many checks were run, and what became of them: in words, and at the end of a pytest session.

This module knows nothing about any single check, and imports no pytest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textgen_core.testing.check import Result
from textgen_core.testing.subject import Subject

NAME = "textgen-conformance"  # of the plugin that a session of pytest is given


def summarise(results: Sequence[Result]) -> str:
    """Return the number of checks in words: `19 checks, 18 hold, 1 known failure`."""
    failed = sum(each.failed for each in results)
    known = sum(bool(each.known) for each in results)
    held = len(results) - failed - known
    parts = [_counted(len(results), "check", "checks"), _counted(held, "holds", "hold")]
    if failed:
        parts.append(_counted(failed, "fails", "fail"))
    if known:
        parts.append(_counted(known, "known failure", "known failures"))
    return ", ".join(parts)


def _counted(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"


class SessionCounts:
    """A plugin of one session of pytest, which prints a line for each component at its end."""

    def __init__(self) -> None:
        self._counted: dict[int, tuple[Subject, list[Result]]] = {}

    def add(self, subject: Subject, result: Result) -> None:
        """Count a result of a component; each call of `conformance` has a line of its own."""
        self._counted.setdefault(id(subject), (subject, []))[1].append(result)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the lines; pytest calls this by its name."""
        terminalreporter.section("conformance")
        for subject, results in self._counted.values():
            terminalreporter.line(f"{subject.reference}: {summarise(results)}")


def count(config: Any, subject: Subject, result: Result) -> None:
    """Count a result for the end of the session to which a `pytest.Config` belongs."""
    plugins = config.pluginmanager
    counts = plugins.get_plugin(NAME)
    if counts is None:
        # Registered on first use: an entry point would have pytest import textgen in every session.
        counts = SessionCounts()
        plugins.register(counts, NAME)
    counts.add(subject, result)
