"""The folder for what can be rebuilt: token files, and texts too large for memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from textgen_core.errors import ConfigurationError
from textgen_core.formatting import expand_home

CACHE_VARIABLE = "TEXTGEN_CACHE"


def cache_directory() -> Path:
    """Return the folder that TEXTGEN_CACHE names, else the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return expand_home(named) if named else platformdirs.user_cache_path("textgen", appauthor=False)


@contextmanager
def cache_errors(folder: Path) -> Iterator[None]:
    """Turn an OSError while writing to `folder` into a ConfigurationError."""
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"The cache {folder} cannot be written: {error.strerror or error}.",
            advice=f"Name a folder that can: set {CACHE_VARIABLE} to it.",
        ) from error
