"""`textgen export`: what is written runs without textgen, whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from cli.in_process import run_here

from textgen_core.export import exporters
from textgen_core.export.exporters import Exporter
from textgen_core.programs.library import Library
from textgen_core.programs.program import NotConvertible
from textgen_core.runs.files import file_errors

PROMPT = "the mill"
# What an interpreter of its own may import beside the standard library, and what comes with it.
ALONE = """
import runpy, sys
allowed = {"numpy", "ai_edge_litert", "flatbuffers", "google", "backports", "typing_extensions"}
allowed |= {"tables", "tqdm", *sys.stdlib_module_names}
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ImportError(f"{name} is not to be had here")
sys.meta_path.insert(0, Refuse())
sys.argv[:] = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition("/")[0])
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture(autouse=True)
def own_cache(finished_run, monkeypatch):
    monkeypatch.setenv("TEXTGEN_CACHE", str(finished_run.parent / "cache"))


@pytest.fixture(scope="module")
def exported(finished_run):
    """The folder that `--to litert` has written of the finished run, and what was said of it."""
    out = finished_run.parent / "exported model"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEXTGEN_CACHE", str(finished_run.parent / "cache"))
        patch.setattr(sys, "argv", ["textgen", "export", str(finished_run), "--to", "litert"])
        sys.argv += ["--out", str(out), "--title", "A *mill*", "--prompt", PROMPT, "--json"]
        from textgen_core.cli import main

        with pytest.raises(SystemExit) as left:
            main()
    assert not left.value.code
    return out


def run_example(folder, *arguments, alone=True):
    program = ["-c", ALONE] if alone else []
    return subprocess.run(
        [sys.executable, *program, folder / "example.py", *map(str, arguments)],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def generated(run, monkeypatch, capsys, *arguments):
    done = run_here(monkeypatch, capsys, "generate", str(run), "--no-stream", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- what is written ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 7])
def test_with_numpy_and_litert_alone_the_example_writes_the_text_of_generate(
    exported, finished_run, seed, monkeypatch, capsys
):
    done = run_example(exported, seed, 60)
    assert done.returncode == 0, done.stderr
    expected = generated(
        *(finished_run, monkeypatch, capsys, "--prompt", PROMPT),
        *("--seed", str(seed), "--max-new-tokens", "60"),
    )
    assert done.stdout == expected
    assert len(expected) > len(PROMPT)


def test_the_example_takes_another_prompt_and_what_it_never_saw_is_no_error(exported):
    done = run_example(exported, 3, 20, "stone Ж under")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("stone Ж under")


