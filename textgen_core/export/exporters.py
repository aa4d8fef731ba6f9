"""The formats that a run is exported to: each is written by a function in a file of its own.

To add one, write its file, and name it in `EXPORTERS`; the file is imported once it is chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from textgen_core.errors import UsageError
from textgen_core.export.placing import check_free, files_of, whole_or_not_at_all
from textgen_core.formatting import printable
from textgen_core.registry.parsing import unknown_name
from textgen_core.runs.directory import RunDirectory

if TYPE_CHECKING:
    from textgen_core.pipeline.opened_run import Run

Precision = Literal["float32", "float16", "int8"]
_LONGEST_TITLE = 200


@attrs.frozen(kw_only=True)
class Settings:
    """What is asked of an exporter.

    precision: of the weights. title: what the result is called. prompt: what its texts begin with
    at first.
    """

    precision: Precision
    title: str
    prompt: str


@attrs.frozen(kw_only=True)
class Exporter:
    """A format.

    summary: what it makes, in a line. precisions: those that it has, its default first. ending: of
    the name of what it writes. is_folder: whether that is a folder. place: `module:function` of
    what writes it. The function is given the run, a path that is not there yet, and the settings;
    it returns how the result is used, in a sentence in which `{path}` stands for its place.
    """

    name: str
    summary: str
    precisions: tuple[Precision, ...]
    ending: str
    is_folder: bool
    place: str

    @property
    def write(self) -> Callable[[Run, Path, Settings], str]:
        """The function that writes it."""
        module, _, function = self.place.partition(":")
        found: Callable[[Run, Path, Settings], str] = getattr(import_module(module), function)
        return found


EXPORTERS: Mapping[str, Exporter] = {
    each.name: each
    for each in (
        Exporter(
            name="html",
            summary="a web page that writes in any browser, without a network",
            precisions=("int8", "float16", "float32"),
            ending=".html",
            is_folder=False,
            place="textgen_core.export.html:export_html",
        ),
        Exporter(
            name="litert",
            summary="a folder with LiteRT programs and an example, which need no textgen",
            precisions=("float32", "float16", "int8"),
            ending="-litert",
            is_folder=True,
            place="textgen_core.export.litert:export_litert",
        ),
    )
}


@attrs.frozen(kw_only=True)
class Exported:
    """What was written: its files with their sizes in bytes, and how it is used."""

    format: str
    path: Path
    precision: str
    files: Mapping[str, int]
    usage: str

    @property
    def size(self) -> int:
        """The bytes of all files together."""
        return sum(self.files.values())


def find_exporter(name: str) -> Exporter:
    """Return the exporter of a format; raises UsageError, with the nearest name."""
    if name not in EXPORTERS:
        fault = unknown_name("format", name, EXPORTERS, place="--to")
        raise UsageError(fault.problem, fault.allowed, "See: textgen export --list")
    return EXPORTERS[name]


def export(
    run: Run,
    to: str,
    out: Path | None = None,
    *,
    precision: str | None = None,
    title: str | None = None,
    prompt: str | None = None,
    force: bool = False,
) -> Exported:
    """Write a run in a format: the whole of it, or nothing.

    Args:
        run: the trained run.
        to: the name of the format.
        out: where to; by default under the run's name in the current folder.
        precision: of the weights; by default the format's own.
        title: what the result is called; by default the run's name.
        prompt: what its texts begin with at first; by default the run's own.
        force: whether what is there already is replaced.

    Raises:
        UsageError: there is no such format or precision, its place cannot be written, or the model
            or a sampler cannot be converted.
        RunDirectoryError: the run is damaged, or lacks a plugin.
    """
    from textgen_core.programs.program import NotConvertible  # and numpy, which no list needs

    exporter = find_exporter(to)
    name = RunDirectory(run.directory).name
    settings = Settings(
        precision=_choose_precision(exporter, precision),
        title=printable(title or name, keep="")[:_LONGEST_TITLE],
        prompt=run.configuration.generation.prompt if prompt is None else prompt,
    )
    path = Path(f"{name or 'model'}{exporter.ending}") if out is None else out
    check_free(path, is_folder=exporter.is_folder, force=force)
    with whole_or_not_at_all(path) as beside:
        try:
            usage = exporter.write(run, beside, settings)
        except NotConvertible as error:
            raise UsageError(
                f"{run.directory} cannot be exported to {exporter.name}: {error.problem}",
                "Allowed: a model and samplers that can be converted: see `textgen plugins check`.",
            ) from error
    return Exported(
        format=exporter.name,
        path=path,
        precision=settings.precision,
        files=files_of(path),
        usage=usage,
    )


def _choose_precision(exporter: Exporter, wanted: str | None) -> Precision:
    for each in exporter.precisions:
        if wanted in (None, each):
            return each
    fault = unknown_name("precision", str(wanted), exporter.precisions, place="--precision")
    raise UsageError(fault.problem, f"{fault.allowed[:-1]}, with --to {exporter.name}.")
