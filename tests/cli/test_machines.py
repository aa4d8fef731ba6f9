"""Machines as people have them: no home, a read-only or full disk, another Keras, two writers."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from cli import commands
from cli.commands import TINY, run_lines

from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.lock import check_writable

NOBODY = 54_321  # the id of a user without a name

# A process that has imported all it needs, so that it may then lose every right.
AS_NOBODY = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from cli.commands import TINY, _run_one

folder, text = Path.cwd(), sys.argv[2]
lines = [
    ["run", text, *TINY, "--out", "run"],
    ["evaluate", "run", "--corpus", text],
    ["analyze", text],
]
assert _run_one(lines[0], folder)[0] == 0
os.chdir("nobody")
os.environ.pop("TEXTGEN_CACHE")
os.environ.pop("HOME", None)
os.setgroups([])
os.setgid(NOBODY)
os.setuid(NOBODY)
os.umask(0o027)
found = [_run_one(line, folder / "nobody") for line in lines]
Path("results.json").write_text(json.dumps(found))
"""


def may_mount():
    probe = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt"]
    try:
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def after(line):
    """Return a command that runs a line of shell, then another, in a mount namespace of its own."""
    return ["unshare", "-m", "sh", "-c", f'{line} && exec "$@"', "sh"]


@pytest.mark.skipif(
    not hasattr(os, "setgroups") or os.geteuid() != 0,
    reason="only root can become a user without a name",
)
def test_a_user_without_name_and_home_trains_and_scores(corpus):
    with tempfile.TemporaryDirectory() as name:  # pytest's own are closed to other users
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "nobody").mkdir()
        (folder / "nobody").chmod(0o777)
        script = AS_NOBODY.replace("NOBODY", str(NOBODY))
        done = subprocess.run(
            [sys.executable, "-c", script, Path(__file__).parents[1], shutil.copy(corpus, folder)],
            env={**os.environ, "TEXTGEN_CACHE": str(folder / "cache")},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        results = json.loads((folder / "nobody" / "results.json").read_text())
        run, evaluated, analysed = [commands.Result(*each) for each in results]
        for each in (run, evaluated, analysed):
            assert each.returncode == 0, each.stderr
        note = "There is no home directory for a cache: what would be kept there goes to "
        assert run.stderr.count(note) == 1
        assert "no home" not in analysed.stderr
        made = {each.name for each in (folder / "nobody").iterdir()}
        assert made == {"run", "stdout", "stderr", "results.json"}
        [weights, *_] = (folder / "nobody" / "run" / "checkpoints").glob("*/weights.safetensors")
        assert weights.stat().st_mode & 0o777 == 0o640
        assert weights.stat().st_uid == NOBODY


@pytest.mark.skipif(not may_mount(), reason="mounting is not permitted here")
def test_on_a_read_only_or_full_disk_figures_and_pages_are_not_lost(finished_run, tmp_path):
    shared, full = tmp_path / "shared", tmp_path / "full"
    shutil.copytree(finished_run, shared)
    full.mkdir()
    prepare = (
        f"mount --bind {shared} {shared} && mount -o remount,ro,bind {shared} && "
        f"mount -t tmpfs -o size=1m none {full} && cp -r {shared} {full}/run && "
        f"(cat /dev/zero > {full}/filler 2>/dev/null || true)"
    )
    lines = [
        ["evaluate", shared],
        ["report", shared],
        ["report", shared, "--out", tmp_path / "page.html"],
        ["resume", shared, "--epochs", "1"],
        ["generate", shared, "--max-new-tokens", "3"],
        ["evaluate", full / "run"],
        ["report", full / "run"],
        ["resume", full / "run", "--epochs", "1"],
    ]
    results = run_lines(lines, tmp_path, within=after(prepare))
    evaluated, refused, page, resumed, generated, *on_full = results
    for each, reason in ((evaluated, "Read-only file system"), (on_full[0], "No space left")):
        assert each.returncode == 0, each.stderr
        assert "bits per byte" in each.stdout
        assert "Warning: The figures are not kept: " in each.stderr
        assert reason in each.stderr
    for each, run in ((refused, shared), (on_full[1], full / "run")):
        assert each.returncode == 4
        assert each.stderr.endswith(f"Write it elsewhere: textgen report {run} --out FILE\n")
    assert page.returncode == 0, page.stderr
    assert (tmp_path / "page.html").read_text().lower().startswith("<!doctype html>")
    assert resumed.returncode == 4
    assert resumed.stderr.endswith("cp -r RUN COPY\n")
    assert generated.returncode == 0, generated.stderr
    assert on_full[2].returncode == 4
    assert "Free some space" in on_full[2].stderr


def test_keras_of_other_programs_changes_no_weight_and_gets_no_folder(trained, tmp_path):
    home, others = tmp_path / "home", tmp_path / "others"
    home.mkdir()
    others.mkdir()
    settings = {"floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first"}
    (others / "keras.json").write_text(json.dumps({"backend": "torch", **settings}))
    env = {"HOME": str(home), "KERAS_HOME": str(others), "KERAS_BACKEND": "jax"}
    env |= {"LANG": "C", "LC_ALL": "C"}
    text = trained / "text.txt"
    line = ["run", text, *TINY, "--sampler", "nucleus:0.9", "--out", tmp_path / "run"]
    (done,) = run_lines([line], tmp_path, environment=env)
    assert done.returncode == 0, done.stderr
    paths = sorted(
        each.relative_to(tmp_path / "run") for each in (tmp_path / "run").rglob("*.safetensors")
    )
    assert paths
    for path in paths:
        theirs, ours = tmp_path / "run" / path, trained / "finished" / path
        assert theirs.read_bytes() == ours.read_bytes(), path
    assert list(home.iterdir()) == []


def test_while_a_run_trains_nobody_else_writes_it(textgen_command, corpus, tmp_path):
    run = tmp_path / "run"
    endless = [each if each != "1" else "100000" for each in TINY]
    training = subprocess.Popen(
        [sys.executable, "-m", "textgen_core", "run", corpus, *endless, "--out", run],
        env={**os.environ, "TEXTGEN_CACHE": str(tmp_path / "cache")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while not (run / "metrics.jsonl").is_file() and time.monotonic() < deadline:
            time.sleep(0.1)
        refused = textgen_command("resume", run, "--epochs", "1")
        assert refused.returncode == 4
        assert f"{training.pid} on " in refused.stderr
        assert "being written by another process" in refused.stderr
        page = textgen_command("report", run)
        assert page.returncode == 0, page.stderr
        assert training.poll() is None
    finally:
        training.kill()
        training.wait()
    check_writable(RunDirectory(run))
