"""What is declared to fail: strictly, with a reason, and counted apart."""

from __future__ import annotations

import pytest
from testing.broken.metrics import Dividing
from testing.sound import SoundMetric

from textgen_core.errors import ComponentError
from textgen_core.testing import checks_for, conformance, run_checks, summarise

WHY = "it takes a mean of nothing"


def test_a_known_failure_keeps_its_fault_and_has_its_reason() -> None:
    results = {each.check.id: each for each in run_checks(Dividing)}
    declared = {
        each.check.id: each
        for each in run_checks(Dividing, known_failures={"metric.empty-input": WHY})
    }
    assert results["metric.empty-input"].failed
    assert declared["metric.empty-input"].known == WHY
    assert "ZeroDivisionError" in str(declared["metric.empty-input"].fault)
    assert [each.check.id for each in declared.values() if each.failed or each.known] == [
        "metric.empty-input"
    ]


def test_a_declared_check_that_holds_is_a_failure() -> None:
    results = run_checks(SoundMetric, known_failures={"metric.finite": WHY})
    (failed,) = (each for each in results if each.failed)
    assert failed.check.id == "metric.finite"
    assert str(failed.fault) == f"Declared as a known failure ({WHY}), and holds: take it out."


def test_an_id_that_is_none_of_the_kind_is_refused_at_once() -> None:
    for wrong in ("metric.empty-imput", "sampler.compiles"):
        for ask in (run_checks, conformance):
            with pytest.raises(ComponentError, match="Unknown check of a metric") as raised:
                ask(Dividing, known_failures={wrong: WHY})  # type: ignore[operator]
    with pytest.raises(ComponentError, match=r"Did you mean 'metric\.empty-input'"):
        conformance(Dividing, known_failures={"metric.empty-imput": WHY})
    assert "metric.deterministic" in str(raised.value)


@pytest.mark.parametrize("reason", ["", "  ", None])
def test_a_known_failure_needs_a_reason(reason: str) -> None:
    with pytest.raises(ComponentError, match="has no reason"):
        conformance(Dividing, known_failures={"metric.empty-input": reason})


@pytest.mark.parametrize("given", [["metric.empty-input"], "metric.empty-input"])
def test_known_failures_without_reasons_at_all_are_refused(given: object) -> None:
    with pytest.raises(ComponentError, match="known_failures cannot be"):
        conformance(Dividing, known_failures=given)  # type: ignore[arg-type]


def test_the_results_are_counted_in_words() -> None:
    number = len(checks_for("metric"))
    assert summarise(run_checks(SoundMetric)) == f"{number} checks, {number} hold"
    results = run_checks(Dividing)
    assert summarise(results) == f"{number} checks, {number - 1} hold, 1 fails"
    declared = run_checks(Dividing, known_failures={"metric.empty-input": WHY})
    assert summarise(declared) == f"{number} checks, {number - 1} hold, 1 known failure"
    assert summarise(results[:1]) == "1 check, 1 holds"
