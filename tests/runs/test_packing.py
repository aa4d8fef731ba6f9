"""Packed runs: what they hold, that they are unpacked whole, and that no hostile one is."""

from __future__ import annotations

import json
import random
import re
import zipfile

import pytest
from runs.fabricated import fabricate

from textgen_core.errors import RunDirectoryError, UsageError
from textgen_core.runs import pack, unpack
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json
from textgen_core.runs.made_here import Note, read_note, write_note

WEIGHTS = "checkpoints/step-00000007/weights.safetensors"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(place):
    (place / "text.txt").write_text("abc")
    return fabricate(place / "elsewhere" / "mine", corpus=place / "text.txt")


@pytest.fixture
def packed(run, place):
    return pack(run.path).path


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rewrite(packed, change, contents=None):
    """Write the archive again: `change(files)` alters its files, `contents` its pack.json."""
    with zipfile.ZipFile(packed) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    if contents is not None:
        said = json.loads(files["pack.json"])
        contents(said)
        files["pack.json"] = json.dumps(said).encode()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def refused(packed, place):
    """Return why an archive is refused, after which nothing of it is there."""
    before = files_of(place)
    with pytest.raises(RunDirectoryError) as caught:
        unpack(packed)
    assert files_of(place) == before
    assert not (place / "runs").exists()
    return caught.value.problem


# ---- what is packed ---------------------------------------------------------------------------


def test_a_packed_run_has_its_best_checkpoint_and_no_optimizer(packed):
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
    checkpoints = [name for name in names if name.startswith("checkpoints")]
    assert checkpoints == [WEIGHTS, WEIGHTS.replace("weights.safetensors", "state.json")]
    assert {"pack.json", "run.toml", "manifest.json", "evaluation.json"} <= set(names)
    assert "report.html" not in names


def test_the_same_run_is_packed_into_the_same_bytes(run, packed, place):
    assert pack(run.path, place / "again.run.zip").path.read_bytes() == packed.read_bytes()


def test_what_is_unpacked_is_what_was_packed(run, packed):
    summary = unpack(packed)
    assert (summary.name, summary.state, summary.bits_per_byte) == ("mine", "finished", 2.5)
    before, after = files_of(run.path), files_of(summary.path)
    assert set(before) - set(after) == {
        "report.html",
        "checkpoints/step-00000007/optimizer.safetensors",
        *(f"checkpoints/step-00000009/{each}" for each in ("state.json", "weights.safetensors")),
        "checkpoints/step-00000009/optimizer.safetensors",
    }
    assert {name: after[name] for name in after if name != "pack.json"} == {
        name: before[name] for name in after if name != "pack.json"
    }


def test_an_unpacked_run_is_as_far_as_the_packed_one_was(place):
    run = fabricate(place / "stopped", last_step=20)
    assert unpack(pack(run.path).path).state == "interrupted"


def test_an_unpacked_run_is_packed_into_the_same_bytes(packed, place):
    again = pack(unpack(packed).path, place / "again.run.zip")
    assert again.path.read_bytes() == packed.read_bytes()


def test_a_damaged_checkpoint_is_not_passed_on(run):
    path = run.path / WEIGHTS
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(RunDirectoryError, match="is not the file that was saved"):
        pack(run.path)


def test_a_file_that_is_there_is_replaced_only_if_asked_for(run, packed):
    with pytest.raises(UsageError, match="is there already"):
        pack(run.path)
    assert pack(run.path, force=True).path == packed


# ---- with its texts ---------------------------------------------------------------------------


def test_the_corpus_comes_along_and_is_found_again(run, place):
    write_note(run, Note(files=(str(place / "text.txt"),)))
    packed = pack(run.path, corpus=True)
    assert packed.texts == 3
    (place / "text.txt").unlink()
    unpacked = RunDirectory(unpack(packed.path).path)
    assert (unpacked.path / "texts" / "0001-text.txt").read_text() == "abc"
    note = read_note(unpacked)
    assert note is not None
    assert note.files == [str(place / "text.txt")]  # the run that was packed is here, too


def test_a_corpus_that_came_along_is_noted_where_the_run_was_not_made(run, place, monkeypatch):
    packed = pack(run.path, corpus=place)
    monkeypatch.setenv("TEXTGEN_STATE", str(place / "another"))
    unpacked = RunDirectory(unpack(packed.path).path)
    note = read_note(unpacked)
    assert note is not None
    assert note.files == [str(place / "runs" / "mine" / "texts" / "0001-text.txt")]


def test_a_text_is_taken_from_where_its_user_says_and_from_nowhere_else(run, place):
    with pytest.raises(RunDirectoryError, match=r"text\.txt is not at hand"):
        pack(run.path, corpus=True)  # manifest.json names it, but nobody made the run here
    (place / "moved").mkdir()
    (place / "text.txt").rename(place / "moved" / "other.txt")
    assert pack(run.path, corpus=place / "moved").texts == 3


def test_another_text_of_that_name_is_not_taken(run, place):
    write_note(run, Note(files=(str(place / "text.txt"),)))
    (place / "text.txt").write_text("abd")
    with pytest.raises(RunDirectoryError, match=r"as .* was trained on it"):
        pack(run.path, corpus=True)


# ---- hostile archives -------------------------------------------------------------------------