def test_the_example_has_sixty_lines_at_most(exported):
    text = (exported / "example.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert max(map(len, text.splitlines())) <= 100


def test_no_file_names_a_folder_of_this_machine(exported, finished_run):
    places = {str(finished_run.parent), str(Path.home()), str(Path.cwd()), sys.prefix}
    places |= {str(Path(exporters.__file__).parents[2])}
    for path in exported.iterdir():
        content = path.read_bytes()
        assert [each for each in places if len(each) > 1 and each.encode() in content] == []


def test_the_folder_says_what_the_model_was_trained_on_and_that_it_holds_parts_of_it(exported):
    text = (exported / "README.md").read_text(encoding="utf-8")
    assert "# A \\*mill\\*" in text  # foreign to Markdown
    assert "text.txt" in text
    assert "holds parts of that text" in text
    about = json.loads((exported / "model.json").read_bytes())
    assert about["title"] == "A *mill*"
    assert about["trained_on"] == ["text.txt"]


def test_every_file_that_model_json_names_is_there_with_its_arrays(exported):
    about = json.loads((exported / "model.json").read_bytes())
    arrays = np.load(exported / "arrays.npz", allow_pickle=False)
    for program in (about["model"], *about["samplers"]):
        assert (exported / program["file"]).is_file()
        for name, array in program["initial"].items():
            assert list(arrays[array].shape) == program["inputs"][name]["shape"]
            assert arrays[array].dtype == program["inputs"][name]["dtype"]
    assert about["samplers"][0]["spec"] == "nucleus"


# ---- the formats --------------------------------------------------------------------------------


def test_the_list_has_every_format_with_its_precisions(monkeypatch, capsys):
    done = run_here(monkeypatch, capsys, "export", "--list", "--json")
    listed = {each["name"]: each for each in json.loads(done.stdout)}
    assert listed.keys() == exporters.EXPORTERS.keys()
    assert "float32" in listed["litert"]["precisions"]
    plain = run_here(monkeypatch, capsys, "export", "--list").stdout
    assert all(each["summary"] in plain for each in listed.values())


def write_fake(run, path, settings):
    path.write_text(f"{settings.title}|{settings.prompt!r}|{settings.precision}")
    return "open {path}"


@pytest.fixture
def fake(monkeypatch):
    """A format that some file adds."""
    monkeypatch.setattr(sys.modules[__name__], "write_fake", write_fake)
    monkeypatch.setitem(sys.modules, "of_another_file", sys.modules[__name__])
    exporter = Exporter(
        name="fake",
        summary="a file",
        precisions=("int8", "float32"),
        ending=".fake",
        is_folder=False,
        place="of_another_file:write_fake",
    )
    monkeypatch.setattr(exporters, "EXPORTERS", {**exporters.EXPORTERS, "fake": exporter})


def test_a_format_is_a_function_in_a_file(fake, finished_run, tmp_path, monkeypatch, capsys):
    out = tmp_path / "a b.fake"
    done = run_here(
        *(monkeypatch, capsys, "export", str(finished_run), "--to", "fake", "--out", str(out)),
        *("--precision", "float32"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}\n"
    assert out.read_text() == "finished|'\\n'|float32"
    assert f"open '{out}'" in done.stderr
    assert "21 bytes" in done.stderr


def test_the_name_of_the_run_is_the_name_of_the_file(
    fake, finished_run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    done = run_here(monkeypatch, capsys, "export", str(finished_run), "--to", "fake", "--json")
    told = json.loads(done.stdout)
    assert told["files"] == {"finished.fake": told["bytes"]}
    assert told["precision"] == "int8"
    assert [each.name for each in tmp_path.iterdir()] == ["finished.fake"]


# ---- faults -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "needs a format"),
        (["--to", "litrt"], "Did you mean 'litert'"),
        (["--to", "litert", "--precision", "int4"], "precision"),
        (["--to", "litert", "--out", "nowhere/model"], "no folder"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_computed(
    arguments, said, finished_run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Library, "make_model", lambda *_, **__: pytest.fail("it was converted"))
    done = run_here(monkeypatch, capsys, "export", str(finished_run), *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_replaced_only_when_it_is_an_export_and_that_is_wished(
    exported, finished_run, tmp_path, monkeypatch, capsys
):
    def write(*more):
        arguments = ["export", str(finished_run), "--to", "litert", *more]
        return run_here(monkeypatch, capsys, *arguments)

    again = write("--out", str(exported))
    assert again.returncode == 2
    assert "--force" in again.stderr
    other = tmp_path / "letters"
    other.mkdir()
    (other / "letter.txt").write_text("dear")
    refused = write("--out", str(other), "--force")
    assert refused.returncode == 2
    assert (other / "letter.txt").read_text() == "dear"


def test_force_replaces_a_file_and_no_folder(fake, finished_run, tmp_path, monkeypatch, capsys):
    out = tmp_path / "page.fake"
    out.write_text("before")
    arguments = ["export", str(finished_run), "--to", "fake", "--out"]
    assert run_here(monkeypatch, capsys, *arguments, str(out)).returncode == 2
    assert out.read_text() == "before"
    assert run_here(monkeypatch, capsys, *arguments, str(out), "--force").returncode == 0
    assert out.read_text() != "before"
    assert run_here(monkeypatch, capsys, *arguments, str(tmp_path), "--force").returncode == 2


@pytest.mark.parametrize("in_a_file", [False, True])
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_is_full_or_read_only_leaves_what_was_there(
    fault, in_a_file, fake, finished_run, tmp_path, monkeypatch, capsys
):
    def fail(run, path, settings):
        path.write_text("half")
        with file_errors(path, "written") if in_a_file else nullcontext():
            raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(sys.modules[__name__], "write_fake", fail)
    out = tmp_path / "page.fake"
    out.write_text("before")
    arguments = ["export", str(finished_run), "--to", "fake", "--force", "--out", str(out)]
    done = run_here(monkeypatch, capsys, *arguments)
    assert done.returncode == 1
    assert f"{out} cannot be written: {os.strerror(fault)}" in done.stderr
    assert ("Free some space" in done.stderr) == (fault == errno.ENOSPC)
    assert [each.name for each in tmp_path.iterdir()] == ["page.fake"]
    assert out.read_text() == "before"


@pytest.mark.parametrize("step", ["make_model", "sampler"])
def test_what_has_no_program_is_named_with_the_reason(
    step, finished_run, tmp_path, monkeypatch, capsys
):
    def refuse(*_, **__):
        raise NotConvertible("LiteRT lacks tf.Sing.")

    monkeypatch.setattr(Library, step, refuse)
    if step == "sampler":
        from textgen_core.programs.program import Program

        program = Program(
            kind="model", content=b"", inputs=(None,), outputs=(), about={"initial": []}
        )
        monkeypatch.setattr(Library, "make_model", lambda *_, **__: program)
        monkeypatch.setattr(
            "textgen_core.export.litert._write", lambda *_: {"file": "model.tflite"}
        )
    arguments = ["export", str(finished_run), "--to", "litert", "--out", str(tmp_path / "model")]
    done = run_here(monkeypatch, capsys, *arguments)
    assert done.returncode == 2
    assert ("The sampler 'nucleus'" if step == "sampler" else "The model 'lstm'") in done.stderr
    assert "LiteRT lacks tf.Sing." in done.stderr
    assert re.search(r"\(textgen-core [\d.]+\)", done.stderr)
    assert len(done.stderr.strip().splitlines()) <= 3
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_a_shell_would_read_is_quoted(fake, copied, tmp_path, monkeypatch, capsys):
    run = copied("it's; $(a) & {b} <c>")
    monkeypatch.chdir(tmp_path)
    done = run_here(monkeypatch, capsys, "export", str(run), "--to", "fake")
    assert done.returncode == 0, done.stderr
    (written,) = tmp_path.iterdir()
    assert written.name == f"{run.name}.fake"
    assert f"open {shlex.quote(written.name)}" in done.stderr


@pytest.mark.parametrize("name", ["tokenizer.json", "run.toml"])
def test_a_run_with_a_link_in_place_of_a_file_is_refused(
    name, copied, tmp_path, monkeypatch, capsys
):
    def plant(run):
        (run / name).rename(tmp_path / name)
        (run / name).symlink_to(tmp_path / name)

    run = copied(f"linked-{name}", plant)
    out = tmp_path / "model"
    arguments = ["export", str(run), "--to", "litert", "--out", str(out)]
    done = run_here(monkeypatch, capsys, *arguments)
    assert done.returncode == 4
    assert "link" in done.stderr
    assert not out.exists()
