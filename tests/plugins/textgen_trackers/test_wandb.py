"""The wandb tracker, with the real package in its offline mode: what is read back from its files.

A run is told in a process of its own, since wandb keeps another process until this one ends.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from textgen_core.components import Outcome, TrackedRun, Tracker
from textgen_core.errors import TextgenError
from textgen_core.registry.registry import Component, Plugin
from textgen_core.registry.selection import ResolvedComponent
from textgen_core.training.callbacks import Trackers
from textgen_trackers.wandb import WandbTracker, evaluation_figures

with_wandb = pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="needs wandb")

CONFIGURATION = {"training": {"batch_size": 32}, "model": {"name": "lstm", "units": [256]}}
EVALUATION = {
    "split": "test",
    "tokens": 900,
    "bits_per_byte": 2.5,
    "metrics": {"bleu": {"bleu": 1.25, "brevity": None}},
    "diagnosis": [],
}
SAMPLE = "Once <b>upon</b>\na “time” – 東京."

# Tells a run that is interrupted after step 30, and the same run resumed from a checkpoint at 20.
A_RUN = """
import json, sys
from pathlib import Path
from textgen_core.components import Outcome, TrackedRun
from textgen_trackers.wandb import WandbTracker

def tell(resumed_at_step, steps, outcome):
    run = TrackedRun(id="my-run", directory=folder, configuration=json.loads(sys.argv[2]),
                     resumed_at_step=resumed_at_step)
    session = WandbTracker(project="tales", mode="offline", group="lab").start(run)
    for step in steps:
        session.log(step, {"loss": step / 10, "learning_rate": 0.1})
    session.log(step, {"validation_loss": 2.25})
    session.sample(step, sys.argv[3])
    session.finish(outcome)

folder = Path(sys.argv[1])
tell(None, (10, 20, 30), Outcome(status="interrupted"))
tell(20, (30, 40), Outcome(status="finished", evaluation=folder / "evaluation.json"))
import os
assert "WANDB_ERROR_REPORTING" not in os.environ, "the environment is as it was"
"""


def records_of(path: Path) -> Iterator[Any]:
    """Yield the records of a `.wandb` file: protocol buffers in LevelDB's log format."""
    from wandb.proto import wandb_internal_pb2

    data, position, parts = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while position < len(data):
        left_in_block = 32768 - position % 32768
        if left_in_block < 7:
            position += left_in_block
            continue
        length, kind = (
            int.from_bytes(data[position + 4 : position + 6], "little"),
            data[position + 6],
        )
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            parts = b""
            yield record


def items_of(items: Any) -> dict[str, Any]:
    """Return the items of a record by key; a nested key's parts are joined by dots."""
    return {(item.key or ".".join(item.nested_key)): json.loads(item.value_json) for item in items}


