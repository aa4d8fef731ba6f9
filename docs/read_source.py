"""Reads public names, signatures and docstrings from source text, without importing it.

This module knows nothing about textgen but where a module's file is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Definition:
    """A public class or function: its name, signature, docstring, and a class's public members."""

    name: str
    signature: str
    docstring: str
    members: tuple[Definition, ...] = ()


def docstring_of(module: str) -> str:
    """Return a module's docstring."""
    return ast.get_docstring(_parsed(module)) or ""


def definitions_of(module: str) -> Iterator[Definition]:
    """Yield the public classes and functions that have a docstring, in the source's order."""
    yield from _definitions(_parsed(module).body)


def _parsed(module: str) -> ast.Module:
    found = find_spec(module)
    if found is None or found.origin is None:
        raise ImportError(f"there is no module {module}")
    return ast.parse(Path(found.origin).read_text(encoding="utf-8"))


def _definitions(body: Iterable[ast.stmt]) -> Iterator[Definition]:
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
            continue
        docstring = ast.get_docstring(node)
        if docstring is None:
            continue
        members = tuple(_definitions(node.body)) if isinstance(node, ast.ClassDef) else ()
        yield Definition(node.name, _signature(node), docstring, members)


def _signature(node: ast.ClassDef | ast.FunctionDef) -> str:
    """Return the statement without its body; a class's keeps its annotated fields."""
    decorators = [f"@{ast.unparse(each)}\n" for each in node.decorator_list]
    if isinstance(node, ast.FunctionDef):
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        arguments = _spaced(ast.unparse(node.args))
        line = f"def {node.name}({arguments}){returns}"
        if len(line) > 92:
            line = f"def {node.name}(\n{_one_a_line(arguments)}){returns}"
        return "".join(decorators) + line
    bases = ", ".join(ast.unparse(each) for each in node.bases)
    head = f"class {node.name}" + (f"({bases})" if bases else "")
    fields = [f"    {ast.unparse(each)}" for each in node.body if isinstance(each, ast.AnnAssign)]
    return "".join(decorators) + "\n".join([head + (":" if fields else ""), *fields])


def _spaced(arguments: str) -> str:
    """Return arguments with spaces around the `=` of defaults, as annotated ones have them."""
    return re.sub(r"(?<=[\w\]])=(?=\S)", " = ", arguments)


def _one_a_line(arguments: str) -> str:
    """Return arguments over several lines, cut at the commas outside brackets."""
    depth, lines, start = 0, [], 0
    for position, character in enumerate(arguments):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            lines.append(arguments[start:position].strip())
            start = position + 1
    lines.append(arguments[start:].strip())
    return "".join(f"    {line},\n" for line in lines)
