"""The contract, and the table of a run that is told by hand."""

from __future__ import annotations

from pathlib import Path

from textgen_core.components import Outcome, TrackedRun
from textgen_core.testing import conformance

from textgen_figure_table.figure_table import FigureTableTracker

# One test for each thing that textgen expects of a tracker: `pytest -v` names them.
test_contract = conformance("textgen-figure-table:tracker/figure-table")

TRACKER = FigureTableTracker(separator="semicolon")
HEAD = "step;figure;value"


def tell(directory: Path, *steps: int, resumed_at_step: int | None = None) -> list[str]:
    """Tell the tracker a loss at each step, and return the lines of its table."""
    run = TrackedRun(
        id="a-run", directory=directory, configuration={}, resumed_at_step=resumed_at_step
    )
    session = TRACKER.start(run)
    for step in steps:
        session.log(step, {"loss": step / 2})
    session.finish(Outcome(status="finished"))
    return (directory / "figures.csv").read_text(encoding="utf-8").splitlines()


def test_every_figure_is_a_row(tmp_path: Path) -> None:
    assert tell(tmp_path, 1, 2) == [HEAD, "1;loss;0.5", "2;loss;1.0"]


def test_a_resumed_run_goes_on_after_its_step(tmp_path: Path) -> None:
    tell(tmp_path, 1, 2, 3)
    lines = tell(tmp_path, 3, 4, resumed_at_step=2)
    assert lines == [HEAD, "1;loss;0.5", "2;loss;1.0", "3;loss;1.5", "4;loss;2.0"]


def test_a_new_run_begins_anew(tmp_path: Path) -> None:
    tell(tmp_path, 1)
    assert tell(tmp_path, 7) == [HEAD, "7;loss;3.5"]
