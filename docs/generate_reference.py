"""Writes the reference from the code: commands, settings, components, contracts, checks, Python.

The only sources are help texts, declared options and docstrings. Public names are read from the
source with `ast`, so that modules which need TensorFlow are never imported. The pages are Markdown.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from read_docstring import as_markdown
from read_source import Definition, definitions_of, docstring_of

from textgen_core.components import Option, options_of
from textgen_core.config.settings import SECTIONS
from textgen_core.registry.discovery import discover
from textgen_core.registry.parsing import describe_type, plain_value
from textgen_core.registry.registry import CORE, KINDS, ONLY, Component
from textgen_core.testing.running import CHECKS

HELP_WIDTH = 92

SECTION_WORDS: Mapping[str, str] = {
    "tokenizer": "Tokenizers",
    "model": "Models",
    "sampler": "Samplers",
    "metric": "Metrics",
    "tracker": "Trackers",
}


# Public in the source, but of no use to a plugin.
OF_THE_CORE = ("OptionRules", "Option", "options_of")


def write_reference(folder: Path) -> None:
    """Write every generated page into a folder; a page that is the same is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, render in PAGES.items():
        path = folder / f"{name}.md"
        text = render()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


# ---- commands -------------------------------------------------------------------------------


def render_commands() -> str:
    """Return the page of every command's help."""
    parts = [
        "# Commands",
        "Each block is what `--help` prints. `python -m textgen_core` is the same program.",
    ]
    for words, text in command_helps():
        parts += [f"## `{words}`", _fenced(text, "text")]
    return _page(parts)


def command_helps() -> Iterator[tuple[str, str]]:
    """Yield each command with its help, in the order of `textgen --help`."""
    import typer

    from textgen_core.cli import app

    yield from _helps(typer.main.get_command(app), "textgen", None)


def _helps(command: Any, words: str, parent: Any) -> Iterator[tuple[str, str]]:
    context = command.make_context(
        words.rpartition(" ")[2],
        [],
        parent=parent,
        resilient_parsing=True,
        terminal_width=HELP_WIDTH,
        max_content_width=HELP_WIDTH,
    )
    yield words, command.get_help(context)
    for name, inner in getattr(command, "commands", {}).items():
        yield from _helps(inner, f"{words} {name}", context)


# ---- settings and components ----------------------------------------------------------------


def render_settings() -> str:
    """Return the page of the five sections of settings."""
    parts = [
        "# Settings",
        "Every setting of the five sections, with its default. Give one as "
        "`--set SECTION.KEY=VALUE`, in a [recipe or a configuration file]"
        "(../../guides/settings-and-recipes.md), or in Python as "
        '`settings={"section.key": value}`.',
    ]
    for name, section in SECTIONS.items():
        parts += [f"## {name}", inspect.getdoc(section) or "", *_options(section, f"{name}.")]
    return _page(parts)


def render_components() -> str:
    """Return the page of every bundled component."""
    parts = [
        "# Components",
        "The components that come with textgen, and their options. A component is asked for by a "
        "[spec](../../guides/settings-and-recipes.md#specs), such as `nucleus:p=0.9`; the first "
        "option may be given without its name, as in `nucleus:0.9`. What plugins add is shown by "
        "`textgen plugins show KIND/NAME`.",
    ]
    bundled = bundled_components()
    for kind in KINDS:
        parts.append(f"## {SECTION_WORDS[kind]}")
        for component in (each for each in bundled if each.kind == kind):
            parts += _component(component)
    return _page(parts)


def bundled_components() -> tuple[Component, ...]:
    """Return the components that textgen itself ships, whatever else is installed."""
    return discover({ONLY: CORE}).components


def _component(component: Component) -> Iterator[str]:
    yield f"### `{component.kind}/{component.name}`"
    yield inspect.getdoc(component.cls) or ""
    figures = getattr(component.cls, "figures", None)
    if isinstance(figures, Mapping):
        yield from _figures(figures)
    yield from _options(component.cls)


def _figures(figures: Mapping[str, Any]) -> Iterator[str]:
    words = {"higher": "higher is better", "lower": "lower is better", "neither": ""}
    for name, figure in figures.items():
        ends = ("" if end is None else f"{end:g}" for end in (figure.low, figure.high))
        limits = " to ".join(ends) if None not in (figure.low, figure.high) else ""
        about = "; ".join(part for part in (figure.help, words[figure.direction], limits) if part)
        yield f"- figure `{name}`: {about or 'a number'}"


