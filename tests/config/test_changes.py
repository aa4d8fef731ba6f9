"""What a run has otherwise than its recipe."""

from __future__ import annotations

from typing import Any

from textgen_core.config.changes import changes_from_recipe
from textgen_core.config.resolve import configure
from textgen_core.registry import discover


def changes_of(recipe: str = "fast", **given: Any) -> dict[str, tuple[Any, Any]]:
    registry = discover()
    settings = given.pop("settings", ())
    configuration = configure(given, registry, recipe=recipe, settings=settings)
    rows = changes_from_recipe(configuration, registry)
    return {row["setting"]: (row["value"], row["recipe"]) for row in rows}


def test_a_recipe_as_it_is_has_no_changes() -> None:
    assert changes_of() == {}
    assert changes_of("classic", corpus=["a.txt"]) == {}


def test_what_was_given_stands_beside_what_the_recipe_has() -> None:
    found = changes_of(
        minutes=1.0, model="transformer:layers=6", settings=["training.warm_up=0.1"], seed=7
    )
    assert found["training.minutes"] == (1.0, 3.0)
    assert found["training.warm_up"] == (0.1, 0.03)
    assert found["model.layers"][0] == 6
    assert found["seed"][0] == 7
    assert len(found) == 4


def test_another_model_is_compared_with_what_the_recipe_has_for_it() -> None:
    found = changes_of(model="lstm:layers=2")
    assert found == {"model.name": ("lstm", "transformer"), "model.layers": (2, 1)}


def test_a_setting_that_the_recipe_has_not_has_none_beside_it() -> None:
    found = changes_of(tokenizer="character", sampler="temperature:0.5")
    assert found["tokenizer.name"] == ("character", "bpe")
    assert found["samplers"][1] == [{"name": "nucleus", "p": 0.9}]


def test_without_a_recipe_nothing_is_compared() -> None:
    assert changes_of("none", tokenizer="character", model="lstm") == {}
