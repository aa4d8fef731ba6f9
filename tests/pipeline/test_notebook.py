"""A run in IPython: shown in place in a notebook, in lines in a terminal, elsewhere not at all."""

from __future__ import annotations

import html
import inspect
import json
import os
import re
import sys
import types
from pathlib import Path
from urllib.parse import unquote

import attrs
import pytest

import textgen_core as textgen
from textgen_core.config.settings import ARGUMENTS
from textgen_core.errors import Interrupted, PluginFailure, UsageError
from textgen_core.evaluation.verdict import Verdict
from textgen_core.formatting import printable
from textgen_core.formatting.html import as_html
from textgen_core.pipeline.notebook import LineCallback, NotebookCallback, Screen, follow
from textgen_core.pipeline.run_page import progress_page, summary_page
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.listing import summarise
from textgen_core.training.callbacks import Callback

HOSTILE = "<script>alert(1)</script>&\x1b[31m"
ROW = {"step": 10, "epoch": 1, "seconds": 2.0, "loss": 3.5, "tokens_per_second": 900.0}
VERDICT = Verdict(
    outcome="good", clauses=("words",), change="longer", values={"flag": "--minutes 6"}
)
VALIDATION = {"step": 10, "validation_loss": 3.25, "validation_bits_per_byte": 2.125}


@attrs.define
class FakeDisplay:
    """Takes what IPython's `display` takes, and keeps what a page would show at the end."""

    places: dict[str, dict[str, str]] = attrs.field(factory=dict)
    updates: int = 0

    def __call__(self, bundle, *, raw, display_id=None, update=False):
        assert raw
        assert update == (display_id in self.places)  # a place is made once, then updated
        self.updates += update
        self.places[display_id or f"line {len(self.places)}"] = bundle

    @property
    def page(self):
        [bundle] = self.places.values()
        return bundle["text/html"]


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setenv("TEXTGEN_LANG", "en")


@pytest.fixture
def ipython(monkeypatch):
    """Return a function that puts an IPython around the test, with a kernel or in a terminal."""
    display = FakeDisplay()

    def surround(**shell):
        module = types.SimpleNamespace(
            display=types.SimpleNamespace(display=display),
            get_ipython=lambda: types.SimpleNamespace(execution_count=3, **shell),
        )
        monkeypatch.setitem(sys.modules, "IPython", module)
        return display

    return surround


