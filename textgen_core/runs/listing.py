"""The runs under runs/ as a list for people: what each one is, and how well it does.

Read from their files alone: no plugin, tokenizer or model is loaded, and a damaged file only leaves
a gap.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs

from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import printable, say, say_word
from textgen_core.formatting.html import as_html
from textgen_core.runs.corpus_files import trained_on
from textgen_core.runs.directory import RunDirectory, list_runs
from textgen_core.runs.files import read_json, read_rows, read_toml
from textgen_core.runs.standing import Standing, disk_size, standing_of
from textgen_core.runs.weights import best_step

_MISSING = "–"
_CELL = "text-align:left;padding:0.25em 1.2em 0.25em 0"


@attrs.frozen(kw_only=True)
class RunSummary:
    """What a run is. It stands for its path wherever one is taken, as by `open_run`.

    Args:
        path: the run's directory.
        created: when it was made, in ISO 8601; empty where its files do not say, as the others.
        model: the name of its model.
        tokenizer: the name of its tokenizer.
        parameters: how many its model has.
        bits_per_byte: its score on held-out text, less is better; None if it was not scored.
        split: which text that is: `test` or `validation`.
        step: of its best checkpoint; None if there is none yet.
    """

    path: Path
    created: str = ""
    model: str = ""
    tokenizer: str = ""
    parameters: int | None = None
    bits_per_byte: float | None = None
    split: str = ""
    step: int | None = None

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"<Run {printable(self.name, keep='')}: {', '.join(self.facts())}>"

    def _repr_html_(self) -> str:
        return RunList([self])._repr_html_()

    @property
    def name(self) -> str:
        """The directory's own name."""
        return RunDirectory(self.path).name

    @property
    def state(self) -> Standing:
        """Whether it is finished, interrupted or running, lacks its weights, or is damaged."""
        run = RunDirectory(self.path)
        return standing_of(run, _read(run.configuration, read_toml))

    @property
    def size(self) -> int:
        """The bytes that it takes on the disk."""
        return disk_size(self.path)

    @property
    def age(self) -> float:
        """The seconds since it was made, or since run.toml was written where nothing says when."""
        try:
            made = datetime.fromisoformat(self.created).timestamp()
        except (ValueError, OverflowError, OSError):
            made = RunDirectory(self.path).last_configured
        return max(0.0, time.time() - made)

    def facts(self) -> list[str]:
        """Return what is known of it, in a few words each."""
        model = self.model or say("no model yet")
        if self.parameters is not None:
            model = say("{model} of {number:,} parameters", model=model, number=self.parameters)
        facts = [model]
        if self.tokenizer:
            facts.append(say("tokenizer {name}", name=self.tokenizer))
        if self.bits_per_byte is not None:
            facts.append(
                say(
                    "{bits:.3f} bits per byte on {split}",
                    bits=self.bits_per_byte,
                    split=say_word(self.split or "held-out text"),
                )
            )
        elif self.step is not None:
            facts.append(say("not scored yet"))
        return [printable(each, keep="") for each in facts]


class RunList(list[RunSummary]):
    """Runs, shown as a table."""

    def __repr__(self) -> str:
        if not self:
            return say("There is no run under runs/ here.")
        rows = [_columns(), *map(_cells, self)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(_line(row, widths) for row in rows)

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{as_html(repr(self))}</p>"
        head = "".join(f'<th style="{_CELL}">{as_html(each)}</th>' for each in _columns())
        rows = (
            "".join(f'<td style="{_CELL}">{as_html(each)}</td>' for each in _cells(summary))
            for summary in self
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def summarise(path: Path) -> RunSummary:
    """Return what the files of a run say of it."""
    run = RunDirectory(path)
    configuration = _read(run.configuration, read_toml)
    manifest = _read(run.manifest, read_json)
    evaluation = _read(run.evaluation, read_json)
    parameters = _table(manifest, "model").get("parameters")
    bits = evaluation.get("bits_per_byte")
    try:
        step = best_step(run)
    except RunDirectoryError:
        step = None
    return RunSummary(
        path=path,
        created=_text(manifest.get("created")),
        model=_text(_table(configuration, "model").get("name")),
        tokenizer=_text(_table(configuration, "tokenizer").get("name")),
        parameters=parameters if isinstance(parameters, int) else None,
        bits_per_byte=float(bits) if isinstance(bits, int | float) else None,
        split=_text(evaluation.get("split")),
        step=step,
    )


def history_of(run: RunDirectory) -> list[dict[str, Any]]:
    """Return what was logged at each step, in one row: training and validation."""
    rows: dict[Any, dict[str, Any]] = {}
    for row in read_rows(run.metrics):
        rows.setdefault(row.get("step"), {}).update(row)
    return list(rows.values())


def runs(corpus: str | os.PathLike[str] | None = None) -> RunList:
    """List the runs under runs/, the newest first.

    Args:
        corpus: only those that were trained on this file, by its hash, or on a text of this name.

    Returns:
        A list that is shown as a table; what is in it may be given to `open_run` and `resume`.
    """
    paths = sorted(list_runs(), key=lambda path: -RunDirectory(path).last_configured)
    if corpus is not None:
        paths = trained_on(paths, corpus)
    return RunList(map(summarise, paths))


def _columns() -> list[str]:
    names = (say("run"), say("model"), say("parameters"), say("tokenizer"))
    return [*names, say("step"), say("bits per byte")]


def _cells(summary: RunSummary) -> list[str]:
    parameters, step, bits = summary.parameters, summary.step, summary.bits_per_byte
    cells = [
        summary.name,
        summary.model,
        "" if parameters is None else f"{parameters:,}",
        summary.tokenizer,
        "" if step is None else f"{step:,}",
        "" if bits is None else f"{bits:.3f}",
    ]
    return [printable(each, keep="") or _MISSING for each in cells]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _read(path: Path, parse: Callable[[Path], Any]) -> Mapping[str, Any]:
    try:
        value = parse(path)
    except RunDirectoryError:
        return {}
    return value if isinstance(value, Mapping) else {}


def _table(values: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = values.get(key)
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
