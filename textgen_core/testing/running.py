"""Runs the checks of a component: as a list of results, or as the cases of a pytest function.

Every check of the kit is found here. pytest is imported nowhere else, and only on use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from textgen_core.errors import ComponentError, TextgenError, one_error
from textgen_core.registry.parsing import unknown_name
from textgen_core.registry.registry import KINDS
from textgen_core.testing import (
    component_checks,
    conduct_checks,
    drawing_checks,
    metric_checks,
    model_checks,
    program_checks,
    restoring,
    sampler_checks,
    tokenizer_checks,
    tracker_checks,
)
from textgen_core.testing.check import Check, Result, run_check, summarise
from textgen_core.testing.subject import Subject, find_subject

_PLUGIN = "textgen-conformance"  # the name of what a session of pytest is given
_MODULES = (
    component_checks,
    restoring,
    conduct_checks,
    tokenizer_checks,
    model_checks,
    sampler_checks,
    drawing_checks,
    program_checks,
    metric_checks,
    tracker_checks,
)

# Each module's checks in the order in which they are defined.
CHECKS: tuple[Check, ...] = tuple(
    each for module in _MODULES for each in vars(module).values() if isinstance(each, Check)
)


def checks_for(kind: str) -> tuple[Check, ...]:
    """Return the checks for components of a kind.

    Args:
        kind: "tokenizer", "model", "sampler", "metric" or "tracker".

    Returns:
        The checks, in the order in which they are run.

    Raises:
        ComponentError: there is no such kind.
    """
    if kind not in KINDS:
        raise ComponentError(f"{kind!r} is no kind.", f"Allowed: {', '.join(KINDS)}.")
    return tuple(each for each in CHECKS if kind in each.kinds)


def run_checks(
    component: Any,
    *,
    known_failures: Mapping[str, str] | None = None,
    tell: Callable[[Result], object] | None = None,
) -> list[Result]:
    """Run every check of a component, and go on after faults.

    Args:
        component: as for `conformance`, or a Component of the registry.
        known_failures: why a check fails, by its id.
        tell: called with each result as soon as there is one.

    Returns:
        A result for each check, which unpacks as `(check, fault or None)`; a fault that was
        declared has its reason in `known`.

    Raises:
        ComponentError: there is no such component or check.
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

    `pytest -rP` shows the notes of checks that had less to look at than usual, and the session ends
    with a line for each component that counts its checks. Under pytest-xdist there is no such line,
    since its workers have no terminal.

    Args:
        component: `DISTRIBUTION:KIND/NAME`, or `DISTRIBUTION:NAME` where that is unambiguous, which
            uses the defaults of every option; a class; or an instance.
        known_failures: why a check fails, by its id, such as `{"sampler.compiles": "it asks a
            service"}`; such a case is expected to fail, and is a failure if it holds all the same.

    Returns:
        The function, to be kept under a name that begins with `test_`.

    Raises:
        ComponentError: there is no such component or check.
        TextgenError: pytest is missing.
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
        _count(request.config, subject, result)
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
    ids, faults = [each.id for each in checks_for(subject.kind)], []
    for each, reason in known_failures.items():
        if each not in ids:
            what = f"check of a {subject.kind}"
            faults.append(unknown_name(what, each, ids, place="known_failures"))
        if not isinstance(reason, str) or not reason.strip():
            problem = f"The known failure {each!r} has no reason."
            faults.append(ComponentError(problem, "Allowed: why it fails, in words."))
    if faults:
        raise one_error(faults)
    return known_failures


class _SessionCounts:
    """A plugin of one session of pytest, which prints a line for each component at its end."""

    def __init__(self) -> None:
        self.counted: dict[int, tuple[Subject, list[Result]]] = {}

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the lines; pytest calls this by its name."""
        terminalreporter.section("conformance")
        for subject, results in self.counted.values():
            terminalreporter.line(f"{subject.reference}: {summarise(results)}")


def _count(config: Any, subject: Subject, result: Result) -> None:
    """Count a result for the end of the session; each call of `conformance` has its own line."""
    counts = config.pluginmanager.get_plugin(_PLUGIN)
    if counts is None:
        # Registered on first use: an entry point would have pytest import textgen in every session.
        counts = _SessionCounts()
        config.pluginmanager.register(counts, _PLUGIN)
    counts.counted.setdefault(id(subject), (subject, []))[1].append(result)
