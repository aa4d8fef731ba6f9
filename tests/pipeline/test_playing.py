"""`Run.play`: the page inside a notebook, in pieces that Jupyter lets through, or in a browser."""

from __future__ import annotations

import json
import re
import sys
import time
import types
import webbrowser

import pytest

from textgen_core.export import exporters
from textgen_core.pipeline import playing
from textgen_core.pipeline.opened_run import Run

PAGE = "<!DOCTYPE html><p>ñ &amp; 'quoted' \"twice\"</p><script>let a = 1 < 2;</script>\n"


class Cells:
    """A stand-in for IPython: what was displayed, and whether a notebook shows it."""

    def __init__(self, kernel):
        self.shown = []
        self.display = types.SimpleNamespace(display=self.take)
        self.shell = types.SimpleNamespace(kernel=kernel, execution_count=1)

    def get_ipython(self):
        return self.shell

    def take(self, bundle, *, raw):
        assert raw
        self.shown.append(bundle)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of an odd name, whose page is a small one."""

    def export(run, to, out, *, force):
        assert (to, force) == ("html", True)
        out.write_text(PAGE, encoding="utf-8")

    monkeypatch.setattr(exporters, "export", export)
    folder = tmp_path / "a run & more"
    folder.mkdir()
    run = object.__new__(Run)
    run._directory = types.SimpleNamespace(path=folder)
    return run


def pieces_of(shown):
    """The pieces of the page that the messages bring, in their order."""
    found = [re.search(r"pieces\[(\d+)\] = (.*);\n", each["text/html"]) for each in shown]
    assert [int(each[1]) for each in found] == list(range(len(found)))
    return [json.loads(each[2]) for each in found]


def in_notebook(monkeypatch, kernel=True):
    cells = Cells(kernel or None)
    monkeypatch.setitem(sys.modules, "IPython", cells)
    return cells


def test_a_notebook_gets_the_whole_page_in_pieces_which_have_one_place(run, monkeypatch):
    cells = in_notebook(monkeypatch)
    monkeypatch.setattr(playing, "PIECE", 20)
    pauses = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    run.play()._ipython_display_()
    assert "".join(pieces_of(cells.shown)) == PAGE
    shown = [each["text/html"] for each in cells.shown]
    assert len({re.search(r'pages\["([\w-]+)"\]', each)[1] for each in shown}) == 1
    assert [each.startswith("<div id=") for each in shown] == [True, *[False] * (len(shown) - 1)]
    assert len(pauses) == len(cells.shown) - playing.AT_ONCE > 0


def test_no_piece_ends_the_script_that_brings_it(run, monkeypatch):
    cells = in_notebook(monkeypatch)
    run.play()._ipython_display_()
    (bundle,) = cells.shown
    assert bundle["text/html"].count("</script>") == 1
    assert bundle["text/html"].endswith("</script>")
    assert "height:760px" in bundle["text/html"]


def test_in_a_terminal_ipython_says_where_the_page_is(run, monkeypatch):
    cells = in_notebook(monkeypatch, kernel=False)
    playground = run.play()
    playground._ipython_display_()
    (bundle,) = cells.shown
    assert str(playground.path) in bundle["text/plain"]
    assert playground.path.name == "a-run-more.html"


@pytest.mark.parametrize("has_screen", [True, False])
def test_a_script_opens_a_browser_where_one_has_a_window(run, has_screen, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    monkeypatch.setattr(playing, "_has_screen", lambda: has_screen)
    playground = run.play(out=tmp_path / "kept page.html")
    assert playground.path.read_text(encoding="utf-8") == PAGE
    assert opened == ([playground.path.as_uri()] if has_screen else [])
    assert str(playground.path) in repr(playground)
