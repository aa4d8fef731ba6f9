from __future__ import annotations

from types import SimpleNamespace

import attrs
from report.reading import Page

from textgen_core.report.charts.scales import MOST_POINTS
from textgen_core.report.records import Table, read_records
from textgen_core.report.sections.learning import describe_learning, points_of
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import append_row, write_json


def learning_of(run: RunDirectory, **changes: object) -> SimpleNamespace:
    found = describe_learning(attrs.evolve(read_records(run), **changes))
    assert found is not None
    return SimpleNamespace(**found)


def test_the_best_checkpoint_is_marked_on_the_curve(run: RunDirectory):
    learning = learning_of(run)
    page = Page(learning.losses.picture)
    assert [each["cx"] for each in page.all("circle") if each["class"] == "mark"] == ["80%"]
    assert "best 3.214" in page.text
    assert learning.losses.sentence.startswith("The best checkpoint is that of step 1,120")


def test_a_best_that_names_no_checkpoint_is_not_marked(run: RunDirectory):
    write_json(run.best, {"checkpoint": "../elsewhere", "validation_loss": 3.0})
    learning = learning_of(run)
    assert "best checkpoint" not in learning.losses.sentence
    assert 'class="mark"' not in learning.losses.picture


def test_baselines_with_a_loss_are_levels(run: RunDirectory):
    losses = learning_of(run).losses
    assert [name for name, _, _ in losses.legend][2:] == [
        "best 3.214",
        "guessing 8.30", "counting tokens 6.40", "counting 5-grams 4.11",
    ]  # fmt: skip
    lines = [kind for _, kind, _ in losses.legend][3:]
    assert len(set(lines)) == 3
    drawn = [str(each["class"]) for each in Page(losses.picture).all("line")]
    assert [kind for kind in drawn if kind.startswith("level")] == lines


def test_every_validation_is_a_dot_and_a_row(run: RunDirectory):
    learning = learning_of(run)
    dots = [each for each in Page(learning.losses.picture).all("circle") if each["class"] != "mark"]
    assert len(dots) == len(learning.validations) == 10
    assert learning.validations[0][0] == "140"


def test_a_long_curve_is_averaged_and_says_so(run: RunDirectory):
    assert "mean of" not in learning_of(run).losses.sentence
    for step in range(1500, 1500 + 3 * MOST_POINTS):
        append_row(run.metrics, {"step": step, "loss": 3.0})
    learning = learning_of(run)
    assert "mean of 4 rows" in learning.losses.sentence
    curve = Page(learning.losses.picture).all("polyline")[0]
    assert len(str(curve["points"]).split()) <= MOST_POINTS


def test_the_speed_is_the_median_of_the_rows(run: RunDirectory):
    path = run.metrics
    speeds = [100.0, None, 300.0, 10_000.0]
    rows = [
        Table(path, {"step": step, "loss": 1.0, "tokens_per_second": speed})
        for step, speed in enumerate(speeds)
    ]
    learning = learning_of(run, rows=tuple(rows))
    assert learning.cards[-1].value == "300"
    assert learning.rates is None


def test_points_without_a_figure_are_left_out(run: RunDirectory):
    rows = [
        Table(run.metrics, {"step": 2, "loss": None}),
        Table(run.metrics, {"step": 1, "loss": 3}),
    ]
    assert points_of(rows, "loss") == [(1.0, 3)]


def test_training_without_validation_is_drawn_alone(run: RunDirectory):
    run.metrics.write_text('{"step": 10, "loss": 3.0}\n', encoding="utf-8")
    run.best.unlink()
    learning = learning_of(run)
    names = [name for name, _, _ in learning.losses.legend]
    assert names[0] == "training loss"
    assert "validation loss" not in names
    assert learning.validations == ()


def test_one_outlier_among_many_rows_does_not_stretch_the_axis(run: RunDirectory):
    losses = [3.0] * (100 * MOST_POINTS)
    losses[5000] = 300.0
    rows = [Table(run.metrics, {"step": step, "loss": loss}) for step, loss in enumerate(losses)]
    learning = learning_of(run, rows=tuple(rows), evaluation=None, best=None)
    labels = [text for element, text in Page(learning.losses.picture).texts if element == "text"]
    assert "6" in labels  # the mean of a hundred rows, which is what is drawn
    assert "100" not in labels
