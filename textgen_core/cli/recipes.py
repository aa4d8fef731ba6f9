"""`textgen recipes`: the bundled recipes."""

from __future__ import annotations

import typer

from textgen_core.cli.options import Json, print_json


def recipes(as_json: Json = False) -> None:
    """List the recipes: named settings to start from with --recipe."""
    from textgen_core.config.sources import DEFAULT_RECIPE, load_recipe, recipe_names

    found = [load_recipe(name) for name in recipe_names()]
    if as_json:
        print_json(
            [
                {
                    "name": recipe.name,
                    "summary": recipe.summary,
                    "default": recipe.name == DEFAULT_RECIPE,
                    "settings": recipe.layer.table,
                }
                for recipe in found
            ]
        )
        return
    width = max(len(recipe.name) for recipe in found)
    for recipe in found:
        mark = " (default)" if recipe.name == DEFAULT_RECIPE else ""
        typer.echo(f"{recipe.name:<{width}}  {recipe.summary}{mark}")
