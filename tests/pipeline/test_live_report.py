"""The report follows a training: how far it is, at which price, and what it says at the end."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from report.fabricated_run import fabricate_run
from report.reading import Page

import textgen_core.report
from textgen_core.config.settings import TrainingSettings
from textgen_core.pipeline.live_report import PAUSE, LiveReport
from textgen_core.report import write_report
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import write_json

MINUTES = TrainingSettings(minutes=3)


class Clock:
    """Time that passes when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return fabricate_run(tmp_path)


def follow(
    run: RunDirectory, clock: Clock, settings: TrainingSettings = MINUTES
) -> tuple[LiveReport, list[str]]:
    warnings: list[str] = []
    return LiveReport(run, settings, warnings.append, clock), warnings


def page_of(run: RunDirectory) -> Page:
    return Page(run.report.read_text(encoding="utf-8"))


def refreshes(page: Page) -> list[str | None]:
    return [each["content"] for each in page.all("meta") if each.get("http-equiv") == "refresh"]


def validate(report: LiveReport, step: int, seconds: float, progress: float) -> None:
    report.on_training_row({"step": step, "seconds": seconds, "loss": 3.0}, progress)
    report.on_sample({"step": step, "text": "a text"})


def test_a_page_left_open_shows_a_run_as_it_goes_and_its_end(run: RunDirectory) -> None:
    clock = Clock()
    report, warnings = follow(run, clock)
    clock.now = 60.0
    validate(report, 470, 60.0, 0.3)
    page = page_of(run)
    assert "Training, step 470, about 2 min left." in page.text
    assert "This run will be scored when it is trained." in page.text
    assert "What you can do next" not in page.text
    assert refreshes(page) == ["60"]
    report.on_training_end(interrupted=False)
    assert "Trained to step 470; it is being scored." in page_of(run).text
    write_report(run)
    assert refreshes(page_of(run)) == []
    assert "scored on the test split" in page_of(run).text.lower()
    assert warnings == []


def test_a_run_of_epochs_is_told_what_is_left_by_its_plan(run: RunDirectory) -> None:
    clock = Clock()
    report, _ = follow(run, clock, TrainingSettings(epochs=4))
    clock.now = 100.0
    validate(report, 470, 100.0, 0.25)
    assert "about 5 min left" in page_of(run).text


def test_pages_take_less_than_a_hundredth_of_the_training_and_leave_each_other_time(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, began = Clock(), []

    def cost_half_a_second(*_: object, **__: object) -> None:
        began.append(clock.now)
        clock.now += 0.5

    monkeypatch.setattr(textgen_core.report, "write_report", cost_half_a_second)
    report, _ = follow(run, clock)
    while clock.now < 600:
        clock.now += 4
        validate(report, 1, clock.now, 0.5)
    assert 4 <= len(began) <= 12
    assert all(0.5 * (done + 1) < at / 100 for done, at in enumerate(began[1:], start=1))
    assert min(later - one for one, later in itertools.pairwise(began)) >= PAUSE


def test_a_run_of_seconds_writes_no_page_on_its_way(run: RunDirectory) -> None:
    clock = Clock()
    report, _ = follow(run, clock)
    for clock.now in (4.0, 9.0, 14.0):
        validate(report, 1, clock.now, 0.5)
    report.on_training_end(interrupted=False)
    assert not run.report.exists()


def test_a_page_that_cannot_be_written_is_said_once_and_ends_nothing(run: RunDirectory) -> None:
    run.report.mkdir()
    clock = Clock()
    report, warnings = follow(run, clock)
    for clock.now in (100.0, 200.0):
        validate(report, 1, clock.now, 0.5)
    report.give_up()
    assert len(warnings) == 1
    assert warnings[0].startswith("The report does not follow the training: ")


def test_the_page_of_an_interrupted_run_says_so(run: RunDirectory) -> None:
    run.evaluation.unlink()
    folder = run.checkpoint(700)
    folder.mkdir(parents=True)
    write_json(folder / "state.json", {"step": 700, "plan": {"last_step": 1400}})
    report, _ = follow(run, Clock())
    report.give_up()
    page = page_of(run)
    assert "The training was interrupted at step 700 of about 1,400." in page.text
    assert f"textgen resume {run.path}" in page.text
    assert refreshes(page) == []
