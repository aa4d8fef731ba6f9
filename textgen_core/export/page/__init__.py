"""The playground as a page: served with its files beside it, or as one file that needs nothing.

Knows no model: scripts call `window.textgenBackend`, the server's client or an engine.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from string import Template

from textgen_core.export.packing import to_text

LANGUAGES = ("en", "es")
_OF_THE_REPORT = ("palette.css", "frame.css")
STYLES = (*_OF_THE_REPORT, "page.css", "controls.css", "text.css")
# In the order in which they run: each knows those before it.
SCRIPTS = (
    "surprisal.js",
    "specs.js",
    "tree.js",
    "ends.js",
    "state.js",
    "encoding.js",
    "transfer.js",
    "storage.js",
    "words.js",
    "elements.js",
    "jobs.js",
    "cards.js",
    "text_view.js",
    "token_panel.js",
    "branches.js",
    "column.js",
    "about.js",
    "files.js",
    "writing.js",
    "page.js",
    "controls.js",
    "scripting.js",
)
SERVER_SCRIPT = "server_backend.js"
ENGINE_SCRIPT = "engine_backend.js"  # of a page with the model inside
# What the served page may do, as the server's Content-Security-Policy.
SERVED_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
_ENDS_A_SCRIPT = re.compile(r"<(?=/script|!--)", re.IGNORECASE)


def page_files() -> Mapping[str, str]:
    """Return the content of each file that the served page links to, by its name."""
    return {name: read_file(name) for name in (*STYLES, SERVER_SCRIPT, *SCRIPTS)}


def assemble(
    *,
    title: str,
    inline: bool,
    scripts: Sequence[tuple[str, str]] = (),
    data: Mapping[str, bytes | str] | None = None,
    prefix: str = "/page/",
) -> str:
    """Return the page.

    title: of the window. inline: whether everything is inside, for a file that is opened from disk;
    otherwise it links to `page_files()` under `prefix`, and its backend is the server's client.
    scripts: (name, source) of the backend of an inline page, which run before the page's own.
    data: by the id of its block, bytes (written by `packing`) or JSON, for the backend to read.
    """
    blocks = {f"words-{each}": read_file(f"words.{each}.json") for each in LANGUAGES} | dict(
        data or {}
    )
    if inline:
        sources = [(name, _embeddable(source)) for name, source in scripts]
        sources += [(name, _embeddable(read_file(name))) for name in SCRIPTS]
        style = "".join(read_file(name) for name in STYLES)
        head = [_policy(style, sources), f"<style>{style}</style>"]
        code = [f"<script>{_framed(*each)}</script>" for each in sources]
    else:
        head = [f'<link rel="stylesheet" href="{prefix}{name}">' for name in STYLES]
        code = [f'<script src="{prefix}{name}"></script>' for name in (SERVER_SCRIPT, *SCRIPTS)]
    return Template(read_file("page.html")).substitute(
        title=html.escape(title),
        head="\n".join(head),
        data="\n".join(_data_block(name, content) for name, content in blocks.items()),
        scripts="\n".join(code),
    )


@cache
def read_file(name: str) -> str:
    """Return the content of a file of the page; its colours and frame are the report's."""
    package = "textgen_core.report" if name in _OF_THE_REPORT else __name__
    path = f"templates/{name}" if name in _OF_THE_REPORT else name
    return resources.files(package).joinpath(path).read_text(encoding="utf-8")


def _data_block(name: str, content: bytes | str) -> str:
    if isinstance(content, bytes):
        kind, text = "application/octet-stream", to_text(content)
    else:  # in JSON a < occurs in strings only
        kind, text = "application/json", content.replace("<", "\\u003c")
    return f'<script type="{kind}" id="{html.escape(name)}">{text}</script>'


def _embeddable(source: str) -> str:
    """Return a script that its element can hold: what would end it is escaped, as in a string."""
    return _ENDS_A_SCRIPT.sub(r"<\\", source)


def _framed(name: str, source: str) -> str:
    """Return a script with its name, by which a browser's tools show it."""
    return f"\n// {name}\n{source}"


def _policy(style: str, sources: Sequence[tuple[str, str]]) -> str:
    """Return the policy of a page that runs its own scripts, and can reach nothing outside."""
    hashes = " ".join(_hash(_framed(*each)) for each in sources)
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src {_hash(style)}; worker-src blob:; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">'


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