def private_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which wandb finds nothing of the person who runs the tests."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("WANDB_")}
    places = {name: str(folder / name) for name in ("CONFIG_DIR", "CACHE_DIR", "DATA_DIR")}
    return {
        **kept,
        **{f"WANDB_{name}": place for name, place in places.items()},
        "HOME": str(folder),
        "NETRC": str(folder / "netrc"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


def run_python(
    program: str, *arguments: str, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        env={**private_environment(folder), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a run that was interrupted and resumed."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("run")
    (folder / "evaluation.json").write_text(json.dumps(EVALUATION), encoding="utf-8")
    done = run_python(A_RUN, str(folder), json.dumps(CONFIGURATION), SAMPLE, folder=home)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


@pytest.fixture(scope="module")
def records(told: Path) -> list[list[Any]]:
    """Return the records of the interrupted run, and those of the resumed one."""
    paths = sorted(told.glob("wandb/offline-run-*/*.wandb"), key=lambda path: path.stat().st_mtime)
    assert len(paths) == 2
    return [list(records_of(path)) for path in paths]


def of_kind(kind: str, records: list[Any]) -> list[Any]:
    return [getattr(each, kind) for each in records if each.WhichOneof("record_type") == kind]


@with_wandb
def test_the_record_has_the_project_the_name_and_the_configuration(
    records: list[list[Any]],
) -> None:
    for part in records:
        run = of_kind("run", part)[0]
        assert (run.project, run.display_name, run.run_group) == ("tales", "my-run", "lab")
        configuration = items_of(run.config.update)
        assert {name: configuration[name] for name in CONFIGURATION} == CONFIGURATION


@with_wandb
def test_a_resumed_run_goes_on_in_the_same_record_and_repeats_no_step(
    told: Path, records: list[list[Any]]
) -> None:
    first, second = (of_kind("run", part)[0].run_id for part in records)
    assert first == second
    kept = json.loads((told / "wandb" / "textgen.json").read_text(encoding="utf-8"))
    assert kept == {"id": first, "step": 40}
    steps = [[row.step.num for row in of_kind("history", part)] for part in records]
    assert steps == [[10, 20, 30], [40]]


@with_wandb
def test_every_figure_is_recorded_at_its_step_with_the_perplexity(
    records: list[list[Any]],
) -> None:
    rows = [items_of(row.item) for part in records for row in of_kind("history", part)]
    assert [row["loss"] for row in rows] == [1, 2, 3, 4]
    assert [row["perplexity"] for row in rows] == pytest.approx([math.exp(n) for n in (1, 2, 3, 4)])
    assert [row.get("validation_loss") for row in rows] == [None, None, 2.25, 2.25]


@with_wandb
def test_a_sample_is_a_page_that_shows_the_text_as_it_is(
    told: Path, records: list[list[Any]]
) -> None:
    assert "sample.path" in items_of(of_kind("history", records[0])[-1].item)
    paths = list(told.glob("wandb/offline-run-*/files/media/html/*"))
    pages = [path.read_text(encoding="utf-8") for path in paths]
    assert len(pages) == 2
    for page in pages:
        assert "Once &lt;b&gt;upon&lt;/b&gt;\na “time” – 東京." in page
        assert "http" not in page


@with_wandb
def test_the_summary_has_the_evaluation_and_the_exit_says_how_the_run_ended(
    records: list[list[Any]],
) -> None:
    summary: dict[str, Any] = {}
    for each in of_kind("summary", records[1]):
        summary |= items_of(each.update)
    found = {name: value for name, value in summary.items() if name.startswith("evaluation/")}
    assert found == evaluation_figures(EVALUATION)
    assert [of_kind("exit", part)[0].exit_code for part in records] == [255, 0]


def test_the_figures_of_an_evaluation_are_named_by_metric_and_null_ones_left_out() -> None:
    assert evaluation_figures(EVALUATION) == {
        "evaluation/split": "test",
        "evaluation/tokens": 900,
        "evaluation/bits_per_byte": 2.5,
        "evaluation/bleu/bleu": 1.25,
    }


# Starts a tracker for a run with the options that are given, and closes it.
A_START = """
import json, sys
from pathlib import Path
from textgen_core.components import Outcome, TrackedRun
from textgen_trackers.wandb import WandbTracker

run = TrackedRun(id="my-run", directory=Path(sys.argv[1]), configuration={})
WandbTracker(**json.loads(sys.argv[2])).start(run).finish(Outcome(status="failed"))
"""


@with_wandb
@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, ("theirs", "their name")), ({"project": "p", "run_name": "n"}, ("p", "n"))],
)
def test_what_a_person_set_for_wandb_holds_unless_an_option_is_given(
    options: dict[str, str], expected: tuple[str, str], tmp_path: Path
) -> None:
    theirs = {"WANDB_PROJECT": "theirs", "WANDB_NAME": "their name"}
    done = run_python(A_START, str(tmp_path), json.dumps(options), folder=tmp_path, **theirs)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (path,) = tmp_path.glob("wandb/offline-run-*/*.wandb")
    run = of_kind("run", list(records_of(path)))[0]
    assert (run.project, run.display_name) == expected


@with_wandb
def test_a_run_that_shall_be_sent_without_a_login_says_so_and_does_not_ask(tmp_path: Path) -> None:
    done = run_python(A_START, str(tmp_path), '{"mode": "online"}', folder=tmp_path)
    assert done.returncode == 1
    assert "knows no key of yours" in done.stderr
    assert "--tracker wandb:mode=offline" in done.stderr


def chosen(tracker: Tracker) -> ResolvedComponent:
    plugin = Plugin(
        distribution="textgen-core", version="1", entry_point="", module="", status="ok"
    )
    component = Component(kind="tracker", name="wandb", cls=type(tracker), plugin=plugin)
    return ResolvedComponent(component=component, instance=tracker, reference="wandb")


def test_without_the_package_the_run_goes_on_with_a_warning_that_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    run = TrackedRun(id="run", directory=tmp_path, configuration={})
    with pytest.raises(TextgenError, match=r'pip install "textgen-core\[wandb\]"'):
        WandbTracker().start(run)
    warnings: list[str] = []
    trackers = Trackers([chosen(WandbTracker())], run, warnings.append)
    trackers.on_training_row({"step": 1, "loss": 2.0}, 0.5)
    trackers.finish(Outcome(status="finished"))
    (warning,) = warnings
    assert "needs the package wandb" in warning
    assert "goes on without it" in warning
    assert list(tmp_path.iterdir()) == []
