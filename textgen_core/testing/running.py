"""Runs the checks of a component: as a list of results, or as the cases of a pytest function.

This module knows nothing about any single check. Only here is pytest imported, and only on use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textgen_core.errors import TextgenError
from textgen_core.testing.catalogue import checks_for
from textgen_core.testing.check import Check, Result, run_check
from textgen_core.testing.subject import find_subject


def run_checks(component: Any) -> list[Result]:
    """Run every check of a component, which is given as to `conformance`, and go on after faults.

    Also takes a Component of the registry. Each result unpacks as `(check, fault or None)`.
    """
    subject = find_subject(component)
    return [run_check(each, subject) for each in checks_for(subject.kind)]


def conformance(component: Any) -> Callable[..., None]:
    """Return a pytest function with one case for each check, whose id is the check's.

    component: `DISTRIBUTION:KIND/NAME`, or `DISTRIBUTION:NAME` where that is unambiguous, which
    uses the defaults of every option; a class; or an instance. `pytest -rP` shows the notes of
    checks that had less to look at than usual. Raises ComponentError if there is no such component,
    and TextgenError if pytest is missing.
    """
    try:
        import pytest
    except ImportError as error:
        raise TextgenError(
            "conformance() needs the package pytest.",
            "Without it: textgen_core.testing.run_checks.",
            "Install it: pip install pytest",
        ) from error
    subject = find_subject(component)

    @pytest.mark.parametrize("check", checks_for(subject.kind), ids=lambda check: check.id)
    def test_conformance(check: Check, request: pytest.FixtureRequest) -> None:
        __tracebackhide__ = True
        result = run_check(check, subject)
        if result.note:
            request.node.add_report_section("call", "note", result.note)
        if result.fault is not None:
            raise result.fault

    return test_conformance
