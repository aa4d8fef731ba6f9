"""`!textgen run` in the cell of a notebook: what its kernel passes on, as a page shows it."""

from __future__ import annotations

import os
import re
import sys

import nbformat
import pytest
from cli.commands import TINY
from nbclient import NotebookClient

COLOURS = re.compile(r"\x1b\[[\d;]*m")  # which a notebook shows as such
PROGRESS = re.compile(r"^ *\d+%  |left *$|^  (compiling|counting|encoding \w+) *$")


class Client(NotebookClient):
    """Keeps what a cell writes, in the order in which it comes."""

    written = ""

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] == "stream":
            self.written += msg["content"]["text"]
        return super().process_message(msg, cell, cell_index)


@pytest.fixture
def written(small_corpus, tmp_path):
    """What a run writes in a cell, with its carriage returns."""
    line = " ".join(
        ["!{sys.executable} -m textgen_core run", str(small_corpus), *TINY, "--out made"]
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(f"import sys\n{line}")])
    client = Client(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}})
    python_path = os.pathsep.join(sys.path)
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "PYTHONPATH": python_path}
    client.execute(env={**environment, "TEXTGEN_CACHE": str(tmp_path / "cache")})
    assert (tmp_path / "made" / "report.html").is_file()
    return client.written


def as_shown(text):
    """Return the lines that are left when each is written over itself from its beginning."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown)
    return lines


def test_progress_is_one_line_that_is_gone_in_the_end(written):
    plain = COLOURS.sub("", written)
    assert "\x1b" not in plain
    assert re.search(r"\r +\d+%  epoch 1 ", plain) or re.search(r"\n +\d+%  epoch 1 ", plain)
    shown = as_shown(plain)
    assert [line for line in shown if PROGRESS.search(line)] == []
    assert any(line.startswith("4 Train") for line in shown)
    assert shown[-2].startswith("Train it further:")