def _options(cls: type, prefix: str = "") -> Iterator[str]:
    declared = options_of(cls)
    if not declared:
        yield "It has no options."
    for option in declared:
        yield _option(option, prefix)


def _option(option: Option, prefix: str) -> str:
    bounds = option.rules.describe()
    about = f"{describe_type(option.type)}{f' ({bounds})' if bounds else ''}"
    default = _shown(plain_value(option.default))
    return f"**`{prefix}{option.name}`**: {option.rules.help}.\\\n{about}; default {default}"


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(_shown, value)) or "none given"
    if isinstance(value, float):
        return f"{value:g}"
    return f"`{value}`" if str(value) else "empty"


# ---- from docstrings ------------------------------------------------------------------------


def render_contracts() -> str:
    """Return the page of what a plugin implements."""
    parts = ["# Hooks and contracts", docstring_of("textgen_core.components")]
    parts.append("A plugin imports all that it needs from `textgen_core` itself.")
    parts += ["## Hooks", docstring_of("textgen_core.hookspecs")]
    parts += _definitions("textgen_core.hookspecs", level=3)
    parts.append("## Contracts")
    for module in ("contracts", "evidence", "tracking", "options"):
        parts += _definitions(
            f"textgen_core.components.{module}", level=3, keep=lambda name: name not in OF_THE_CORE
        )
    return _page(parts)


def render_checks() -> str:
    """Return the page of the conformance kit's checks."""
    parts = [
        "# Checks of the conformance kit",
        docstring_of("textgen_core.testing"),
        "Each check is a case of the test that `conformance` returns, and the case has its id. The "
        "ids are stable: a known failure is declared by its id.",
    ]
    for title, kinds in _titles_of_checks().items():
        parts.append(f"## {title}")
        for check in CHECKS:
            if check.kinds == kinds:
                sentence = check.sentence.replace("<", r"\<")  # no HTML: <PAD> is a token
                parts.append(f"**`{check.id}`**: {sentence}")
    return _page(parts)


def _titles_of_checks() -> Mapping[str, tuple[str, ...]]:
    """Return a title for every group of kinds that some check is for."""
    return {"Every component": tuple(KINDS)} | {SECTION_WORDS[kind]: (kind,) for kind in KINDS}


def render_errors() -> str:
    """Return the page of errors and exit codes."""
    text = docstring_of("textgen_core.errors")
    before, tree, after = text.split("\n\n", 2)
    return _page(
        [
            "# Errors and exit codes",
            before,
            _fenced(inspect.cleandoc(tree), "text"),
            after,
            "The number is the exit code of the command; 0 means that all went well. `--debug` "
            "shows the full traceback of an error.",
        ]
    )


def render_python() -> str:
    """Return the page of the Python API."""
    parts = ["# Python", docstring_of("textgen_core")]
    wanted = {"run", "resume", "open_run"}
    parts += _definitions("textgen_core.pipeline.api", level=2, keep=wanted.__contains__)
    parts += _definitions("textgen_core.pipeline.comparing", level=2, keep="compare".__eq__)
    parts += _definitions("textgen_core.pipeline.comparison", level=2, keep="Comparison".__eq__)
    parts += _definitions("textgen_core.pipeline.search.tuning", level=2, keep="tune".__eq__)
    samplers = "textgen_core.pipeline.search.samplers"
    parts += _definitions(samplers, level=2, keep="tune_samplers".__eq__)
    parts += _definitions("textgen_core.pipeline.search.records", level=2, keep="Tuning".__eq__)
    parts += _definitions("textgen_core.runs.listing", level=2, keep="runs".__eq__)
    parts += _definitions("textgen_core.pipeline.opened_run", level=2, keep="Run".__eq__)
    parts += _definitions("textgen_core.runs.listing", level=2, keep="RunSummary".__eq__)
    return _page(parts)


def _definitions(
    module: str, *, level: int, keep: Callable[[str], bool] = lambda _: True
) -> Iterator[str]:
    for definition in definitions_of(module):
        if keep(definition.name):
            yield from _definition(definition, level)


def _definition(definition: Definition, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{definition.name}`"
    yield _fenced(definition.signature, "python")
    yield from as_markdown(definition.docstring)
    for inner in definition.members:
        yield from _definition(inner, level + 1)


# ---- Markdown -------------------------------------------------------------------------------


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "commands": render_commands,
    "settings": render_settings,
    "components": render_components,
    "contracts": render_contracts,
    "checks": render_checks,
    "errors": render_errors,
    "python": render_python,
}