NAMES = [
    "../escaped",
    "/tmp/escaped",
    "checkpoints/../../escaped",
    "checkpoints\\..\\escaped",
    "C:\\escaped",
    "report.html",
    "plugin.py",
    "texts/0001-../escaped",
    "checkpoints/step-00000007/optimizer.safetensors",
    "checkpoints/",
    ".lock",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_file_of_another_name_is_refused(name, packed, place):
    def add(files):
        files[name] = b"x"

    def say(said):
        said["files"][name] = {"bytes": 1, "sha256": "0" * 64}

    rewrite(packed, add, say)
    assert re.search("a packed run holds no|is no regular file", refused(packed, place))


def entry(name, **attributes):
    made = zipfile.ZipInfo(name)
    for key, value in attributes.items():
        setattr(made, key, value)
    return made


@pytest.mark.parametrize("mode", [0o120777, 0o040755, 0o010644, 0o020644])
def test_what_is_no_regular_file_is_refused(mode, packed, place):
    with zipfile.ZipFile(packed) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            made = entry(name, external_attr=(mode if name == "best.json" else 0o100644) << 16)
            archive.writestr(made, data)
    assert "is no regular file" in refused(packed, place)


def test_a_name_that_is_there_twice_is_refused(packed, place):
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("best.json", "{}")
    assert "is there twice" in refused(packed, place)


def test_a_bomb_is_refused_before_it_is_unpacked(packed, place, monkeypatch):
    monkeypatch.setattr("textgen_core.runs.unpacking._SMALL", 1_000_000)

    def fill(files):
        files["metrics.jsonl"] = b"\n" * 10_000_000

    def say(said):
        said["files"]["metrics.jsonl"]["bytes"] = 10_000_000

    rewrite(packed, fill, say)
    assert packed.stat().st_size < 100_000
    assert "far larger than it is" in refused(packed, place)


def test_a_bomb_that_lies_is_stopped_at_the_size_it_said(packed, place):
    rewrite(packed, lambda files: files.update({"metrics.jsonl": b"\n" * 5_000_000}))
    assert "metrics.jsonl is not the file that was packed" in refused(packed, place)


def test_more_than_a_file_of_its_kind_can_be_is_refused(packed, place):
    def say(said):
        said["files"]["best.json"]["bytes"] = 200_000

    rewrite(packed, lambda _: None, say)
    assert "cannot be as large" in refused(packed, place)


@pytest.mark.parametrize(
    "said",
    [
        {"format_version": 2},
        {"files": []},
        {"files": {"run.toml": {"bytes": -1, "sha256": "0" * 64}}},
        {"texts": [{"file": "run.toml", "role": "corpus"}]},
        {"texts": 3},
        {"newest": [1]},
    ],
    ids=str,
)
def test_a_pack_that_says_what_cannot_be_is_refused(said, packed, place):
    rewrite(packed, lambda _: None, lambda value: value.update(said))
    assert "regular" not in refused(packed, place)


def test_a_name_that_is_no_name_of_a_folder_is_not_used(packed, place):
    rewrite(packed, lambda _: None, lambda said: said.update(run="../../etc"))
    summary = unpack(packed.rename(place / "file.run.zip"))
    assert summary.path.absolute() == place / "runs" / "file"


@pytest.mark.parametrize("data", [b"", b"PK", b"x" * 5000, b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_is_refused(data, place):
    path = place / "file.run.zip"
    path.write_bytes(data)
    assert "is no packed run" in refused(path, place)


def test_a_large_directory_is_never_read(packed, place):
    data = packed.read_bytes()
    end = data[:-22] + data[-22:-14] + b"\xff\xff\xff\xff" + data[-10:]
    packed.write_bytes(end)
    assert "more files than a run has" in refused(packed, place)


def test_a_byte_of_damage_is_refused_or_changes_nothing(packed, place):
    whole, draw = packed.read_bytes(), random.Random(3)
    with zipfile.ZipFile(packed) as archive:
        right = {name: archive.read(name) for name in archive.namelist()}
    for number in range(40):
        data = bytearray(whole)
        for _ in range(draw.randint(1, 3)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        if number % 5 == 0:
            del data[draw.randrange(len(data)) :]
        packed.write_bytes(data)
        target = place / "runs" / str(number)
        try:
            unpack(packed, target)
        except RunDirectoryError:
            assert not target.exists()
        else:
            found = files_of(target)
            assert {name: found[name] for name in right} == right
    assert all(path.name.isdigit() for path in (place / "runs").glob("*"))


def test_a_run_whose_weights_are_none_is_refused(packed, place):
    from hashlib import sha256

    junk = b"no tensors at all"

    def change(files):
        files[WEIGHTS] = junk

    def say(said):
        said["files"][WEIGHTS] = {"bytes": len(junk), "sha256": sha256(junk).hexdigest()}

    rewrite(packed, change, say)
    problem = refused(packed, place)
    assert "weights.safetensors" in problem


def test_a_taken_place_is_left_alone(packed, place):
    taken = place / "runs" / "mine"
    taken.mkdir(parents=True)
    (taken / "mine.txt").write_text("keep")
    with pytest.raises(RunDirectoryError, match="is not empty"):
        unpack(packed)
    assert files_of(place / "runs") == {"mine/mine.txt": b"keep"}
    assert read_json(RunDirectory(unpack(packed, place / "runs" / "new").path).manifest)["corpus"]
