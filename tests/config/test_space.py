"""Spaces: what specs and settings with ranges let a search choose from."""

from __future__ import annotations

from textgen_core.config.resolve import configure
from textgen_core.config.space_reading import read_space
from textgen_core.registry.discovery import discover

CORPUS = {"corpus": ["book.txt"]}


def space_of(**given):
    return read_space(discover(), arguments=CORPUS, **given)


def varied(space):
    return {each.key: str(each) for each in space.dimensions}


def dimension(key, **given):
    return next(each for each in space_of(**given).dimensions if each.key == key)


def test_ranges_and_lists_become_dimensions_and_the_rest_is_fixed():
    space = space_of(
        models="lstm:units=128..1024,layers=1,2,dropout=0..0.5,tie=true",
        settings=["training.learning_rate=0.001..0.02", "training.batch_size=16"],
    )
    assert varied(space) == {
        "model.lstm.units": "128..1024",
        "model.lstm.layers": "1, 2",
        "model.lstm.dropout": "0..0.5",
        "training.learning_rate": "0.001..0.02",
    }
    values = {
        "model.lstm.units": 200,
        "model.lstm.layers": 2,
        "model.lstm.dropout": 0.1,
        "training.learning_rate": 0.01,
    }
    arguments, settings = space.arguments(values)
    configured = configure({**CORPUS, **arguments}, discover(), settings=settings)
    assert configured.model.label.startswith("lstm:units=200,layers=2,dropout=0.1,tie=true")
    assert (configured.training.learning_rate, configured.training.batch_size) == (0.01, 16)
