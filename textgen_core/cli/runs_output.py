"""What `textgen runs` shows: a table of runs that fits a terminal, and one run in lines."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from textgen_core.cli.output import is_terminal, show_line
from textgen_core.formatting import (
    format_count,
    format_duration,
    format_list,
    format_size,
    printable,
    shell_word,
)

_COLUMNS = ("run", "model", "bits/byte", "size", "age", "state")
_RIGHT = ("bits/byte", "size", "age")
_SHORTEST = 16  # characters of a name, on whichever terminal
_STYLES = {"running": "green", "interrupted": "yellow", "damaged": "red", "no weights": "dim"}
_MISSING = "–"
_LABEL = 14  # characters of what a line of a run is about


def show_runs(rows: Sequence[Mapping[str, Any]], corpus: str | None) -> None:
    """Print a table of runs."""
    if not rows:
        of_corpus = f" that was trained on {corpus}" if corpus else ""
        show_line(f"There is no run under runs/ here{of_corpus}.")
        return
    cells = [_cells(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *cells, strict=True)]
    others = sum(widths[1:]) + 2 * len(widths[1:])
    width = shutil.get_terminal_size().columns if is_terminal() else 10_000
    widths[0] = max(_SHORTEST, min(widths[0], width - others))
    show_line(_line(_COLUMNS, widths), "dim")
    for row, line in zip(rows, cells, strict=True):
        show_line(_line(line, widths), _STYLES.get(row["state"], ""))
    if len(rows) > 1:
        show_line(f"{len(rows)} runs, {format_size(sum(row['bytes'] for row in rows))}", "dim")


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    bits = row["bits_per_byte"]
    found = (
        row["name"],
        row["model"] or "",
        "" if bits is None else f"{bits:.3f}",
        format_size(row["bytes"]),
        format_age(row["age_seconds"]),
        row["state"],
    )
    return tuple(printable(each, keep="")[:100] or _MISSING for each in found)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = [
        f"{cut(cell, width):>{width}}" if column in _RIGHT else f"{cut(cell, width):<{width}}"
        for column, cell, width in zip(_COLUMNS, cells, widths, strict=True)
    ]
    return "  ".join(shown).rstrip()


def cut(text: str, width: int) -> str:
    """Return a text that is not longer, with its beginning and its end."""
    if len(text) <= width:
        return text
    half = (width - 1) // 2
    return f"{text[: width - 1 - half]}…{text[len(text) - half :]}"


def format_age(seconds: float) -> str:
    """Return how long ago something was, in its largest unit."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:,.0f} {unit}"
    return "now"


def show_run(found: Mapping[str, Any]) -> None:
    """Print what a run is, a line for each thing there is to know."""
    show_line(printable(found["name"], keep=""), "bold")
    for label, text in _lines(found):
        show_line(f"  {label:<{_LABEL}}{printable(text, keep='')}")


def _lines(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    state = found["state"] + (", unpacked" if found["packed"] else "")
    age = format_age(found["age_seconds"])
    made = "just now" if age == "now" else f"{age} ago"
    lines = [("state", f"{state}, made {made}"), *_making(found)]
    if found["bits_per_byte"] is not None:
        split = found["split"] or "held-out"
        lines.append(("score", f"{found['bits_per_byte']:.3f} bits per byte on {split} text"))
    for each in found["ancestors"]:
        run, checkpoint = (str(_get(each, key)) for key in ("run", "checkpoint"))
        lines.append(("began with", f"{run}, {checkpoint}"))
    lines += _forgetting(found["forgetting"])
    texts = [_text(each) for each in found["corpus"]]
    lines += [("text" if not place else "", text) for place, text in enumerate(texts[:5])]
    if len(texts) > 5:
        lines.append(("", f"and {len(texts) - 5:,} more"))
    parts = [f"{name} {format_size(size)}" for name, size in found["bytes_of"].items() if size]
    steps = [f"{step:,}" for step in found["checkpoints"]]
    lines.append(("on disk", f"{format_size(found['bytes'])}: {', '.join(parts)}"))
    if steps:
        lines.append(
            (
                "checkpoints",
                f"of step {format_list(steps, 6)}; the best is {found['step']:,}"
                if found["step"] is not None
                else format_list(steps, 6),
            )
        )
    return [*lines, ("path", shell_word(found["path"]))]


def _making(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = []
    if found["model"]:
        count = found["parameters"]
        size = f", {format_count(count, 'parameter')}" if count is not None else ""
        lines.append(("model", f"{found['model']}{size}"))
    if found["tokenizer"]:
        lines.append(("tokenizer", str(found["tokenizer"])))
    steps, seconds = found["trained_steps"], found["trained_seconds"]
    if isinstance(steps, int) and isinstance(seconds, (int, float)):
        trained = f"{format_count(steps, 'step')} in {format_duration(seconds)}"
        recipe = found["recipe"]
        by = f", recipe {recipe}" if isinstance(recipe, str) and recipe != "none" else ""
        lines.append(("trained", trained + by))
    return lines


def _forgetting(found: Any) -> list[tuple[str, str]]:
    bits = [_get(_get(found, when), "bits_per_byte") for when in ("before", "after")]
    if not all(isinstance(each, (int, float)) for each in bits):
        return []
    before, after = bits
    of = f"on the held-out text of {_get(found, 'run')}"
    return [("forgetting", f"{before:.3f} bits per byte before, {after:.3f} now, {of}")]


def _text(each: Any) -> str:
    size, sha256 = _get(each, "bytes"), str(_get(each, "sha256"))[:12]
    shown = f", {format_size(size)}" if isinstance(size, int) else ""
    return f"{_get(each, 'path')}{shown}, SHA-256 {sha256}"


def _get(values: Any, key: str) -> Any:
    return values.get(key, _MISSING) if isinstance(values, Mapping) else _MISSING
