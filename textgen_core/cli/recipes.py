"""`textgen recipes`: the bundled recipes."""

from __future__ import annotations

from textgen_core.cli.options import Json
from textgen_core.cli.output import print_json, show_line


def recipes(as_json: Json = False) -> None:
    """List the recipes: named settings to start from with --recipe."""
    from textgen_core.config.sources import DEFAULT_RECIPE, load_recipe, recipe_names

    found = [
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
