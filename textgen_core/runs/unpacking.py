"""Unpacks a packed run: foreign data, of which all is checked, and all is written or nothing.

The archive is never extracted as such: only files that pack.json names, under names that a run has,
are read, each no further than its size, and each must have its SHA-256.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import expand_home, printable
from textgen_core.runs.directory import RUNS, RunDirectory, check_free
from textgen_core.runs.files import (
    check_space,
    file_errors,
    flush_file,
    flush_folder,
    read_json,
    read_rows,
    read_toml,
    recorded_hash,
)
from textgen_core.runs.listing import RunSummary, summarise
from textgen_core.runs.made_here import Note, read_note, write_note
from textgen_core.runs.pack_format import (
    LARGEST,
    MOST_FILES,
    PACK,
    SUFFIX,
    Contents,
    read_contents,
    safe_name,
)
from textgen_core.runs.parsing import parse_json
from textgen_core.runs.tensors import hash_file, open_tensors
from textgen_core.runs.weights import best_step, weights_digest

_BLOCK = 1 << 20
_END = struct.Struct("<4s4H2LH")  # the record at the end of a ZIP archive
_ZIP64 = b"PK\x06\x07"
_LARGEST_PACK = 8_000_000  # bytes of pack.json, and of the archive's directory
_MOST_TIMES = 60  # that its files may be larger than an archive; logs are packed to a tenth
_SMALL = 64_000_000  # bytes that any archive may become
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, EOFError, ValueError, TypeError, LookupError, AttributeError),
    *(RecursionError, NotImplementedError, RuntimeError, struct.error, OverflowError),
)


def unpack(file: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> RunSummary:
    """Make a run of a packed one; nothing of it is executed.

    Args:
        file: what `pack` wrote.
        out: the new run's directory; default: runs/ and the name that it had.

    Returns:
        The run: what `open_run` and others take.

    Raises:
        RunDirectoryError: the file is no packed run or is damaged, or its place is taken.
    """
    path = expand_home(file)
    with _opened(path) as source, _refusing(path):
        _check_end(source)
        with zipfile.ZipFile(source) as archive:
            contents = _check(archive, path.stat().st_size)
            name = safe_name(contents.run) or safe_name(path.name.removesuffix(SUFFIX)) or "run"
            target = expand_home(out) if out is not None else RUNS / name
            check_free(target)
            whole = sum(each.bytes for each in contents.files.values())
            check_space(target, whole, "The files of this run", "Name another place: --out DIR")
            with _beside(target) as folder:
                _write(archive, contents, folder)
                _check_run(RunDirectory(folder))
                with file_errors(target, "written"):
                    folder.replace(target)
                    flush_folder(target.parent)
    _note_texts(RunDirectory(target), contents)
    return summarise(target)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with file_errors(path, "read"):
        if not stat.S_ISREG(path.stat().st_mode):
            raise RunDirectoryError(f"{path} is no file.", "Allowed: what textgen runs pack wrote.")
        file = path.open("rb")
    with file:
        yield file


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn whatever damage makes of reading an archive into one error."""
    try:
        with file_errors(path, "read"):
            yield
    except _DAMAGE as error:
        told = f"its pack.json has no {error}" if isinstance(error, KeyError) else str(error)
        reason = printable(told or type(error).__name__, keep="")[:150].rstrip(".")
        raise RunDirectoryError(
            f"{path} is no packed run, or is damaged: {reason}.",
            "Allowed: what textgen runs pack wrote. Nothing was unpacked.",
        ) from error


def _check_end(source: BinaryIO) -> None:
    """Raise ValueError unless an archive's directory is as small as that of a run can be.

    All of it would be read into memory.
    """
    end = source.seek(0, os.SEEK_END)
    if not _END.size < end <= LARGEST:
        raise ValueError("it is no ZIP archive of a run")
    source.seek(max(0, end - 2 * _END.size))
    tail = source.read()
    signature, *disks, _, files, size, _, comment = _END.unpack(tail[-_END.size :])
    if signature != b"PK\x05\x06" or any(disks) or comment or _ZIP64 in tail:
        raise ValueError("it is no ZIP archive of a run")
    if files > MOST_FILES or size > _LARGEST_PACK:
        raise ValueError("it holds more files than a run has")
    source.seek(0)


