"""What a source imports, calls and names, read from its syntax; nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import attrs

CORE = "textgen_core"


@attrs.frozen(kw_only=True)
class Import:
    """One imported module: `import a.b`, or `from a.b import name`."""

    module: str
    name: str = ""
    line: int
    at_module_level: bool
    for_types_only: bool

    @property
    def package(self) -> str:
        """The first part of the module's name."""
        return self.module.partition(".")[0]


def sources(folder: Path) -> list[Path]:
    """Return the Python files under a folder, in a stable order."""
    return sorted(folder.rglob("*.py"))


def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(tree: ast.Module) -> Iterator[Import]:
    """Yield every import, with where it stands: it costs time at module level only."""
    yield from _imports(tree, at_module_level=True, for_types_only=False)


def _imports(node: ast.AST, *, at_module_level: bool, for_types_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        inside = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        level = at_module_level and not inside
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(
                    module=alias.name,
                    line=child.lineno,
                    at_module_level=level,
                    for_types_only=for_types_only,
                )
        elif isinstance(child, ast.ImportFrom):
            module = "." * child.level + (child.module or "")
            for alias in child.names:
                yield Import(
                    module=module,
                    name=alias.name,
                    line=child.lineno,
                    at_module_level=level,
                    for_types_only=for_types_only,
                )
        elif isinstance(child, ast.If) and _is_type_checking(child.test):
            body = ast.Module(body=child.body, type_ignores=[])
            rest = ast.Module(body=child.orelse, type_ignores=[])
            yield from _imports(body, at_module_level=level, for_types_only=True)
            yield from _imports(rest, at_module_level=level, for_types_only=for_types_only)
        else:
            yield from _imports(child, at_module_level=level, for_types_only=for_types_only)


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def calls(tree: ast.Module) -> Iterator[str]:
    """Yield the dotted name of every function that is called: `eval`, `keras.models.load_model`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def names_and_texts(tree: ast.Module) -> Iterator[str]:
    """Yield every name, attribute and text of the code; comments and docstrings are none."""
    docstrings = set(_docstrings(tree))  # by identity: the same text may stand in code too
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield str(node.value)
    for each in imports(tree):
        yield each.module


def _docstrings(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield id(first.value)
