"""Trackers, and what becomes of one that raises."""

from pathlib import Path

import attrs
import pytest

from textgen_core.components import Outcome, TrackedRun, Tracker, TrackerSession
from textgen_core.errors import TextgenError
from textgen_core.registry.registry import Component, Plugin
from textgen_core.registry.selection import ResolvedComponent
from textgen_core.training.callbacks import Trackers

RUN = TrackedRun(id="run", directory=Path("run"), configuration={})
ROW = {"step": 3, "loss": 1.5, "epoch": 1}


class Session(TrackerSession):
    def __init__(self, fails_in, error):
        self.fails_in, self.error, self.seen = fails_in, error, []

    def _note(self, what, *values):
        self.seen.append((what, *values))
        if what == self.fails_in:
            raise self.error

    def log(self, step, values):
        self._note("log", step, dict(values))

    def sample(self, step, text):
        self._note("sample", step, text)

    def finish(self, outcome):
        self._note("finish", outcome)


@attrs.frozen(kw_only=True)
class FakeTracker(Tracker):
    session: Session

    def start(self, run):
        self.session._note("start", run)
        return self.session


def follow(*sessions):
    plugin = Plugin(distribution="lab", version="2.0", entry_point="", module="", status="ok")
    component = Component(kind="tracker", name="board", cls=FakeTracker, plugin=plugin)
    chosen = [
        ResolvedComponent(
            component=component, instance=FakeTracker(session=each), reference="board"
        )
        for each in sessions
    ]
    warnings = []
    return Trackers(chosen, RUN, warnings.append), warnings


def kinds(session):
    return [what for what, *_ in session.seen]


def test_a_tracker_is_told_everything_once_and_in_order():
    session = Session(None, None)
    trackers, warnings = follow(session)
    trackers.on_training_row(ROW, 0.5)
    trackers.on_sample({"step": 3, "prompt": "", "text": "once"})
    outcome = Outcome(status="finished")
    trackers.finish(outcome)
    trackers.finish(outcome)
    assert session.seen == [
        ("start", RUN),
        ("log", 3, {"loss": 1.5, "epoch": 1}),
        ("sample", 3, "once"),
        ("finish", outcome),
    ]
    assert not warnings


@pytest.mark.parametrize("fails_in", ["start", "log", "sample", "finish"])
@pytest.mark.parametrize(
    "error", [RuntimeError("no network"), TextgenError("no network."), SystemExit("no network")]
)
def test_a_tracker_that_raises_is_dropped_with_a_warning_and_the_others_go_on(fails_in, error):
    broken, sound = Session(fails_in, error), Session(None, None)
    trackers, warnings = follow(broken, sound)
    trackers.on_training_row(ROW, 0.5)
    trackers.on_sample({"step": 3, "prompt": "", "text": "once"})
    trackers.on_training_row(ROW, 0.5)
    trackers.finish(Outcome(status="finished"))
    assert kinds(sound) == ["start", "log", "sample", "log", "finish"]
    assert kinds(broken)[-1] == fails_in
    assert kinds(broken).count(fails_in) == 1
    assert len(warnings) == 1
    assert "no network" in warnings[0]
    assert "goes on without it" in warnings[0]
    assert "'board' (lab 2.0)" in warnings[0]
