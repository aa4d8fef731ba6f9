"""The constants of programs behind each other in one block of bytes, large ones with fewer bits.

`int8`: of the weights of a product, and of what rows are looked up in, each row is whole numbers
with a scale of its own; norms, biases and whatever else stay as they are.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import attrs
import numpy as np

from textgen_core.export.operations import roles_of
from textgen_core.programs.program import Program

Precision = Literal["int8", "float16", "float32"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
SMALLEST = 1024  # elements; of fewer nothing is saved
_ALIGNMENT = 8
_LARGEST = 127


@attrs.define(slots=False)
class Block:
    """What is kept of some programs; equal constants are kept once."""

    precision: Precision
    described: list[list[Any]] = attrs.field(factory=list, init=False)
    _parts: list[bytes] = attrs.field(factory=list, init=False)
    _numbers: dict[tuple[Any, ...], int] = attrs.field(factory=dict, init=False)
    _size: int = attrs.field(default=0, init=False)

    def keep(self, array: np.ndarray, role: str = "") -> int:
        """Keep a constant; return its number in `described`.

        role: `matrix` or `table` for one that may have fewer bits.
        """
        bits = self.bits_of(array, role)
        key = (array.dtype.str, array.shape[:1], bits, array.tobytes())
        if key not in self._numbers:
            self._numbers[key] = len(self.described)
            self.described.append(self._described(array, bits))
        return self._numbers[key]

    def bits_of(self, array: np.ndarray, role: str) -> str:
        """Return with which precision a constant is kept."""
        is_large = role and array.dtype == np.float32 and array.ndim > 1 and array.size >= SMALLEST
        return self.precision if is_large else "float32"

    def to_bytes(self) -> bytes:
        """Return the block."""
        return b"".join(self._parts)

    def _described(self, array: np.ndarray, bits: str) -> list[Any]:
        if bits == "int8":
            whole, scales = in_rows(array)
            start, at_scales = self._add(whole), self._add(scales)
            return ["rows8", start, array.size, at_scales, len(array)]
        if bits == "float16":
            return ["float16", self._add(in_half(array)), array.size]
        return [array.dtype.name, self._add(array), array.size]

    def _add(self, array: np.ndarray) -> int:
        start, data = self._size, array.tobytes()
        self._parts.append(data + bytes(-len(data) % _ALIGNMENT))
        self._size += len(self._parts[-1])
        return start


def in_rows(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return int8 of the shape of float32 `(rows, ...)`, and the scale of each row, float32."""
    rows = array.reshape(len(array), -1)
    scales = np.abs(rows).max(axis=1) / np.float32(_LARGEST)
    whole = np.rint(rows / np.where(scales > 0, scales, 1)[:, np.newaxis])
    return whole.astype(np.int8).reshape(array.shape), scales.astype(np.float32)


def in_half(array: np.ndarray) -> np.ndarray:
    """Return float16 of float32; what is too large for it becomes its largest."""
    largest = np.finfo(np.float16).max
    return array.clip(-largest, largest).astype(np.float16)


def as_kept(program: Program, block: Block) -> Program:
    """Return a program that computes with its constants as a block keeps them."""
    content = bytearray(program.content)
    for array, role in roles_of(content):
        bits = block.bits_of(array, role)
        if bits == "int8":
            whole, scales = in_rows(array)
            array[...] = whole * scales.reshape(-1, *[1] * (array.ndim - 1))
        elif bits == "float16":
            array[...] = in_half(array)
    return attrs.evolve(program, content=bytes(content))
