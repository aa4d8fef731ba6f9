"""`textgen recipes`: the bundled recipes."""

from __future__ import annotations

from typing import Any

from textgen_core.cli.options import Json
from textgen_core.cli.output import print_json, show_line


def recipes(as_json: Json = False) -> None:
    """List the recipes: named settings to start from with --recipe."""
    from textgen_core.config.fit import find_fitted
    from textgen_core.config.sources import DEFAULT_RECIPE, load_recipe, recipe_names

    found: list[dict[str, Any]] = [
        {
            "name": name,
            "summary": load_recipe(name).summary,
            "default": name == DEFAULT_RECIPE,
            "settings": load_recipe(name).table,
        }
        for name in recipe_names()
    ]
    if as_json:
        print_json(found)
        return
    width = max(map(len, recipe_names()))
    for recipe in found:
        mark = " (default)" if recipe["default"] else ""
        show_line(f"{recipe['name']:<{width}}  {recipe['summary']}{mark}")
        for model, chosen in find_fitted(recipe["settings"]).items():
            by = f"By the passes through the text, for {model}: {', '.join(chosen)}."
            show_line(f"{'':<{width}}  {by}")
