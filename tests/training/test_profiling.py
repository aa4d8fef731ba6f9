"""A profile of some steps: when it starts and stops, and that it is never worth a run."""

import pytest

from textgen_core.training.profiling import Profiling, covers


class FakeProfiler:
    def __init__(self, fails_at=None):
        self.told, self.fails_at = [], fails_at

    def start(self, logdir):
        self._tell(("start", logdir))

    def stop(self):
        self._tell(("stop",))

    def _tell(self, what):
        if what[0] == self.fails_at:
            raise RuntimeError("Another profiler is running.\nSee the log.")
        self.told.append(what)


class Broken(Exception):
    """What goes wrong in a step."""


def followed(folder, steps, taken, breaks_at=None, **given):
    """Take steps, and return in which order steps, starts and stops came."""
    profiler, warnings = FakeProfiler(**given), []
    try:
        with Profiling(steps, folder, warnings.append, profiler) as profiling:
            for step in taken:
                profiling.before(step)
                profiler.told.append(step)
                if step == breaks_at:
                    raise Broken
                profiling.after(step)
    except Broken:
        pass
    return [each if isinstance(each, int) else each[0] for each in profiler.told], warnings


@pytest.mark.parametrize(
    ("steps", "taken", "expected"),
    [
        (None, range(1, 3), [1, 2]),
        ((2, 3), range(1, 5), [1, "start", 2, 3, "stop", 4]),
        ((1, 1), range(1, 3), ["start", 1, "stop", 2]),
        ((4, 9), range(1, 6), [1, 2, 3, "start", 4, 5, "stop"]),  # training ends before it does
        ((8, 9), range(1, 3), [1, 2]),
        ((2, 3), range(4, 6), [4, 5]),  # passed before the run was resumed
        ((2, 5), range(4, 7), ["start", 4, 5, "stop", 6]),  # the rest of it
    ],
    ids=str,
)
def test_the_profiler_runs_for_the_steps_that_were_asked_for(tmp_path, steps, taken, expected):
    told, warnings = followed(tmp_path, steps, taken)
    assert told == expected
    assert warnings == []


def test_the_profile_is_written_into_the_folder(tmp_path):
    profiler = FakeProfiler()
    with Profiling((1, 2), tmp_path / "profile", print, profiler) as profiling:
        profiling.before(1)
    assert profiler.told[0] == ("start", str(tmp_path / "profile"))


def test_a_step_that_breaks_stops_the_profiler(tmp_path):
    assert followed(tmp_path, (1, 5), range(1, 9), breaks_at=2)[0] == ["start", 1, 2, "stop"]


@pytest.mark.parametrize("moment", ["start", "stop"])
def test_a_profiler_that_fails_is_told_once_and_the_steps_go_on(tmp_path, moment):
    told, (warning,) = followed(tmp_path, (1, 2), range(1, 5), fails_at=moment)
    assert [step for step in told if step != "start"] == [1, 2, 3, 4]
    assert "training.profile" in warning
    assert "Another profiler is running. Training goes on." in warning
    assert "\n" not in warning


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(0, 9, True), (0, 10, True), (0, 20, True), (12, 13, True), (20, 30, False), (19, 20, True)],
)
def test_a_training_covers_steps_that_it_took(before, after, expected):
    assert covers((10, 20), before, after) == (expected and after >= 10)


def test_tensorflow_writes_a_profile_of_the_steps(tmp_path):
    import tensorflow as tf

    folder, warnings = tmp_path / "profile", []
    with Profiling((2, 2), folder, warnings.append) as profiling:
        for step in (1, 2, 3):
            profiling.before(step)
            tf.linalg.matmul(tf.ones((8, 8)), tf.ones((8, 8)))
            profiling.after(step)
    assert warnings == []
    assert [path for path in folder.rglob("*.xplane.pb") if path.stat().st_size]
