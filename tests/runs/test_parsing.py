"""The text of a run's file becomes values, or is refused before it costs much."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest
import tomli_w

from textgen_core.runs.parsing import parse_json, parse_row, parse_toml

REFUSED_JSON = {
    "a key twice": ('{"a": 1, "a": 2}', "twice"),
    "too deep": ("[" * 60 + "]" * 60, "too deeply"),
    "too many values": ("[" + "[]," * 1_600_000 + "0]", "too many values"),
    "a number of many digits": ("1" * 5_000, "digits"),
}
REFUSED_TOML = {
    "a key of many parts": ("a" + ".a" * 50_000 + " = 1", "too many parts"),
    "a key of many parts with spaces": ("a" + ' . "b"' * 50_000 + " = 1", "too many parts"),
    "a number of many digits": ("a = " + "1" * 5_000, "digits"),
    "a table of many parts": ("[a" + ".a" * 50_000 + "]", "too many parts"),
}


@pytest.mark.parametrize("name", REFUSED_JSON)
def test_json_that_no_run_writes_is_refused(name: str) -> None:
    text, reason = REFUSED_JSON[name]
    with pytest.raises(ValueError, match=reason):
        parse_json(text)


@pytest.mark.parametrize("name", REFUSED_TOML)
def test_toml_that_no_run_writes_is_refused_at_once(name: str) -> None:
    text, reason = REFUSED_TOML[name]
    began = time.perf_counter()
    with pytest.raises(ValueError, match=reason):
        parse_toml(text)
    assert time.perf_counter() - began < 5


def test_a_long_text_in_toml_costs_little_memory() -> None:
    tracemalloc.start()
    prompt = 'mill \\"' * 40_000
    assert parse_toml(f'prompt = "{prompt}"')["prompt"].startswith('mill "')
    assert tracemalloc.get_traced_memory()[1] < 30 * len(prompt)
    tracemalloc.stop()


def test_toml_keeps_every_text_whatever_it_has_of_dots_and_quotes() -> None:
    prompts = [
        "." * 100,
        ". " * 100,
        'it\'s "so" . . .' + "." * 60,
        "\\" + "." * 60,
        "'" + "." * 60,
    ]
    table = {"corpus": {"files": prompts}}
    assert parse_toml("\ufeff" + tomli_w.dumps(table)) == table


@pytest.mark.parametrize("value", [3, None, "text", [], {}, [{"a": [1.5]}]])
def test_what_is_json_is_read_as_it_is(value: object) -> None:
    assert parse_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    "row",
    [
        {"step": 1, "loss": "2.5"},
        {"step": 1, "loss": [2.5]},
        {"step": 1, "loss": True},
        {"step": -1},
        {"step": 1.5},
        {"step": "1"},
        {"step": None, "loss": 2.5},
        {"validation_loss": 2.5},
        {"step": 10**200, "loss": 2.5},
        [],
    ],
    ids=str,
)
def test_a_row_with_something_else_in_the_place_of_a_number_is_refused(row: object) -> None:
    with pytest.raises(ValueError, match=r"number|object"):
        parse_row(json.dumps(row).encode(), 1)


def test_a_row_has_null_where_its_number_cannot_be() -> None:
    line = b'{"step": 1, "loss": NaN, "learning_rate": 1e300, "seconds": 1e999, "text": "a"}'
    expected = {"step": 1, "loss": None, "learning_rate": None, "seconds": None, "text": "a"}
    assert parse_row(line, 1) == expected
