"""Checks of every component: it registers, says what it is, and costs nothing to list."""

from __future__ import annotations

import inspect

from textgen_core.registry.registry import KINDS
from textgen_core.registry.validation import UnusablePluginError, check_class, check_component
from textgen_core.testing.check import ConformanceFault, check, require
from textgen_core.testing.fresh_process import NOT_FOUND, run_fresh
from textgen_core.testing.subject import Subject

HEAVY = ("tensorflow", "keras", "tokenizers", "numpy")
_NEW_IMPORTS = "import sys; found = [each for each in given if each in {*sys.modules} - before]"


@check("component.registers", *KINDS)
def registers(subject: Subject) -> None:
    """Discovery accepts it: a frozen class, its contract's methods, options that can be read."""
    component = subject.component
    try:
        if subject.is_registered:
            check_component(component.kind, component.name, component.cls)
        else:
            check_class(component.kind, component.name, component.cls)
    except UnusablePluginError as error:
        raise ConformanceFault(str(error)) from error
    subject.cls()  # with the default of every option


@check("component.summary", *KINDS)
def has_summary(subject: Subject) -> None:
    """Its own docstring begins with a line that says what it is."""
    require(subject.component.summary, f"{subject.cls.__name__} has no docstring of its own.")
    lines = inspect.cleandoc(subject.cls.__doc__ or "").splitlines()
    require(
        len(lines) == 1 or not lines[1].strip(),
        f"The summary goes on after its first line, which is all that is shown: {lines[0]!r}",
    )


@check("import.light", *KINDS)
def imports_light(subject: Subject) -> str | None:
    """Importing its module imports none of tensorflow, keras, tokenizers, numpy."""
    imported = run_fresh(subject.cls, _NEW_IMPORTS, HEAVY)
    if imported is None:
        return NOT_FOUND
    module = subject.cls.__module__
    require(not imported, f"Importing {module} imports {', '.join(imported)}.")
    return None
