"""The notebooks of the course: kept without outputs, and executed from the top in a new kernel."""

from __future__ import annotations

import ast
import os
import re

import attrs
import nbformat
import pytest
from nbclient import NotebookClient
from pages import DOCS

from textgen_core.corpus.reading.course import as_path

COURSE = DOCS / "course"
NOTEBOOKS = {"en": COURSE / "notebook.ipynb", "es": COURSE / "es" / "cuaderno.ipynb"}
PARAMETERS = 'text, recipe, minutes = "small.txt", "first", None\n'  # three passes through it
SIZE = 24_000  # characters of the book that are trained on
CELL_SECONDS = 1200  # that a cell may take on a machine with much else to do
VERDICT = {"en": "Explained in docs/course/troubles.md", "es": "Explicado en docs/course/es/"}
PHASE = {"en": '<span class="now">4 Train', "es": '<span class="now">4 Entrenar'}


@attrs.frozen
class Executed:
    """A notebook with its outputs, and every page that its displays have shown meanwhile."""

    notebook: nbformat.NotebookNode
    pages: list[str]

    def outputs(self, call: str) -> list[nbformat.NotebookNode]:
        """Return the outputs of the cell that begins with a call."""
        [found] = [each for each in self.notebook.cells if each.source.startswith(call)]
        return list(found.outputs)

    def html(self, call: str) -> str:
        """Return the HTML of a cell's only output."""
        [output] = self.outputs(call)
        return str(output.data["text/html"])


class Client(NotebookClient):
    """Keeps every page that a display shows, which an update replaces."""

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] in ("display_data", "update_display_data"):
            self.pages.append(msg["content"]["data"]["text/html"])
        return super().process_message(msg, cell, cell_index)


@pytest.fixture(scope="module")
def executed(request, tmp_path_factory):
    """The notebook of a language, executed on a small text."""
    folder = tmp_path_factory.mktemp("notebook")
    book = as_path(f"course:{request.param}").read_text(encoding="utf-8")
    (folder / "small.txt").write_text(book[:SIZE], encoding="utf-8")
    notebook = nbformat.read(NOTEBOOKS[request.param], as_version=4)
    [given] = [each for each in notebook.cells if "parameters" in each.metadata.get("tags", [])]
    place = notebook.cells.index(given) + 1
    notebook.cells.insert(place, nbformat.v4.new_code_cell(PARAMETERS))
    client = Client(notebook, timeout=CELL_SECONDS, resources={"metadata": {"path": str(folder)}})
    client.pages = []
    environment = {**os.environ, "TEXTGEN_CACHE": str(folder / "cache"), "LC_ALL": "C.UTF-8"}
    for name in ("TEXTGEN_LANG", "TF_CPP_MIN_LOG_LEVEL"):
        environment.pop(name, None)
    client.execute(env=environment)
    return Executed(notebook, client.pages)


in_each_language = pytest.mark.parametrize(
    ("executed", "language"), [(each, each) for each in NOTEBOOKS], indirect=["executed"]
)


@in_each_language
def test_a_notebook_of_the_course_shows_a_run_and_no_noise(executed, language):
    streams = [each for cell in executed.notebook.cells for each in cell.get("outputs", ())]
    assert [each for each in streams if each.output_type in ("stream", "error")] == []
    training = [page for page in executed.pages if PHASE[language] in page]
    assert any('class="track"' in page and "<polyline" in page for page in training)
    summary = executed.html("run = textgen.run(")  # the one place that was updated, at its end
    assert VERDICT[language] in summary
    assert summary.count("<svg") > 0
    assert 'class="track"' not in summary
    assert executed.html("run.generate(").startswith("<div")
    assert executed.html("written = ").count("<b>") == 3
    assert "bits" in executed.html("run.score(")
    assert executed.html("textgen.runs(").count("<tr>") == 2
    assert VERDICT[language] in executed.notebook.cells[-1].outputs[0].data["text/html"]


@pytest.mark.parametrize("language", NOTEBOOKS)
def test_a_notebook_is_kept_without_outputs_and_linked_from_the_course(language):
    path = NOTEBOOKS[language]
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
            ast.parse(cell.source)
    index = (path.parent / "index.md").read_text(encoding="utf-8")
    assert f"({path.name})" in index


def test_both_notebooks_have_the_same_cells():
    english, spanish = (nbformat.read(each, as_version=4).cells for each in NOTEBOOKS.values())
    assert [each.cell_type for each in english] == [each.cell_type for each in spanish]
    code = [
        [re.sub('"[^"]*"', "TEXT", each.source) for each in cells if each.cell_type == "code"][1:]
        for cells in (english, spanish)
    ]
    assert code[0] == code[1]


def test_links_of_a_notebook_lead_to_pages():
    for path in NOTEBOOKS.values():
        for cell in nbformat.read(path, as_version=4).cells:
            for target in _links(cell.source):
                assert (path.parent / target).is_file(), target


def _links(source: str) -> list[str]:
    return [part.partition(")")[0] for part in source.split("](")[1:]]
