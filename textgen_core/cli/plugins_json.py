"""Components and plugins as JSON values: what `textgen plugins --json` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textgen_core.components import options_of

if TYPE_CHECKING:
    from textgen_core.registry import Component, Plugin, Registry

JSON_VERSION = 1  # raised when a key is removed or changes its meaning


def list_as_json(registry: Registry, kind: str | None) -> dict[str, Any]:
    """Return all components, or those of a kind, and all plugins."""
    return {
        "version": JSON_VERSION,
        "components": [
            component_as_json(each)
            for each in registry.components
            if kind is None or each.kind == kind
        ],
        "plugins": [plugin_as_json(each) for each in registry.plugins],
    }


def plugin_as_json(plugin: Plugin) -> dict[str, Any]:
    """Return an entry point and whether it could be used."""
    return {
        "distribution": plugin.distribution,
        "version": plugin.version,
        "entry_point": plugin.entry_point,
        "location": plugin.module,
        "path": plugin.path,
        "status": plugin.status,
        "error": plugin.error or None,
        "import_seconds": round(plugin.import_seconds, 6),
    }


def component_as_json(component: Component, *, with_options: bool = False) -> dict[str, Any]:
    """Return a component; `with_options` adds type, default, bounds and help of every option."""
    from textgen_core.registry.parsing import describe_type, plain_value

    described: dict[str, Any] = {
        "kind": component.kind,
        "name": component.name,
        "distribution": component.plugin.distribution,
        "version": component.plugin.version,
        "status": component.plugin.status,
        "summary": component.summary,
        "location": component.location,
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
