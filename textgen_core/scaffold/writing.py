"""Fills the templates and puts the files in their place: all of them, or none.

A new folder appears with one renaming; an empty folder that is there already is filled, so that a
shell in it stays where it is.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from textgen_core.errors import UsageError
from textgen_core.registry.registry import CORE, KINDS
from textgen_core.scaffold.names import PluginNames, name_plugin

if TYPE_CHECKING:
    import jinja2

LINE_LENGTH = 100  # of the Python files, as their pyproject.toml says too


def write_plugin(name: str, kind: str, folder: Path | None = None) -> list[Path]:
    """Write a plugin package with one component, and return the paths of its files.

    folder: where the package's own files go, by default a folder with the distribution's name. It
    must be empty or not be there yet. Raises UsageError, and then nothing is written.
    """
    names = name_plugin(name, kind)
    folder = Path(names.distribution) if folder is None else folder
    _check_place(folder)
    files = render_files(names, version(CORE))
    try:
        _write_all(files, folder)
    except OSError as error:
        raise UsageError(
            f"The plugin cannot be written to {folder}: {error.strerror or error}.",
            "Nothing was written.",
        ) from error
    return [folder / path for path in files]


def render_files(names: PluginNames, core_version: str) -> dict[str, str]:
    """Return the text of every file of a plugin, by its path within the package."""
    package = f"src/{names.package}"
    templates = {
        "pyproject.toml": "pyproject.toml.jinja",
        "README.md": "README.md.jinja",
        "ci.sh": "ci.sh.jinja",
        ".gitignore": "gitignore.jinja",
        f"{package}/__init__.py": "package.py.jinja",
        f"{package}/{names.module}.py": f"components/{names.kind}.py.jinja",
        f"tests/test_{names.module}.py": f"tests/{names.kind}.py.jinja",
    }
    environment = _environment()
    environment.globals.update(
        names=names,
        contract=KINDS[names.kind].__name__,
        core_requirement=core_requirement(core_version),
        contract_test=_call_line("test_contract = conformance", f'"{names.reference}"'),
    )
    rendered = {path: environment.get_template(each).render() for path, each in templates.items()}
    return {**rendered, f"{package}/py.typed": ""}


def core_requirement(core_version: str) -> str:
    """Return what a plugin asks for: the running minor version of the core, or a later one.

    There is no upper bound: removals are announced for one minor version, and additions break no
    plugin. A development or pre-release version stays as it is: `>=0.2` would not allow 0.2.0.dev1.
    """
    public = core_version.partition("+")[0]
    major, minor, *_ = re.findall(r"\d+", public)
    is_final = re.fullmatch(r"\d+(\.\d+)*(\.post\d+)?", public) is not None
    return f"{CORE}>=" + (f"{major}.{minor}" if is_final else public)


def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("textgen_core.scaffold", "templates"),
        autoescape=False,  # the files are Python, TOML and Markdown, and the names are checked
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(import_line=_import_line, line_length=LINE_LENGTH)
    return environment


def _import_line(module: str, name: str) -> str:
    """Return an import as ruff formats it."""
    line = f"from {module} import {name}"
    return line if len(line) <= LINE_LENGTH else f"from {module} import (\n    {name},\n)"


def _call_line(called: str, argument: str) -> str:
    """Return a call with one argument as ruff formats it."""
    line = f"{called}({argument})"
    return line if len(line) <= LINE_LENGTH else f"{called}(\n    {argument}\n)"


def _check_place(folder: Path) -> None:
    """Raise UsageError unless the folder is empty, or could be made."""
    problem = ""
    try:
        if folder.is_dir():
            held = next(folder.iterdir(), None)
            problem = "" if held is None else f"it is not empty (it holds {held.name})"
        elif folder.exists() or folder.is_symlink():
            problem = "it is there, and is no folder"
        elif not folder.parent.is_dir():
            problem = f"there is no folder {folder.parent}"
    except OSError as error:
        problem = error.strerror or str(error)
    if problem:
        raise UsageError(
            f"The plugin cannot be written to {folder}: {problem}.",
            "Allowed: an empty folder, or a new one in a folder that is there.",
            "Name another place: --out FOLDER",
        )


def _write_all(files: Mapping[str, str], folder: Path) -> None:
    """Write every file beside its place, then move them all there."""
    beside = folder if folder.is_dir() else folder.parent
    with tempfile.TemporaryDirectory(dir=beside, prefix=".textgen-plugin-") as temporary:
        whole = Path(temporary, "whole")
        for name, text in files.items():
            path = whole / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            if text.startswith("#!"):
                path.chmod(path.stat().st_mode | 0o111)
        if folder.is_dir():
            _move_in(whole, folder)
        else:
            whole.rename(folder)


def _move_in(whole: Path, folder: Path) -> None:
    """Move what a folder holds into another; if that fails midway, nothing is left there."""
    moved: list[Path] = []
    try:
        for each in sorted(whole.iterdir()):
            moved.append(each.rename(folder / each.name))
    except BaseException:
        for each in moved:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
        raise
