"""Links, pipes, devices and folders in the place of a run's files."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from hostile.changes import NEWEST, add, setting, several, to_link, to_special, to_text

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
