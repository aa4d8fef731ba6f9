"""`textgen plugins`: the installed components, who provides them, and their options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import attrs
import typer

from textgen_core.cli.completing import complete_kind
from textgen_core.cli.options import (
    JSON_VERSION,
    Json,
    ReferenceArgument,
    discover_plugins,
    find_component,
)
from textgen_core.cli.output import print_json, show_line, warn
from textgen_core.cli.plugins_check import check
from textgen_core.cli.plugins_new import new
from textgen_core.cli.unknown_command import Group
from textgen_core.components import options_of
from textgen_core.errors import UsageError

if TYPE_CHECKING:
    from textgen_core.registry import Component, Plugin, Registry

COLUMNS = ("name", "provider", "version", "status", "summary")

app = typer.Typer(
    cls=Group,
    help="List the components and their plugins, show one, check one, or start one.",
    rich_markup_mode=None,
)

Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="Only tokenizer, model, sampler, metric, tracker.",
        autocompletion=complete_kind,
    ),
]
Timings = Annotated[
    bool, typer.Option("--timings", help="Show how long each plugin took to import.")
]


@app.callback(invoke_without_command=True)
def _default(
    context: typer.Context, kind: Kind = None, timings: Timings = False, as_json: Json = False
) -> None:
    if context.invoked_subcommand is None:
        list_components(kind, timings, as_json)
    elif kind or timings or as_json:
        raise UsageError(
            f"An option is given before {context.invoked_subcommand!r}, which ignores it.",
            f"Allowed: textgen plugins {context.invoked_subcommand} with its options after it.",
        )


@app.command("list")
def list_components(kind: Kind = None, timings: Timings = False, as_json: Json = False) -> None:
    """List every component with its provider, and the plugins that failed."""
    from textgen_core.registry import KINDS, discover

    if kind is not None and kind not in KINDS:
        raise UsageError(f"--kind cannot be {kind!r}.", f"Allowed: {', '.join(KINDS)}.")
    registry = discover()
    for text in registry.warnings + registry.delays:
        warn(text)
    if as_json:
        components = [each for each in registry.components if kind in (None, each.kind)]
        print_json(
            {
                "version": JSON_VERSION,
                "components": [_component_as_json(each) for each in components],
                "plugins": [_plugin_as_json(each) for each in registry.plugins],
            }
        )
        return
    _show_components(registry, [kind] if kind else list(KINDS))
    for plugin in registry.not_loaded:
        cause = f": {plugin.error}" if plugin.error else ""
        show_line(f"{plugin.status}: {plugin.who}{cause}")
        if plugin.status == "failed":
            show_line(f"  {plugin.how_to_disable}")
    if timings:
        _show_timings(registry)


@app.command("show")
def show(reference: ReferenceArgument, as_json: Json = False) -> None:
    """Show a component: its provider, and every option with type, default and bounds."""
    from textgen_core.registry.parsing import describe_type, plain_value

    component = find_component(reference)
    options = [
        {
            "name": option.name,
            "type": describe_type(option.type),
            "default": plain_value(option.default),
            "bounds": option.rules.describe(),
            "help": option.rules.help,
        }
        for option in options_of(component.cls)
    ]
    if as_json:
        print_json({**_component_as_json(component), "options": options})
        return
    show_line(f"{component.kind}/{component.name}: {component.summary}")
    show_line(f"from {component.provider}")
    for option in options:
        bounds = f" ({option['bounds']})" if option["bounds"] else ""
        show_line(f"\n  {option['name']}: {option['type']}{bounds}, default {option['default']}")
        show_line(f"      {option['help']}")


@app.command("why")
def why(reference: ReferenceArgument, as_json: Json = False) -> None:
    """Say which component a name means: every candidate, the winner and the rule."""
    from textgen_core.registry.registry import parse_reference

    kind, name = parse_reference(reference)
    registry = discover_plugins()
    winner, rule = registry.decide(kind, name)
    candidates = registry.candidates(kind, name)
    if not candidates:
        registry.find(kind, name, place="REF")  # raises, with the nearest name
    if as_json:
        print_json(
            {
                "version": JSON_VERSION,
                "reference": reference,
                "winner": None if winner is None else _component_as_json(winner),
                "rule": rule,
                "candidates": [_component_as_json(each) for each in candidates],
                "not_loaded": [_plugin_as_json(each) for each in registry.not_loaded],
            }
        )
        return
    meant = "nothing" if winner is None else f"{kind}/{winner.qualified_name}"
    show_line(f"{kind}/{name} means {meant}: {rule}.\n")
    for each in candidates:
        mark = "*" if each is winner else " "
        show_line(f"  {mark} {kind}/{each.qualified_name}")
        show_line(f"      {each.plugin.who}, {each.location}")
    for plugin in registry.not_loaded:
        show_line(f"\nNot loaded: {plugin.who}, {plugin.status}")


app.command("check")(check)
app.command("new")(new)


def _show_components(registry: Registry, kinds: list[str]) -> None:
    """Print a table by kind; all kinds share their columns' widths."""
    rows = {
        kind: [
            (name, each.plugin.distribution, each.plugin.version, each.plugin.status, each.summary)
            for name, each in registry.by_name(kind).items()
        ]
        for kind in kinds
    }
    every = [COLUMNS, *(row for group in rows.values() for row in group)]
    widths = [max(len(row[column]) for row in every) for column in range(len(COLUMNS) - 1)]
    show_line(f"  {_in_columns(COLUMNS, widths)}", "dim")
    for kind, group in rows.items():
        if group:
            show_line(f"{kind}s", "bold")
        for row in group:
            show_line(f"  {_in_columns(row, widths)}")


def _in_columns(row: tuple[str, ...], widths: list[int]) -> str:
    padded = [f"{text:<{width}}" for text, width in zip(row, widths)]
    return "  ".join([*padded, row[-1]])


def _show_timings(registry: Registry) -> None:
    """Print the plugins that were imported, the slowest first."""
    asked = [each for each in registry.plugins if each.import_seconds]
    show_line("imports", "bold")
    for plugin in sorted(asked, key=lambda each: -each.import_seconds):
        show_line(f"  {plugin.import_seconds:7.3f} s  {plugin.who}")
    show_line(f"  {sum(each.import_seconds for each in asked):7.3f} s  in all")


def _plugin_as_json(plugin: Plugin) -> dict[str, Any]:
    return {
        **attrs.asdict(plugin, filter=attrs.filters.exclude("module")),
        "location": plugin.module,
        "error": plugin.error or None,
        "import_seconds": round(plugin.import_seconds, 6),
    }


def _component_as_json(component: Component) -> dict[str, Any]:
    return {
        "kind": component.kind,
        "name": component.name,
        "distribution": component.plugin.distribution,
        "version": component.plugin.version,
        "status": component.plugin.status,
        "summary": component.summary,
        "location": component.location,
    }
