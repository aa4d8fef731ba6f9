"""A model and a sampler of plugins, which say nothing of programs, are converted and used.

The model is the GRU of docs/guides/write-a-model.md, the sampler, which has a state and reads the
text so far, the one of docs/examples.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from cli.commands import TINY, run_lines
from cli.conftest import write_text
from fake_plugins import Site
from pages import DOCS, captioned

from textgen_core.testing.check import run_check
from textgen_core.testing.running import CHECKS
from textgen_core.testing.subject import find_subject

MIROSTAT = DOCS / "examples" / "textgen-mirostat" / "src"
GRU = captioned(DOCS / "guides" / "write-a-model.md")
SAMPLERS = ("--sampler", "temperature:0.9", "--sampler", "mirostat:2.5")
WRITE = ("generate", "run", "--samples", "5", "--max-new-tokens", "60", "--seed", "3", *SAMPLERS)
COUNT_IMPORTS = """
import sys
from textgen_core.cli import main
try:
    main()
finally:
    print(*sorted({"tensorflow", "keras"} & set(sys.modules)), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a run of the GRU, and the path on which its plugins are."""
    folder, site = tmp_path_factory.mktemp("work"), Site(tmp_path_factory.mktemp("site"))
    site.add("textgen-gru", GRU["textgen_gru.py"], module="textgen_gru")
    (site.folder / "textgen_gru_model.py").write_text(GRU["textgen_gru_model.py"])
    site.add_metadata("textgen-mirostat", "[textgen]\nmirostat = textgen_mirostat\n")
    path = {"PYTHONPATH": os.pathsep.join(map(str, (site.folder, MIROSTAT, *sys.path)))}
    text = write_text(folder)
    line = ["run", text, *TINY, "--model", "gru:units=8", "--sampler", "mirostat", "--out", "run"]
    [done] = run_lines([[*line, "--quiet"]], folder, environment=path)
    assert done.returncode == 0, done.stderr
    return folder, path


def test_they_are_made_and_write_what_tensorflow_writes(place):
    folder, path = place
    lines = [[*WRITE, "--json", "--runtime", way] for way in ("program", "tensorflow")]
    found = [json.loads(each.stdout) for each in run_lines(lines, folder, environment=path)]
    by_program, by_tensorflow = ([each["text"] for each in one["samples"]] for one in found)
    assert by_program == by_tensorflow
    assert len(set(by_program)) == 5


def test_neither_tensorflow_nor_keras_is_imported_for_them(place):
    folder, path = place
    done = subprocess.run(
        [sys.executable, "-c", COUNT_IMPORTS, *WRITE],
        env={**os.environ, **path, "TEXTGEN_CACHE": str(folder / "cache"), "NO_COLOR": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout) > 60
    assert done.stderr.split() == []


def test_the_kit_holds_them_to_it(monkeypatch, tmp_path):
    for name in ("textgen_gru.py", "textgen_gru_model.py"):
        (tmp_path / name).write_text(GRU[name])
    for folder in (tmp_path, MIROSTAT):
        monkeypatch.syspath_prepend(str(folder))
    from textgen_gru import GRUBuilder
    from textgen_mirostat import MirostatSampler

    checks = {check.id: check for check in CHECKS}
    for kind, component in (("model", GRUBuilder(units=8)), ("sampler", MirostatSampler)):
        result = run_check(checks[f"{kind}.program"], find_subject(component))
        assert (result.fault, result.note) == (None, "")
