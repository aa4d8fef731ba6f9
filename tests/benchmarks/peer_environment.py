"""The Python of the peers: an environment of its own with PyTorch, made once in the user's cache.

This module knows nothing about what runs in it.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import platformdirs

REQUIREMENTS = ("torch==2.13.0", "numpy", "transformers==5.24.0")


def peer_python(given: Path | None) -> Path:
    """Return the given Python, else that of the environment in the cache, made where it is absent.

    Making it downloads some 250 MB. Raises CalledProcessError if that fails.
    """
    if given is not None:
        return given
    folder = platformdirs.user_cache_path("textgen", appauthor=False) / "benchmark-peers"
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ready = folder / "ready"
    if not ready.is_file():
        print(f"Making an environment with {' and '.join(REQUIREMENTS)} in {folder}", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
        ready.touch()
    return python
