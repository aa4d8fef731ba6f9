"""What plugin authors and notebooks import: exported, light, and documented section by section.

Which names these are is recorded in `public_surface.txt`: see test_stability.py.
"""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import textgen_core
from textgen_core import testing

ROOT = Path(textgen_core.__file__).parent
sys.path.append(str(ROOT.parent / "docs"))
from read_docstring import Docstring, read_docstring  # noqa: E402

ON_USE = {
    "run",
    "resume",
    "open_run",
    "compare",
    "tune",
    "tune_samplers",
    "runs",
}  # what works with runs
HEAVY = ("tensorflow", "keras", "tokenizers", "numpy")


def test_what_is_listed_is_exported_once_each() -> None:
    assert dir(textgen_core) == sorted(set(textgen_core.__all__)) == sorted(textgen_core.__all__)


def test_every_public_name_of_the_module_is_exported() -> None:
    tree = ast.parse(Path(inspect.getfile(textgen_core)).read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("textgen_core.")
        for alias in node.names
    }
    defined = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    public = {name for name in imported | defined if not name.startswith("_")}
    assert public == set(textgen_core.__all__)


@pytest.mark.parametrize("name", sorted(set(textgen_core.__all__) - ON_USE))
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
    names = ", ".join(sorted(set(textgen_core.__all__) - ON_USE))
    assert loaded_after(f"from textgen_core import {names}") == set()


def test_what_counts_as_heavy_would_be_seen() -> None:
    assert loaded_after("import numpy") == {"numpy"}


def test_what_works_with_runs_is_resolved_on_use_and_completed_without_tensorflow() -> None:
    code = (
        "import textgen_core, inspect\n"
        f"for name in {sorted(ON_USE)}:\n"
        "    function = getattr(textgen_core, name)\n"
        "    assert inspect.signature(function) and inspect.getdoc(function)"
    )
    assert not {"tensorflow", "keras"} & loaded_after(code)


# ---- docstrings ---------------------------------------------------------------------------------

FILES = [
    *sorted((ROOT / "components").glob("*.py")),
    *(ROOT / f"{name}.py" for name in ("errors", "hookspecs", "pipeline/api")),
    ROOT / "pipeline" / "opened_run.py",
    *sorted((ROOT / "testing").glob("*.py")),
]
PUBLIC = {*textgen_core.__all__, *testing.__all__, "Run", "resume"}
PUBLIC_FILES = ("errors", "hookspecs", "contracts", "evidence", "tracking")


def public_definitions(tree: ast.Module, *, all_of_it: bool) -> Iterator[ast.AST]:
    """Yield the public classes and functions of a module, and the public methods of the classes."""
    for node in tree.body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
            continue
        if not (all_of_it or node.name in PUBLIC):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            functions = (each for each in node.body if isinstance(each, ast.FunctionDef))
            yield from (each for each in functions if not each.name.startswith("_"))


def gaps(node: ast.AST) -> list[str]:
    """Return what the docstring of a function or a class does not say."""
    assert isinstance(node, (ast.ClassDef, ast.FunctionDef))
    read = read_docstring(ast.get_docstring(node) or "")
    if not read.summary:
        return ["a summary"]
    if isinstance(node, ast.ClassDef):
        return gaps_of_class(node, read)
    decorators = {ast.unparse(each) for each in node.decorator_list}
    if decorators & {"property", "cached_property"}:
        return []
    missing = unnamed(arguments_of(node), read, "Args")
    returns = ast.unparse(node.returns) if node.returns else "None"
    if "contextmanager" in decorators:
        returns = "None"
    if returns not in ("None", "NoReturn") and read.section("Returns", "Yields") is None:
        missing.append("Returns")
    return missing + unnamed(raised_by(node), read, "Raises")


def gaps_of_class(node: ast.ClassDef, read: Docstring) -> list[str]:
    """Return the fields, or the arguments of `__init__`, that a class does not describe."""
    if any("attrs." in ast.unparse(each) for each in node.decorator_list):
        fields = [each.target for each in node.body if isinstance(each, ast.AnnAssign)]
        return unnamed([ast.unparse(each) for each in fields], read, "Attributes")
    made_by = [
        each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"
    ]
    return unnamed([name for each in made_by for name in arguments_of(each)], read, "Args")


def arguments_of(node: ast.FunctionDef) -> list[str]:
    named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    named += [each for each in (node.args.vararg, node.args.kwarg) if each is not None]
    return [each.arg for each in named if each.arg not in ("self", "cls")]


def raised_by(node: ast.FunctionDef) -> list[str]:
    """Return the exceptions that the source of a function raises by name."""
    raised = [each.exc for each in ast.walk(node) if isinstance(each, ast.Raise) and each.exc]
    names = {ast.unparse(each.func if isinstance(each, ast.Call) else each) for each in raised}
    return sorted(name for name in names if name[:1].isupper())


def unnamed(names: list[str], read: Docstring, title: str) -> list[str]:
    section = read.section(title)
    described = set() if section is None else section.entries
    return [f"{title}: {name}" for name in names if name not in described]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_public_surface_is_documented_argument_by_argument(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    all_of_it = path.stem in PUBLIC_FILES
    found = {
        node.name: gaps(node)  # type: ignore[attr-defined]
        for node in public_definitions(tree, all_of_it=all_of_it)
    }
    assert {name: missing for name, missing in found.items() if missing} == {}


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("def f(): pass", ["a summary"]),
        ("def f(a, *, b=1):\n    '''Do.\n\n    Args:\n        a: it.\n    '''", ["Args: b"]),
        ("def f() -> int:\n    '''Do.'''", ["Returns"]),
        ("def f():\n    '''Do.'''\n    raise ValueError('no')", ["Raises: ValueError"]),
        ("@attrs.frozen\nclass F:\n    '''It.'''\n    a: int", ["Attributes: a"]),
        ("class F:\n    '''It.'''\n    def __init__(self, a): pass", ["Args: a"]),
    ],
)
def test_what_a_docstring_leaves_out_is_found(source: str, missing: list[str]) -> None:
    (node,) = ast.parse(source).body
    assert gaps(node) == missing