@pytest.fixture
def run(tmp_path):
    """A run's files as far as a page reads them, with foreign text wherever there can be some."""
    folder = tmp_path / "shown"
    (folder / "checkpoints" / "step-00000010").mkdir(parents=True)
    (folder / "run.toml").write_text(f"model = {{ name = {json.dumps(HOSTILE)} }}\n")
    (folder / "manifest.json").write_text(json.dumps({"model": {"parameters": 1234}}))
    rows = [ROW, VALIDATION, {**ROW, "step": 20, "loss": 3.0}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    sample = {"step": 10, "prompt": "Once ", "text": f"line\nbreak {HOSTILE}"}
    (folder / "samples.jsonl").write_text(json.dumps(sample) + "\n")
    evaluation = {
        "split": HOSTILE,
        "bits_per_byte": 2.5,
        "baselines": {"ngram": {"bits_per_byte": 2.75}},
        "verdict": VERDICT.as_json(),
    }
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    return RunDirectory(folder)


def trained(run, screen, clock=lambda: 0.0):
    callback = NotebookCallback(screen, clock)
    callback.on_run_begin(str(run.path))
    callback.on_phase(4)
    callback.on_estimate(60.0, None)
    callback.on_training_row(ROW, 0.25)
    callback.on_validation_row(VALIDATION)
    callback.on_sample({"prompt": HOSTILE, "text": "first\nsecond"})
    return callback


# ---- the display ------------------------------------------------------------------------------


def test_a_page_in_the_making_has_the_phase_the_time_left_the_curve_and_the_sample(run):
    display = FakeDisplay()
    trained(run, Screen(display))
    page = display.page
    assert '<span class="now">4 Train</span>' in page
    assert "width:25%" in page
    assert "1 min left" in page
    assert page.count("<polyline") >= 1
    assert "first\nsecond" in page  # with its line break
    assert "white-space:pre-wrap" in page
    assert display.updates > 3


def test_foreign_text_is_escaped_in_every_page(run):
    display = FakeDisplay()
    callback = trained(run, Screen(display))
    callback.on_warning(HOSTILE)
    callback.on_message([HOSTILE])
    callback.on_progress(HOSTILE, 1, 2)
    pages = [progress_page(callback.progress, HOSTILE), summary_page(run, callback.progress)]
    for page in pages:
        assert "<script" not in page
        assert "\x1b" not in page
        assert "&lt;script&gt;" in page


def test_pages_are_drawn_twice_a_second_at_most(run):
    display, seconds = FakeDisplay(), [0.0]
    callback = trained(run, Screen(display), lambda: seconds[0])
    before = display.updates
    for step in range(1000):
        seconds[0] += 0.01
        callback.on_training_row({**ROW, "step": step}, step / 1000)
    assert display.updates - before <= 20


def test_the_summary_says_the_verdict_the_figures_and_what_is_to_be_beaten(run):
    page = summary_page(run)
    for sentence in VERDICT.sentences(str(run.path)):
        assert html.escape(sentence) in page
    for figure in ("2.500", "2.750", "1,234"):
        assert f"<dd>{figure}</dd>" in page
    assert page.count("<polyline") == 1
    assert "line\nbreak" in page


def test_the_summary_links_the_report_that_lies_below_the_notebook(run, tmp_path, monkeypatch):
    assert "<a " not in summary_page(run)
    run.report.write_text("<p>A report.</p>")
    assert "<a " not in summary_page(run)  # a browser does not go from a server to a file
    monkeypatch.chdir(tmp_path)
    target = re.search(r'<a href="([^"]*)"', summary_page(run))[1]
    assert Path(unquote(target)) == run.report.relative_to(tmp_path)
    assert not set(target) & set(' <>&"')


def test_a_summary_of_damaged_files_leaves_out_what_cannot_be_read(run):
    for name in ("metrics.jsonl", "samples.jsonl", "evaluation.json", "manifest.json", "run.toml"):
        (run.path / name).write_bytes(b"\xff{")
    page = summary_page(run)
    assert "<h4>shown</h4>" in page
    assert page.count("<dd>") == 1  # the step of the checkpoint, which is a folder


def test_a_display_that_fails_does_not_end_the_run(run):
    def broken(*_, **__):
        raise OSError("the connection is gone")

    with pytest.warns(UserWarning, match="the connection is gone"):
        callback = NotebookCallback(Screen(broken))
    callback.on_phase(4)  # told, and silent from now on


def test_the_page_speaks_spanish(run, monkeypatch):
    monkeypatch.setenv("TEXTGEN_LANG", "es")
    display = FakeDisplay()
    trained(run, Screen(display))
    assert "4 Entrenar" in display.page
    assert "quedan 1 min" in display.page
    assert html.escape(VERDICT.sentences(str(run.path))[0]) in summary_page(run)


def test_the_split_that_was_scored_has_its_spanish_name(run, monkeypatch):
    monkeypatch.setenv("TEXTGEN_LANG", "es")
    evaluation = json.loads(run.evaluation.read_text())
    for split, name in (("test", "prueba"), ("validation", "validación"), (HOSTILE, HOSTILE)):
        run.evaluation.write_text(json.dumps({**evaluation, "split": split}))
        assert f"bits por byte ({as_html(name)})" in summary_page(run)
        assert f"2.500 bits por byte ({printable(name)})" in summarise(run.path).facts()


# ---- where a run is shown ---------------------------------------------------------------------


class FakeRun:
    """What a run leaves that is shown in the end."""

    def __init__(self, run):
        self.directory, self.shown_in = run.path, None


def test_outside_of_ipython_nothing_shows_a_run(run, monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    told = []
    follow(lambda callback: told.append(type(callback)) or FakeRun(run), None)
    assert told == [Callback]


def test_a_notebook_shows_a_run_and_in_its_cell_only_once(run, ipython):
    display = ipython(kernel=object())
    shown = follow(lambda callback: callback.on_phase(1) or FakeRun(run), None)
    assert "A good run" in display.page
    assert shown.shown_in == 3


def test_a_callback_of_ones_own_takes_the_place_of_the_display(run, ipython):
    display, own = ipython(kernel=object()), Callback()
    follow(lambda callback: FakeRun(run) if callback is own else None, own)
    assert display.places == {}


def test_a_run_that_is_interrupted_says_how_to_go_on_and_raises(run, ipython):
    display = ipython(kernel=object())

    def begin(callback):
        callback.on_run_begin(str(run.path))
        raise Interrupted("Stopped at step 10.")

    with pytest.raises(Interrupted):
        follow(begin, None)
    assert "textgen.resume(" in display.page
    assert str(run.path) in display.page


def test_ipython_in_a_terminal_gets_lines_without_escapes(run, ipython):
    display = ipython()

    def begin(callback):
        assert isinstance(callback, LineCallback)
        callback.on_phase(4)
        callback.on_validation_row(VALIDATION)
        callback.on_warning(HOSTILE)
        return FakeRun(run)

    follow(begin, None)
    lines = [bundle["text/plain"] for bundle in display.places.values()]
    assert lines[:2] == ["4 Train", "  step 10: 2.125 bits per byte on new text"]
    assert not any("\x1b" in line for line in lines)


def test_a_notebook_shows_the_message_of_an_error_and_the_trace_of_a_component():
    assert UsageError("It is wrong.")._render_traceback_() == ["UsageError: It is wrong."]
    try:
        raise PluginFailure("It raised.") from ZeroDivisionError("in the cell")
    except PluginFailure as failure:
        assert "in the cell" in "".join(failure._render_traceback_())


# ---- what completion and pandas read ----------------------------------------------------------


def test_the_signature_of_run_has_every_argument_with_its_type():
    signature = inspect.signature(textgen.run)
    assert set(ARGUMENTS) <= set(signature.parameters)
    kinds = {each.kind for each in signature.parameters.values()}
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    for function in (textgen.run, textgen.resume, textgen.open_run):
        for each in inspect.signature(function).parameters.values():
            assert each.annotation is not each.empty
            assert f"{each.name}:" in inspect.getdoc(function)


def test_runs_are_listed_the_newest_first_and_say_what_they_are(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert repr(textgen.runs()) == "There is no run under runs/ here."
    Path("runs").mkdir()
    run.path.rename("runs/older")
    newer = Path("runs/newer")
    newer.mkdir()
    (newer / "run.toml").write_text("damaged = ")
    os.utime("runs/older/run.toml", (1, 1))
    listed = textgen.runs()
    assert [each.name for each in listed] == ["newer", "older"]
    assert os.fspath(listed[1]) == "runs/older"
    assert "1,234" in repr(listed)
    assert "2.500" in repr(listed)
    assert "\x1b" not in repr(listed) + repr(listed[1])
    assert "<script" not in listed._repr_html_()
