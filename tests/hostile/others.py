"""The current folder, and other people's files."""

from __future__ import annotations

import json
from pathlib import Path

from hostile.changes import Change, add, remove, setting, several, to_text


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
