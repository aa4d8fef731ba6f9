"""`Run.play`: a run's playground as one page, inside a notebook or in a browser.

The page is what `textgen export --to html` writes. A notebook is sent it in pieces, since Jupyter
lets no more than a megabyte a second through, and a page in an output has no other way to get it.
IPython is looked for and never imported.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.formatting import expand_home, printable, say
from textgen_core.formatting.html import as_html
from textgen_core.pipeline.ipython import find_shell

if TYPE_CHECKING:
    from textgen_core.pipeline.opened_run import Run

PIECE = 900_000  # characters of a page, in one message
AT_ONCE = 3  # messages before the first pause
PAUSE = 1.0  # seconds
_UNSAFE_IN_NAMES = re.compile(r"[^\w.-]+")
# What a page of a notebook does with a piece: once all are there, in whatever order, they are the
# page. Each is an output of its own, since some notebooks skip an output that is replaced soon.
_TAKE = """{said}<script>(() => {{
  const pages = window.textgenPages ??= {{}}, pieces = pages["{place}"] ??= [];
  pieces[{number}] = {piece};
  if (pieces.filter((each) => each !== undefined).length < {count}) return;
  const frame = document.createElement("iframe");
  frame.style.cssText = "display:block;width:100%;height:{height}px;border:0";
  frame.title = {title};
  frame.srcdoc = pieces.join("");
  delete pages["{place}"];
  document.getElementById("{place}")?.replaceChildren(frame);
}})();</script>"""


@attrs.frozen(kw_only=True)
class Playground:
    """A run's page. At the end of a notebook's cell it is the page itself.

    path: its file. height: in a notebook, in pixels.
    """

    path: Path
    height: int

    def __repr__(self) -> str:
        return say("The page to write on: {path}", path=printable(str(self.path), keep=""))

    def __fspath__(self) -> str:
        return str(self.path)

    def _ipython_display_(self) -> None:
        display = sys.modules["IPython"].display.display
        if not _is_notebook():
            display({"text/plain": repr(self)}, raw=True)
            return
        for number, shown in enumerate(self.messages(f"textgen-{os.urandom(8).hex()}")):
            if number >= AT_ONCE:
                time.sleep(PAUSE)
            display({"text/html": shown, "text/plain": "" if number else repr(self)}, raw=True)

    def messages(self, place: str) -> Iterator[str]:
        """Yield what a notebook is shown, one below the other; `place` is an id for the page."""
        page = self.path.read_text(encoding="utf-8")
        pieces = [page[start : start + PIECE] for start in range(0, len(page), PIECE)]
        for number, piece in enumerate(pieces):
            yield _TAKE.format(
                place=place,
                said="" if number else f'<div id="{place}">{as_html(repr(self))}</div>',
                number=number,
                count=len(pieces),
                piece=_as_script(piece),
                title=_as_script(self.path.stem),
                height=self.height,
            )


def play(self: Run, *, out: str | Path | None = None, height: int = 760) -> Playground:
    """Open a page on which to write with this run: inside a notebook, else in a browser.

    Args:
        out: the file of the page, to keep it; by default a temporary one. It replaces a file.
        height: of the page in a notebook, in pixels.

    Returns:
        Where the page is; at the end of a notebook's cell it is the page itself.

    Raises:
        UsageError: its model or a sampler cannot be converted, or the file cannot be written.
    """
    path = _new_place(self) if out is None else expand_home(out)
    # By its name, for it lies in a package below this one.
    exporters = import_module("textgen_core.export.exporters")
    exporters.export(self, "html", path, force=True)
    playground = Playground(path=path.absolute(), height=height)
    if find_shell() is None and _has_screen():
        import webbrowser

        webbrowser.open(playground.path.as_uri())
    return playground


def _new_place(run: Run) -> Path:
    import tempfile

    name = _UNSAFE_IN_NAMES.sub("-", run.directory.resolve().name).strip("-.") or "run"
    return Path(tempfile.mkdtemp(prefix="textgen-")) / f"{name}.html"


def _is_notebook() -> bool:
    return getattr(find_shell(), "kernel", None) is not None


def _has_screen() -> bool:
    """Whether a browser would have a window: one in the terminal would take the program's place."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(each) for each in ("DISPLAY", "WAYLAND_DISPLAY"))


def _as_script(text: str) -> Any:
    """Return a text as JavaScript has it, inside of HTML."""
    return json.dumps(text).replace("<", "\\u003c").replace("&", "\\u0026")
