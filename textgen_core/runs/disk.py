"""Whether a disk has enough space for what is planned."""

from __future__ import annotations

import shutil
from pathlib import Path

from textgen_core.errors import DiskTooSmall
from textgen_core.formatting import format_size


def check_space(folder: Path, needed: int, purpose: str, advice: str) -> None:
    """Raise DiskTooSmall unless `needed` bytes fit onto the disk of a folder, which may not exist.

    purpose: what takes the space, such as "The checkpoints of this run".
    """
    try:
        there = next(
            (each for each in (folder, *folder.absolute().parents) if each.exists()), folder
        )
        free = shutil.disk_usage(there).free
    except OSError:  # the system does not say
        return
    if needed > free:
        raise DiskTooSmall(
            f"{purpose} need about {format_size(needed)}, and {format_size(free)} are free on the "
            f"disk of {folder}.",
            advice=advice,
        )
