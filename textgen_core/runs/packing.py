"""Packs a run into one small file, which writes the same text wherever it is unpacked."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import attrs

from textgen_core.errors import RunDirectoryError, UsageError
from textgen_core.formatting import expand_home, format_size, printable, shell_word
from textgen_core.runs.corpus_files import files_below, hash_of, recorded_files
from textgen_core.runs.directory import RunDirectory, find_run
from textgen_core.runs.door import is_there, open_to_read
from textgen_core.runs.files import atomic_write, file_errors, json_text, read_toml
from textgen_core.runs.made_here import read_note
from textgen_core.runs.pack_format import (
    LARGEST,
    MOST_FILES,
    OPTIONAL,
    PACK,
    REQUIRED,
    ROLES,
    SUFFIX,
    Contents,
    PackedFile,
    name_of_text,
)
from textgen_core.runs.standing import newest_state
from textgen_core.runs.weights import STATE, WEIGHTS, best_step, weights_digest

_BLOCK = 1 << 20
_BUILTIN = "python:pydoc_data.topics"  # whose text lies in the run itself
_IN_THE_PACKAGE = (_BUILTIN, "course:")


@attrs.frozen(kw_only=True)
class Packed:
    """A file that was packed: its path and size, and how much of it are texts of the corpus."""

    path: Path
    bytes: int
    texts: int = 0
    has_counts: bool = False

    def __fspath__(self) -> str:
        return str(self.path)


def pack(
    reference: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    *,
    corpus: bool | str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = False,
    force: bool = False,
) -> Packed:
    """Pack a run into one file: its best checkpoint without the optimizer, and all its figures.

    Args:
        reference: a run, its directory, or a unique prefix of a name under runs/; None: the newest.
        out: the file; default: the run's name, in the current folder.
        corpus: whether its texts come along, which evaluating it needs; or where they are now, if
            they were moved or the run was made elsewhere.
        force: whether a file that is there already is replaced.

    Returns:
        The file and its size.

    Raises:
        RunDirectoryError: the run is missing or damaged, or a text is not at hand as it was.
        UsageError: the file is there already, or cannot be written.
    """
    run = find_run(reference, trained=True)
    path = expand_home(out) if out is not None else Path(f"{run.name}{SUFFIX}")
    check_place(path, force=force)
    sources = dict(_files_of(run))
    texts = _find_texts(run, corpus) if corpus else []
    sources |= {name: text for name, _, text in texts}
    contents = Contents(
        run=run.name,
        files={name: _measure(run, source) for name, source in sources.items()},
        texts=tuple((name, role) for name, role, _ in texts),
        newest=newest_state(run),
    )
    whole = sum(each.bytes for each in contents.files.values())
    if whole > LARGEST or len(sources) > MOST_FILES:
        problem = f"{run.path} is too large to be packed: {format_size(whole)}."
        raise RunDirectoryError(problem, f"Allowed: up to {format_size(LARGEST)}.")
    with file_errors(path, "written", "Name a file that can: --out FILE"), atomic_write(path) as to:
        _write(to, run, contents, sources)
    return Packed(
        path=path,
        bytes=path.stat().st_size,
        texts=sum(contents.files[name].bytes for name, _ in contents.texts),
        has_counts=run.counts.name in sources,
    )


def check_place(path: Path, *, force: bool) -> None:
    """Raise UsageError if a file cannot be written there, or is there already."""
    if path.is_dir() or not path.parent.is_dir():
        problem = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        allowed = "Allowed: a file in a folder that exists."
        raise UsageError(f"The run cannot be packed into {path}: {problem}.", allowed)
    if os.path.lexists(path) and not force:
        advice = "Replace it: --force; or name another: --out FILE"
        raise UsageError(f"{path} is there already.", "Allowed: a new file.", advice)


def _files_of(run: RunDirectory) -> Iterator[tuple[str, Path]]:
    """Yield what is packed of a run, by its name in the archive."""
    for name in REQUIRED:
        yield name, run.path / name
    for name in OPTIONAL:
        if is_there(run.path / name):
            yield name, run.path / name
    step = best_step(run)
    weights_digest(run, step)  # damage is not passed on
    for name in (WEIGHTS, STATE):
        path = run.checkpoint(step) / name
        yield path.relative_to(run.path).as_posix(), path


def _measure(run: RunDirectory, path: Path) -> PackedFile:
    digest, size = hashlib.sha256(), 0
    with _open(run, path) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
    return PackedFile(bytes=size, sha256=digest.hexdigest())


def _open(run: RunDirectory, path: Path) -> BinaryIO:
    """Open a file of the run through its door; a text is its user's own file."""
    with file_errors(path, "read"):
        if run.path in path.parents:
            return open_to_read(path, run.path)
        return path.open("rb")


def _write(
    to: BinaryIO, run: RunDirectory, contents: Contents, sources: Mapping[str, Path]
) -> None:
    """Write the archive, the same bytes for the same run."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, allowZip64=False) as archive:
        archive.writestr(_entry(PACK), json_text(contents.as_json(), indent=2))
        for name, source in sources.items():
            with _open(run, source) as file, archive.open(_entry(name), "w") as packed:
                shutil.copyfileobj(file, packed, _BLOCK)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)  # with the first date that ZIP knows
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o100644 << 16
    return entry


def _find_texts(run: RunDirectory, corpus: Any) -> list[tuple[str, str, Path]]:
    """Return the texts of a run: of each its name in the archive, its role and its path.

    They are found by their hashes, in what the run's note or its user names, and nowhere else.
    """
    recorded = [each for each in _recorded_texts(run) if not each[0].startswith(_IN_THE_PACKAGE)]
    if corpus is True:
        note = read_note(run)
        places: list[Any] = list(note.paths) if note else []
    else:
        places = [corpus] if isinstance(corpus, (str, os.PathLike)) else list(corpus)
        for each in places:
            with file_errors(Path(each), "read"):
                Path(each).stat()
    found = {hash_of(path): path for path in files_below(places)}
    texts = []
    for number, (path, sha256, role) in enumerate(recorded, start=1):
        if sha256 not in found:
            how = f"textgen runs pack {shell_word(run.path)}"
            shown = printable(path, keep="")[-100:]
            raise RunDirectoryError(
                f"{shown} is not at hand as {run.path} was trained on it.",
                "Allowed: the same file, byte for byte.",
                f"Say where it is: {how} --corpus FILE; or pack the run without: leave it out",
            )
        texts.append((name_of_text(number, path), role, found[sha256]))
    return texts


def _recorded_texts(run: RunDirectory) -> list[tuple[str, str, str]]:
    """Return path, hash and role of each text that manifest.json names."""
    settings = read_toml(run.configuration).get("corpus")
    settings = settings if isinstance(settings, Mapping) else {}
    files = recorded_files(run)
    held_out = [role for role in ROLES[1:] if settings.get(role, "none") != "none"]
    roles = [ROLES[0]] * (len(files) - len(held_out)) + held_out
    return [(path, sha256, role) for (path, sha256), role in zip(files, roles, strict=False)]
