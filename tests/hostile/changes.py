"""What a variant of a good run is, and how a file of it is changed.

Each is a change of a copy, the commands that open it, and what their message has to name.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import safetensors.numpy

NEWEST = "checkpoints/step-00000036"
OLDER = "checkpoints/step-00000033"
Change = Callable[[Path, Path], None]


@attrs.frozen(kw_only=True)
class Variant:
    """A change of a good run.

    names: a pattern of what the message has to name, empty where the commands may do their work;
    here: they are given in the run's own folder.
    """

    name: str
    kind: str
    change: Change
    commands: tuple[str, ...]
    names: str = ""
    here: bool = False
    folder: str = attrs.field(
        default=attrs.Factory(lambda self: re.sub(r"\W+", "-", self.name), takes_self=True)
    )


VARIANTS: list[Variant] = []


def add(kind: str, name: str, change: Change, *commands: str, names: str = "", **more: Any) -> None:
    VARIANTS.append(
        Variant(
            kind=kind, name=f"{kind}: {name}", change=change, commands=commands, names=names, **more
        )
    )


# ---- how a file is changed --------------------------------------------------------------------


def to_link(name: str, target: str) -> Change:
    def change(run: Path, outside: Path) -> None:
        remove(run / name)
        (run / name).symlink_to(outside / target)

    return change


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rename(path.parent.parent / f"moved-{path.parent.name}-{path.name}")
    else:
        path.unlink(missing_ok=True)


def to_special(name: str, make: Callable[[Path], None]) -> Change:
    def change(run: Path, _: Path) -> None:
        remove(run / name)
        make(run / name)

    return change


def to_bytes(name: str, content: bytes | Callable[[bytes], bytes]) -> Change:
    def change(run: Path, _: Path) -> None:
        path = run / name
        old = path.read_bytes() if path.is_file() else b""
        path.write_bytes(content(old) if callable(content) else content)

    return change


def to_text(name: str, old: str, new: str) -> Change:
    def replaced(content: bytes) -> bytes:
        text = content.decode()
        assert old in text, (name, old)
        return text.replace(old, new).encode()

    return to_bytes(name, replaced)


def to_json(name: str, alter: Callable[[Any], Any]) -> Change:
    def altered(content: bytes) -> bytes:
        value = json.loads(content)
        found = alter(value)
        return json.dumps(value if found is None else found, ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )

    return to_bytes(name, altered)


def to_tensors(name: str, alter: Callable[[dict[str, Any]], Any], *, rehash: bool = True) -> Change:
    """Change the tensors of a file of the newest checkpoint, and the hash that tells it."""

    def change(run: Path, _: Path) -> None:
        path = run / NEWEST / name
        tensors = {key: value.copy() for key, value in safetensors.numpy.load_file(path).items()}
        found = alter(tensors)
        path.write_bytes(found if isinstance(found, bytes) else safetensors.numpy.save(tensors))
        if rehash:
            hash_again(run, name)

    return change


def hash_again(run: Path, name: str) -> None:
    state = json.loads((run / NEWEST / "state.json").read_text())
    state["sha256"][name] = hashlib.sha256((run / NEWEST / name).read_bytes()).hexdigest()
    (run / NEWEST / "state.json").write_text(json.dumps(state))


def with_tokenizer(alter: Callable[[Any], Any]) -> Change:
    """Change tokenizer.json, and the hash that tells it."""

    def change(run: Path, outside: Path) -> None:
        to_json("tokenizer.json", alter)(run, outside)
        manifest = json.loads((run / "manifest.json").read_text())
        content = (run / "tokenizer.json").read_bytes()
        manifest["sha256"]["tokenizer.json"] = hashlib.sha256(content).hexdigest()
        (run / "manifest.json").write_text(json.dumps(manifest))

    return change


def setting(section: str, key: str, value: str) -> Change:
    """Change a setting in run.toml, which TOML texts are given for."""

    def replaced(content: bytes) -> bytes:
        before, mark, after = content.decode().partition(f"[{section}]")
        pattern = rf"(?m)^{key} = (\[\n(?:    .*\n)*\]|.*)$"
        assert re.search(pattern, after), (section, key)
        return (
            before + mark + re.sub(pattern, lambda _: f"{key} = {value}", after, count=1)
        ).encode()

    return to_bytes("run.toml", replaced)


def several(*changes: Change) -> Change:
    def change(run: Path, outside: Path) -> None:
        for each in changes:
            each(run, outside)

    return change


def of_another_step(name: str) -> Change:
    return lambda run, _: (
        (run / NEWEST / name).write_bytes((run / OLDER / name).read_bytes()) and None
    )


def sparse(name: str, size: int) -> Change:
    def change(run: Path, _: Path) -> None:
        with (run / name).open("r+b") as file:
            file.truncate(size)

    return change


def header_of(tensors: dict[str, Any], data: bytes = b"") -> bytes:
    text = json.dumps(tensors) if isinstance(tensors, dict) else tensors
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded + data
