"""A packed run: a ZIP archive of what writing, scoring and the report need, and nothing else.

pack.json comes first: it names every other file with its size and SHA-256, and the state that the
training had come to. Left out are the optimizer's state, other checkpoints, and pages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import attrs

from textgen_core.runs.door import largest_size
from textgen_core.runs.standing import NEWEST

PACK = "pack.json"
VERSION = 1
SUFFIX = ".run.zip"
TEXTS = "texts"
ROLES = ("corpus", "validation", "test")
LARGEST = 2**32 - 2**20  # bytes of an archive, and of a file in it: beyond, ZIP has another form
MOST_FILES = 10_000
REQUIRED = ("run.toml", "manifest.json", "tokenizer.json")
OPTIONAL = (
    *("analysis.json", "counts.safetensors", "mixture.json", "earlier.safetensors", "best.json"),
    *("metrics.jsonl", "samples.jsonl", "evaluation.json", "texts.json", "ratings.json"),
    "corpus.txt.gz",
)
_CHECKPOINT = re.compile(r"checkpoints/step-\d{8,18}/(?:weights\.safetensors|state\.json)")
_TEXT = re.compile(rf"{TEXTS}/\d{{4}}-[A-Za-z0-9][A-Za-z0-9._-]{{0,79}}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_HASH = re.compile("[0-9a-f]{64}")


@attrs.frozen
class PackedFile:
    """A file of an archive, as pack.json names it."""

    bytes: int
    sha256: str


@attrs.frozen(kw_only=True)
class Contents:
    """What pack.json says.

    run: the run's name. files: by their names in the archive. texts: the names of the files that
    are its corpus, in their order, each with what it is: `corpus`, `validation` or `test`.
    """

    run: str
    files: Mapping[str, PackedFile]
    texts: tuple[tuple[str, str], ...] = ()
    newest: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the value that `read_contents` reads back."""
        return {
            "format_version": VERSION,
            "run": self.run,
            "files": {name: attrs.asdict(each) for name, each in self.files.items()},
            TEXTS: [{"file": name, "role": role} for name, role in self.texts],
            NEWEST: self.newest,
        }


def read_contents(value: Any) -> Contents:
    """Return what a pack.json says; raises ValueError, TypeError, LookupError if it is damaged."""
    if value["format_version"] != VERSION:
        raise ValueError(f"it is of the format {value['format_version']!r}, not {VERSION}")
    files = {}
    for name, facts in value["files"].items():
        size, digest = facts["bytes"], facts["sha256"]
        if not is_allowed(name):
            raise ValueError(f"a packed run holds no {name[:80]!r}")
        largest = largest_size(Path(name)) or LARGEST
        if type(size) is not int or not 0 <= size <= largest or not _HASH.fullmatch(digest):
            raise ValueError(f"{name} cannot be as large as it says, or its SHA-256 is none")
        files[name] = PackedFile(bytes=size, sha256=digest)
    if missing := [name for name in REQUIRED if name not in files]:
        raise ValueError(f"{missing[0]} is missing")
    weights = [name for name in files if name.endswith("weights.safetensors")]
    states = [name for name in files if name.endswith("/state.json")]
    if len(weights) != 1 or states != [str(PurePosixPath(weights[0]).with_name("state.json"))]:
        raise ValueError("it has not one checkpoint")
    texts = tuple((each["file"], each["role"]) for each in value[TEXTS])
    of_files = sorted(name for name in files if name.startswith(f"{TEXTS}/"))
    if sorted(name for name, _ in texts) != of_files or any(role not in ROLES for _, role in texts):
        raise ValueError("its texts are not those that it names")
    newest = value[NEWEST]
    if newest is not None and not isinstance(newest, Mapping):
        raise ValueError("its newest state is no table")
    return Contents(run=str(value["run"]), files=files, texts=texts, newest=newest)


def is_allowed(name: str) -> bool:
    """Return whether a file of a packed run may have this name: no other is ever written."""
    known = name in REQUIRED or name in OPTIONAL
    return known or bool(_CHECKPOINT.fullmatch(name) or _TEXT.fullmatch(name))


def safe_name(name: str) -> str:
    """Return a name for a run's folder, whatever an archive says it is called."""
    return name if _NAME.fullmatch(name) else ""


def name_of_text(number: int, path: str) -> str:
    """Return the name that a text has in an archive, the n-th of the corpus, from 1."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", Path(path).name)[-60:].lstrip("._-")
    return f"{TEXTS}/{number:04d}-{plain or 'text'}"
