"""What plugin authors and notebooks import: complete, exact and light."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import textgen_core

PROMISED = {
    "hookimpl",
    "option",
    "TokenizerTrainer",
    "ModelBuilder",
    "Sampler",
    "Metric",
    "Tracker",
    "Figure",
    "Evidence",
    "History",
    "TrackerSession",
    "TrackedRun",
    "Outcome",
    "TextgenError",
    "run",
    "open_run",
}
HEAVY = ("tensorflow", "keras", "tokenizers", "numpy")


def test_the_surface_is_what_the_contract_promises_and_no_more() -> None:
    assert set(textgen_core.__all__) == PROMISED
    assert len(textgen_core.__all__) == len(PROMISED)
    assert dir(textgen_core) == sorted(PROMISED)


def test_every_public_name_of_the_module_is_exported() -> None:
    tree = ast.parse(Path(inspect.getfile(textgen_core)).read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textgen_core.")
        for alias in node.names
    }
    defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    assert {name for name in imported | defined if not name.startswith("_")} == PROMISED


@pytest.mark.parametrize("name", sorted(PROMISED - {"run", "open_run"}))
def test_every_light_name_resolves_to_something_documented(name: str) -> None:
    assert getattr(textgen_core, name) is not None
    if name != "hookimpl":
        assert inspect.getdoc(getattr(textgen_core, name))


def test_the_error_root_is_the_root() -> None:
    from textgen_core import errors

    assert textgen_core.TextgenError is errors.TextgenError


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = textgen_core.nothing


def test_the_package_is_marked_as_typed() -> None:
    assert (Path(inspect.getfile(textgen_core)).parent / "py.typed").is_file()


def loaded_after(code: str) -> set[str]:
    """Return which of the heavy packages a fresh process has loaded after running `code`."""
    script = f"import sys\n{code}\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stdout.split())


def test_importing_the_surface_loads_nothing_heavy() -> None:
    names = ", ".join(sorted(PROMISED - {"run", "open_run"}))
    assert loaded_after(f"from textgen_core import {names}") == set()


def test_what_counts_as_heavy_would_be_seen() -> None:
    assert loaded_after("import numpy") == {"numpy"}


def test_run_and_open_run_are_resolved_on_use() -> None:
    code = (
        "import textgen_core, inspect\n"
        "assert callable(textgen_core.run) and callable(textgen_core.open_run)\n"
        "assert inspect.getdoc(textgen_core.run) and inspect.getdoc(textgen_core.open_run)"
    )
    assert "tensorflow" in loaded_after(code)
