"""The pages of the documentation: which there are, and the code blocks in them."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(
    path for path in DOCS.rglob("*.md") if not {"_build", "_generated"} & set(path.parts)
)
# What the plugins of the guides and examples offer: nothing of this is installed with textgen.
OF_PLUGIN_PAGES = ("epsilon", "wordpiece", "gru", "spelling", "mirostat", "surprise")

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$", re.M | re.S
)
CAPTION = re.compile(r"\A:caption: (?P<name>.+)\n\n")


def captioned(page: Path) -> dict[str, str]:
    """Return the code blocks of a page that have a caption, by their caption."""
    found = {}
    for block in FENCE.finditer(page.read_text(encoding="utf-8")):
        caption = CAPTION.match(block["body"])
        if caption:
            found[caption["name"]] = block["body"][caption.end() :]
    return found