def _check(archive: zipfile.ZipFile, size: int) -> Contents:
    """Return what an archive holds, which is what its pack.json says; raises _DAMAGE if not."""
    entries = archive.infolist()
    names = [each.filename for each in entries]
    if len(set(names)) < len(names):
        raise ValueError("a file is there twice")
    for each in entries:
        kind = stat.S_IFMT(each.external_attr >> 16)  # 0: whoever packed it did not say
        if each.is_dir() or kind not in (0, stat.S_IFREG):
            raise ValueError(f"{each.filename[:80]!r} is no regular file")
        if each.flag_bits & 1 or each.compress_type not in _METHODS:
            raise ValueError(f"{each.filename[:80]!r} is encrypted, or packed in another way")
    if PACK not in names:
        raise ValueError(f"it has no {PACK}")
    contents = read_contents(parse_json(_read_pack(archive).decode("utf-8")))
    if set(names) - {PACK} != set(contents.files):
        raise ValueError(f"it holds other files than its {PACK} says")
    whole = sum(each.bytes for each in contents.files.values())
    if whole > _MOST_TIMES * size + _SMALL:
        raise ValueError("its files would be far larger than it is")
    return contents


def _read_pack(archive: zipfile.ZipFile) -> bytes:
    with archive.open(PACK) as file:
        text = file.read(_LARGEST_PACK + 1)
    if len(text) > _LARGEST_PACK:
        raise ValueError(f"its {PACK} is too large")
    return text


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Make a folder beside a path, which is renamed in the block, or goes with all in it."""
    made = not target.parent.exists()
    folder = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        with file_errors(folder, "written", "Name a directory that can: --out DIR"):
            folder.mkdir(parents=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if made:
            with suppress(OSError):  # it is not empty
                target.parent.rmdir()


def _write(archive: zipfile.ZipFile, contents: Contents, folder: Path) -> None:
    """Write the files of an archive below a folder; raises _DAMAGE if one is not what it says."""
    with file_errors(folder, "written"):
        (folder / PACK).write_bytes(_read_pack(archive))
    for name, wanted in contents.files.items():
        path, digest, left = folder / name, hashlib.sha256(), wanted.bytes
        with file_errors(path, "written"):
            path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as packed, _new(path) as file:
            while block := packed.read(min(_BLOCK, left + 1)):
                left -= len(block)
                if left < 0:
                    break
                digest.update(block)
                with file_errors(path, "written"):
                    file.write(block)
        if left or digest.hexdigest() != wanted.sha256:
            raise ValueError(f"{name} is not the file that was packed")
        with file_errors(path, "written"):
            flush_file(path)


def _new(path: Path) -> BinaryIO:
    with file_errors(path, "written"):
        return path.open("xb")


def _check_run(run: RunDirectory) -> None:
    """Raise ValueError if what was unpacked is no run; components are looked for later."""
    try:
        _read_all(run)
    except RunDirectoryError as error:
        raise ValueError(error.problem.replace(f"{run.path}{os.sep}", "")) from error


def _read_all(run: RunDirectory) -> None:
    read_toml(run.configuration)
    for path in sorted(run.path.glob("*.json")):
        read_json(path)
    for path in sorted(run.path.glob("*.jsonl")):
        for _ in read_rows(path):
            pass
    weights_digest(run, best_step(run))
    for path in (run.counts, run.earlier):
        if path.exists():
            open_tensors(path)
    for path in (run.tokenizer, run.counts):
        wanted = recorded_hash(run.manifest, path.name)
        if wanted is not None and path.exists() and hash_file(path) != wanted:
            raise ValueError(f"{path.name} is not the one that manifest.json names")


def _note_texts(run: RunDirectory, contents: Contents) -> None:
    """Note where the texts are that came along, so that they need not be named.

    A run that was made here keeps its note, which is that of the unpacked one, too.
    """
    if contents.texts and read_note(run) is None:
        places: dict[str, list[str]] = {}
        for name, role in contents.texts:
            places.setdefault(role, []).append(str((run.path / name).absolute()))
        held_out: dict[str, Any] = {
            role: places[role][0] for role in ("validation", "test") if role in places
        }
        write_note(run, Note(files=tuple(places.get("corpus", ())), **held_out))
