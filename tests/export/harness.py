"""The one-file page on a fake backend: `python tests/export/harness.py FILE` writes it."""

from __future__ import annotations

import sys
from pathlib import Path

from textgen_core.export.page import assemble

FAKE_BACKEND = Path(__file__).with_name("fake_backend.js")


def harness_page() -> str:
    """Return the page as an exporter writes it, but without a model."""
    source = FAKE_BACKEND.read_text(encoding="utf-8")
    return assemble(title="fables", inline=True, scripts=[(FAKE_BACKEND.name, source)])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(harness_page(), encoding="utf-8")
