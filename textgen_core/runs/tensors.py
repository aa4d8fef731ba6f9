"""Tensors of a safetensors file, mapped into memory once its header has been checked.

The format: eight bytes with the length of the header, the header in JSON, the bytes of the tensors.
A header may promise anything, so that all of it is checked before a tensor is looked at.
"""

from __future__ import annotations

import hashlib
import math
import mmap
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from textgen_core.errors import RunDirectoryError
from textgen_core.runs import door
from textgen_core.runs.files import file_errors
from textgen_core.runs.parsing import parse_json

_LONGEST_HEADER = 16_000_000
_MOST_AXES = 32
_DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "I64": np.int64,
    "U64": np.uint64,
    "I32": np.int32,
    "U32": np.uint32,
    "I16": np.int16,
    "U16": np.uint16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}


@attrs.frozen(kw_only=True)
class TensorFile:
    """An open file of tensors, arrays by their keys; its pages are read when a tensor is."""

    path: Path
    tensors: Mapping[str, Any]
    metadata: Mapping[str, str]
    _mapped: Any

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return len(self._mapped)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the whole file, in hexadecimal digits."""
        return hashlib.sha256(self._mapped).hexdigest()


def open_tensors(path: Path, within: Path | None = None) -> TensorFile:
    """Open a file of tensors, each an array that cannot be written to.

    within: the folder of the run, for a file that does not lie in it directly. Raises
    RunDirectoryError if the file is missing or damaged, or a tensor is of no type of a run's.
    """
    try:
        with file_errors(path, "read"), door.open_to_read(path, within) as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        tensors, metadata = _contents_of(mapped)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        problem = f"{path} cannot be read: {error}."
        advice = "Restore it from a copy of the run, or use another of its checkpoints."
        raise RunDirectoryError(problem, advice=advice) from error
    return TensorFile(path=path, tensors=tensors, metadata=metadata, mapped=mapped)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file that was just written, in hexadecimal digits."""
    with door.open_to_read(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def _contents_of(mapped: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the arrays of a mapped file, and what else its header says.

    Raises ValueError, KeyError or TypeError if it is damaged.
    """
    data = 8 + int.from_bytes(mapped[:8], "little")
    if not 8 < data <= min(len(mapped), 8 + _LONGEST_HEADER):
        raise ValueError("its header is cut off")
    header = parse_json(mapped[8:data].decode("utf-8"))
    if not isinstance(header, dict):
        raise ValueError("its header is no table")
    metadata = header.pop("__metadata__", None) or {}
    is_table = isinstance(metadata, dict)
    if not is_table or not all(isinstance(value, str) for value in metadata.values()):
        raise ValueError("its metadata are no table of texts")
    found, at = {}, data
    for key, facts in sorted(header.items(), key=lambda each: each[1]["data_offsets"]):
        shape = _shape_of(key, facts)
        dtype = np.dtype(_DTYPES[facts["dtype"]])
        end = at + math.prod(shape) * dtype.itemsize
        if facts["data_offsets"] != [at - data, end - data] or end > len(mapped):
            raise ValueError(f"its tensor {key[:80]!r} has not the bytes that belong to its shape")
        found[key] = np.frombuffer(mapped, dtype, math.prod(shape), at).reshape(shape)
        at = end
    if at != len(mapped):
        raise ValueError("it holds bytes that belong to no tensor")
    return found, metadata


def _shape_of(key: str, facts: Mapping[str, Any]) -> list[int]:
    if facts["dtype"] not in _DTYPES:
        raise ValueError(f"its tensor {key[:80]!r} is of the type {str(facts['dtype'])[:20]!r}")
    shape = facts["shape"]
    if len(shape) > _MOST_AXES or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"its tensor {key[:80]!r} has a shape that cannot be")
    return list(shape)
