"""The kit as an author uses it: one line in a test file, or a list of results."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from testing.broken.metrics import Dividing
from testing.sound import SoundMetric

import textgen_core.testing
from textgen_core.errors import ComponentError, TextgenError
from textgen_core.testing import checks_for, conformance, run_checks

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [str(each) for each in (ROOT / "tests", ROOT, ROOT / "plugins")]

TEST_FILE = """
from testing.broken.metrics import Dividing
from testing.broken.trackers import Explained
from testing.sound import SoundMetric
from textgen_core.testing import conformance

test_bleu = conformance("textgen-core:metric/bleu")
test_class = conformance(SoundMetric)
test_instance = conformance(Dividing(unit="word"))
test_tracker = conformance(Explained)
test_known = conformance(
    Dividing(unit="word"), known_failures={"metric.empty-input": "a mean of nothing"}
)
test_outlived = conformance(SoundMetric, known_failures={"metric.finite": "a reason of old"})
"""


def test_run_checks_goes_on_after_a_fault_and_says_what_was_seen() -> None:
    results = run_checks(Dividing)
    assert [check for check, _ in results] == list(checks_for("metric"))
    faults = {check.id: str(fault) for check, fault in results if fault is not None}
    assert list(faults) == ["metric.empty-input"]
    assert "ZeroDivisionError" in faults["metric.empty-input"]


def test_a_sound_component_has_no_fault() -> None:
    assert [fault for _, fault in run_checks(SoundMetric()) if fault is not None] == []


def test_a_function_of_conformance_has_a_case_for_each_check() -> None:
    function = conformance(SoundMetric)
    (mark,) = function.pytestmark  # type: ignore[attr-defined]
    assert mark.args[1] == checks_for("metric")


def test_pytest_shows_each_check_by_its_id(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(TEST_FILE, encoding="utf-8")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-v", "-rP", "--tb=short", "-p", "no:cacheprovider"),
            *("-c", "/dev/null", "--rootdir=.", "-W", "error"),
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": os.pathsep.join(SOURCES), "PATH": "", "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    metric, tracker = len(checks_for("metric")), len(checks_for("tracker"))
    expected = f"2 failed, {5 * metric + tracker - 3} passed, 1 xfailed"
    assert expected in done.stdout, done.stdout + done.stderr
    assert "::test_bleu[metric.figures] PASSED" in done.stdout
    assert "::test_instance[metric.empty-input] FAILED" in done.stdout
    assert re.search("ConformanceFault: .*Dividing.*ZeroDivisionError", done.stdout)
    assert "the package no_such_service is missing" in done.stdout
    assert "::test_known[metric.empty-input] XFAIL (a mean of nothing)" in done.stdout
    assert "::test_outlived[metric.finite] FAILED" in done.stdout
    assert "Declared as a known failure (a reason of old), and holds: take it out." in done.stdout
    lines = done.stdout.partition("= conformance =")[2].splitlines()[1:6]
    assert lines == [
        f"textgen-core:metric/bleu: {metric} checks, {metric} hold",
        f"metric/SoundMetric: {metric} checks, {metric} hold",
        f"metric/Dividing:unit=word: {metric} checks, {metric - 1} hold, 1 fails",
        f"tracker/Explained: {tracker} checks, {tracker} hold",
        f"metric/Dividing:unit=word: {metric} checks, {metric - 1} hold, 1 known failure",
    ]


def test_a_component_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ComponentError, match="is no component"):
        conformance(Path)


def test_without_pytest_conformance_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(TextgenError, match="pip install pytest"):
        conformance(SoundMetric)


def test_importing_the_kit_loads_nothing_heavy() -> None:
    names = ("tensorflow", "keras", "tokenizers", "numpy", "pytest")
    code = (
        "import sys\nfrom textgen_core.testing import checks_for\nchecks_for('model')\n"
        f"print(*[name for name in {names!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == ""


def test_the_surface_is_complete() -> None:
    assert all(hasattr(textgen_core.testing, name) for name in textgen_core.testing.__all__)
