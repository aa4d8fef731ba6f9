"""`textgen plugins`: what is installed, who provides it, and what can be set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen_core.cli.options import Json, print_json
from textgen_core.cli.plugins_new import new

if TYPE_CHECKING:
    from textgen_core.registry import Component, Registry

JSON_VERSION = 1

app = typer.Typer(help="List the components and their plugins, or show one.", rich_markup_mode=None)
app.command("new")(new)

Kind = Annotated[
    str | None,
    typer.Option("--kind", metavar="KIND", help="Only tokenizer, model, sampler, metric, tracker."),
]


@app.callback(invoke_without_command=True)
def _default(context: typer.Context, kind: Kind = None, as_json: Json = False) -> None:
    if context.invoked_subcommand is None:
        list_components(kind, as_json)


@app.command("list")
def list_components(kind: Kind = None, as_json: Json = False) -> None:
    """List every component with its provider, and the plugins that failed."""
    from textgen_core.cli.options import warn
    from textgen_core.discovery import discover
    from textgen_core.errors import UsageError
    from textgen_core.registry import KINDS

    if kind is not None and kind not in KINDS:
        raise UsageError(f"--kind cannot be {kind!r}.", f"Allowed: {', '.join(KINDS)}.")
    registry = discover()
    for text in registry.warnings:
        warn(text)
    if as_json:
        print_json(_list_as_json(registry, kind))
    else:
        _show_list(registry, kind)


@app.command("show")
def show(
    reference: Annotated[
        str, typer.Argument(metavar="REF", help="KIND/NAME or KIND/DISTRIBUTION/NAME.")
    ],
    as_json: Json = False,
) -> None:
    """Show a component: its provider, and every option with type, default and bounds."""
    from textgen_core.discovery import discover

    component = find_reference(discover(), reference)
    if as_json:
        print_json(_component_as_json(component, with_options=True))
        return
    typer.echo(f"{component.kind}/{component.name}: {component.summary}")
    typer.echo(f"from {component.plugin.distribution} {component.plugin.version}")
    for option in _component_as_json(component, with_options=True)["options"]:
        bounds = f" ({option['bounds']})" if option["bounds"] else ""
        typer.echo(f"\n  {option['name']}: {option['type']}{bounds}, default {option['default']}")
        typer.echo(f"      {option['help']}")


def find_reference(registry: Registry, reference: str) -> Component:
    """Return the component of KIND/NAME or KIND/DISTRIBUTION/NAME; raises UsageError."""
    from textgen_core.errors import UsageError
    from textgen_core.registry import KINDS

    kind, slash, name = reference.partition("/")
    if not slash or kind not in KINDS:
        raise UsageError(
            f"{reference!r} is no reference to a component.",
            f"Allowed: KIND/NAME or KIND/DISTRIBUTION/NAME, with a kind of {', '.join(KINDS)}.",
            "See: textgen plugins list",
        )
    return registry.find(kind, name, place="REF")


def _show_list(registry: Registry, kind: str | None) -> None:
    from textgen_core.registry import KINDS

    for each in KINDS if kind is None else (kind,):
        components = registry.of_kind(each)
        if not components:
            continue
        typer.secho(f"{each}s", bold=True)
        names = registry.names(each)
        width = max(len(name) for name in names)
        for name, component in zip(names, components, strict=True):
            provider = f"{component.plugin.distribution} {component.plugin.version}"
            typer.echo(f"  {name:<{width}}  {provider:<20}  {component.summary}")
    for plugin in registry.plugins:
        if plugin.status != "ok":
            cause = f": {plugin.error}" if plugin.error else ""
            typer.echo(
                f"{plugin.status}: {plugin.distribution} {plugin.version} "
                f"({plugin.entry_point}){cause}"
            )


def _list_as_json(registry: Registry, kind: str | None) -> dict[str, Any]:
    return {
        "version": JSON_VERSION,
        "components": [
            _component_as_json(each)
            for each in registry.components
            if kind is None or each.kind == kind
        ],
        "plugins": [
            {
                "distribution": plugin.distribution,
                "version": plugin.version,
                "entry_point": plugin.entry_point,
                "location": plugin.module,
                "status": plugin.status,
                "error": plugin.error or None,
                "import_seconds": round(plugin.import_seconds, 6),
            }
            for plugin in registry.plugins
        ],
    }


def _component_as_json(component: Component, *, with_options: bool = False) -> dict[str, Any]:
    from textgen_core.components import options_of
    from textgen_core.values import describe_type, plain_value

    described: dict[str, Any] = {
        "kind": component.kind,
        "name": component.name,
        "distribution": component.plugin.distribution,
        "version": component.plugin.version,
        "status": component.plugin.status,
        "summary": component.summary,
        "location": f"{component.cls.__module__}:{component.cls.__qualname__}",
    }
    if with_options:
        described["options"] = [
            {
                "name": option.name,
                "type": describe_type(option.type),
                "default": plain_value(option.default),
                "bounds": option.rules.describe(),
                "help": option.rules.help,
            }
            for option in options_of(component.cls)
        ]
    return described
