"""The public surface in lines: what a plugin or a notebook may rely on, as the code has it now.

    python tests/public_surface.py > tests/public_surface.txt

writes the record again, once a change is meant: it is in the changelog, and a name that goes was
deprecated for one minor version.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import attrs

import textgen_core
import textgen_core.testing
from textgen_core import hookspecs
from textgen_core.pipeline.opened_run import Run


def surface_lines() -> Iterator[str]:
    """Yield a line for each public name, field, method and hook, with its arguments."""
    for name in sorted(textgen_core.__all__):
        yield from _lines(name, getattr(textgen_core, name))
    for cls in (Run,):  # what the exported names hand out
        yield from _lines(cls.__name__, cls)
    for name in sorted(textgen_core.testing.__all__):
        yield from _lines(f"testing.{name}", getattr(textgen_core.testing, name))
    for name, value in sorted(vars(hookspecs).items()):
        if name.startswith("textgen_"):
            yield f"hook {name}{_arguments(value)}"


def _lines(name: str, value: Any) -> Iterator[str]:
    if not inspect.isclass(value):
        yield f"{name}{_arguments(value)}" if inspect.isfunction(value) else name
        return
    bases = ", ".join(each.__name__ for each in value.__bases__ if each is not object)
    yield f"class {name}({bases})"
    if attrs.has(value):
        yield from (f"{name}.{field.name}" for field in attrs.fields(value))
    elif "__init__" in vars(value):
        yield f"{name}{_arguments(value)}"
    for attribute, member in sorted(vars(value).items()):
        if attribute.startswith("_"):
            continue
        if isinstance(member, staticmethod):
            member = member.__func__
        if inspect.isfunction(member):
            yield f"{name}.{attribute}{_arguments(member)}"
        elif isinstance(member, property):
            yield f"{name}.{attribute}"


def _arguments(function: Any) -> str:
    """Return the names of the arguments; a default is shown as `=`: it may be omitted."""
    shown = []
    for each in inspect.signature(function).parameters.values():
        star = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        optional = "" if each.default is each.empty else "="
        by_name = " by name" if each.kind == each.KEYWORD_ONLY else ""
        shown.append(f"{star}{each.name}{optional}{by_name}")
    return f"({', '.join(shown)})"


if __name__ == "__main__":
    print("\n".join(surface_lines()))
