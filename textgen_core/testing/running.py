"""Runs the checks of a component: as a list of results, or as the cases of a pytest function.

This module knows nothing about any single check. Only here is pytest imported, and only on use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textgen_core.errors import ComponentError, TextgenError, one_error
from textgen_core.registry.parsing import unknown_name
from textgen_core.testing.catalogue import checks_for
from textgen_core.testing.check import Check, Result, run_check
from textgen_core.testing.counting import count
from textgen_core.testing.subject import Subject, find_subject


def run_checks(
    component: Any,
    *,
    known_failures: Mapping[str, str] | None = None,
    tell: Callable[[Result], object] | None = None,
) -> list[Result]:
    """Run every check of a component, which is given as to `conformance`, and go on after faults.

    Also takes a Component of the registry. Each result unpacks as `(check, fault or None)`; a fault
    that was declared has its reason in `known`. `tell` is given each result as soon as there is
    one.
    """
    subject = find_subject(component)
    known = _checked(known_failures or {}, subject)
    results = []
    for each in checks_for(subject.kind):
        results.append(run_check(each, subject, known.get(each.id, "")))
        if tell is not None:
            tell(results[-1])
    return results


def conformance(
    component: Any, *, known_failures: Mapping[str, str] | None = None
) -> Callable[..., None]:
    """Return a pytest function with one case for each check, whose id is the check's.

    component: `DISTRIBUTION:KIND/NAME`, or `DISTRIBUTION:NAME` where that is unambiguous, which
    uses the defaults of every option; a class; or an instance. known_failures: why a check fails,
    by its id, such as `{"sampler.compiles": "it asks a service"}`; such a case is expected to fail,
    and one that holds all the same is a failure.

    `pytest -rP` shows the notes of checks that had less to look at than usual, and the session ends
    with a line for each component: how many checks were run, and what became of them. Under
    pytest-xdist there is no such line, since its workers have no terminal. Raises ComponentError if
    there is no such component or check, and TextgenError if pytest is missing.
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
    known = _checked(known_failures or {}, subject)

    @pytest.mark.parametrize("check", checks_for(subject.kind), ids=lambda check: check.id)
    def test_conformance(check: Check, request: pytest.FixtureRequest) -> None:
        __tracebackhide__ = True
        result = run_check(check, subject, known.get(check.id, ""))
        count(request.config, subject, result)
        if result.note:
            request.node.add_report_section("call", "note", result.note)
        if result.known:
            request.node.add_report_section("call", "fault", str(result.fault))
            pytest.xfail(result.known)
        if result.fault is not None:
            raise result.fault

    return test_conformance


def _checked(known_failures: Mapping[str, str], subject: Subject) -> Mapping[str, str]:
    """Return the known failures; raise ComponentError unless each is of a check, with a reason."""
    if not isinstance(known_failures, Mapping):
        raise ComponentError(
            f"known_failures cannot be {known_failures!r}.", "Allowed: a dict of ids and reasons."
        )
    ids = [each.id for each in checks_for(subject.kind)]
    faults: list[TextgenError] = [
        unknown_name(f"check of a {subject.kind}", each, ids, place="known_failures")
        for each in known_failures
        if each not in ids
    ]
    faults += [
        ComponentError(
            f"The known failure {each!r} has no reason.", "Allowed: why it fails, in words."
        )
        for each, reason in known_failures.items()
        if not isinstance(reason, str) or not reason.strip()
    ]
    if faults:
        raise one_error(faults)
    return known_failures
