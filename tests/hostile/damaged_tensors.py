"""Damage to weights, counts and what else is binary: by a disk, by an editor, by other steps."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from hostile.changes import NEWEST, add, header_of, of_another_step, sparse, to_bytes, to_tensors


def flip(place: float) -> Callable[[bytes], bytes]:
    def flipped(content: bytes) -> bytes:
        at = int(place * (len(content) - 1))
        return content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :]

    return flipped


for file, command in (("weights", "generate"), ("optimizer", "resume"), ("carry", "resume")):
    name = f"{NEWEST}/{file}.safetensors"
    for place in (0.0, 0.05, 0.6, 1.0):
        add(
            "damage",
            f"a bit of {file} at {place}",
            to_bytes(name, flip(place)),
            command,
            names=file,
        )
    add(
        "damage",
        f"{file} of another step",
        of_another_step(f"{file}.safetensors"),
        command,
        names=file,
    )
    add(
        "damage",
        f"{file} cut off",
        to_bytes(name, lambda old: old[: len(old) // 2]),
        command,
        names=file,
    )
    add("damage", f"{file} empty", to_bytes(name, b""), command, names=file)
    add(
        "damage",
        f"{file} missing",
        lambda run, _, name=name: (run / name).unlink(),
        command,
        names=file,
    )


for place in (0.0, 0.05, 0.6, 1.0):
    change = to_bytes("counts.safetensors", flip(place))
    add("damage", f"a bit of the counts at {place}", change, "generate", "resume", names="counts")
for what, change in {
    "cut off": to_bytes("counts.safetensors", lambda old: old[: len(old) // 2]),
    "empty": to_bytes("counts.safetensors", b""),
    "missing": lambda run, _: (run / "counts.safetensors").unlink(),
}.items():
    add("damage", f"counts {what}", change, "generate", "score", "resume", names="counts")


def counts_of_100_gb(run: Path, _: Path) -> None:
    """Write counts of one length whose header agrees with their size, and nothing after it."""
    sizes = {"tokens": 5 * 10**10, "starts": 2, "discounted": 5 * 10**10, "left": 1}
    facts = {"format_version": 1, "order": 1, "vocabulary_size": 23}
    header: dict[str, Any] = {"__metadata__": {"counts": json.dumps(facts)}}
    at = 0
    for (kind, size), dtype in zip(sizes.items(), ("U16", "I32", "F32", "F32"), strict=True):
        end = at + size * (2 if dtype == "U16" else 4)
        header[f"1/{kind}"] = {"dtype": dtype, "shape": [size], "data_offsets": [at, end]}
        at = end
    written = header_of(header)
    (run / "counts.safetensors").write_bytes(written)
    sparse("counts.safetensors", len(written) + at)(run, _)


add("damage", "counts of 100 GB", counts_of_100_gb, "generate", "evaluate", names="counts")


def fill(value: float) -> Callable[[dict[str, Any]], None]:
    def filled(tensors: dict[str, Any]) -> None:
        key = next(each for each in sorted(tensors) if tensors[each].dtype.kind == "f")
        tensors[key].flat[0] = value

    return filled


for value in (float("nan"), float("inf")):
    add(
        "damage",
        f"{value} in the weights",
        to_tensors("weights.safetensors", fill(value)),
        "generate",
        "resume",
        names="weights",
    )
add(
    "damage",
    "nan in the carried state",
    to_tensors("carry.safetensors", fill(float("nan"))),
    "resume",
    names="carry",
)
add(
    "damage",
    "nan in the optimizer",
    to_tensors("optimizer.safetensors", fill(float("nan"))),
    "resume",
    names="optimizer",
)


def doubled(tensors: dict[str, Any]) -> bytes:
    whole = safetensors.numpy.save(tensors)
    (length,) = struct.unpack("<Q", whole[:8])
    header = whole[8 : 8 + length].decode().rstrip()
    first = re.search(r'"0000/[^"]*":\{[^}]*\}', header)
    assert first is not None
    return header_of(header[:-1] + "," + first[0] + "}", whole[8 + length :])


def edited(alter: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], bytes]:
    def edit(tensors: dict[str, Any]) -> bytes:
        whole = safetensors.numpy.save(tensors)
        (length,) = struct.unpack("<Q", whole[:8])
        header = json.loads(whole[8 : 8 + length])
        alter(header)
        return header_of(header, whole[8 + length :])

    return edit


def first_tensor(**values: Any) -> Callable[[dict[str, Any]], bytes]:
    return edited(lambda header: header[min(header)].update(values))


for name, alter in {
    "a key twice": doubled,
    "8-bit floats": first_tensor(dtype="F8_E4M3"),
    "a dtype that is a list": first_tensor(dtype=["F32"]),
    "offsets beyond the end": first_tensor(data_offsets=[0, 2**63]),
    "negative sizes": first_tensor(shape=[-4, -8]),
    "sizes whose product is huge": first_tensor(shape=[2**62, 2**62, 2**62]),
    "a text for a shape": first_tensor(shape="3"),
    "no table": lambda tensors: header_of("[1, 2]"),
    "a deep header": lambda tensors: header_of("[" * 100_000),
    "a header of 2^63 bytes": lambda tensors: struct.pack("<Q", 2**63) + b"{}",
    "other floats": lambda tensors: safetensors.numpy.save(
        {key: value.astype(np.float64) for key, value in tensors.items()}
    ),
}.items():
    add(
        "damage",
        f"weights: {name}",
        to_tensors("weights.safetensors", alter),
        "generate",
        names="weights",
    )
add(
    "damage",
    "weights of 100 GB",
    sparse(f"{NEWEST}/weights.safetensors", 10**11),
    "generate",
    names="weights",
)
