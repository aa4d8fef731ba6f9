"""Texts and plain values become the declared type, or are refused with what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.components import Option, OptionRules
from textgen_core.errors import ComponentError
from textgen_core.registry.parsing import (
    BadValue,
    SpecText,
    convert,
    describe_type,
    listed_values,
    plain_value,
    split_list,
    unknown_name,
)
from textgen_core.registry.specs import check_options

FREE = OptionRules(help="")


@pytest.mark.parametrize(
    ("value", "declared", "expected"),
    [
        ("true", bool, True),
        ("False", bool, False),
        (True, bool, True),
        ("3", int, 3),
        (-3, int, -3),
        (np.int64(3), int, 3),
        ("0.5", float, 0.5),
        ("1e-3", float, 0.001),
        (1, float, 1.0),
        (np.float32(0.5), float, 0.5),
        ("as it stands ", str, "as it stands "),
        ("", str, ""),
        ("true", str, "true"),
        ("none", str, "none"),
        ("a/b", Path, Path("a/b")),
        (Path("a"), Path, Path("a")),
        ("none", int | None, None),
        ("None", float | None, None),
        (None, Path | None, None),
        ("3", int | None, 3),
        ("1.5", int | float, 1.5),
        ("gru", Literal["lstm", "gru"], "gru"),
        (" gru ", Literal["lstm", "gru"], "gru"),
        ("2", Literal[1, 2], 2),
        (2, Literal[1, 2], 2),
        ("none", Literal["auto", None], None),  # noqa: PYI061 - as an author may write it
        ("true", Literal["auto", True], True),
        ("False", Literal["auto", False], False),
        ("256,128", tuple[int, ...], (256, 128)),
        ("256", tuple[int, ...], (256,)),
        ([256, 128], tuple[int, ...], (256, 128)),
        (256, tuple[int, ...], (256,)),
        ("", tuple[int, ...], ()),
        ("1, 2", tuple[int, float], (1, 2.0)),
        ("80,10,10", tuple[float, ...], (80.0, 10.0, 10.0)),
        ("'a,b',c", tuple[str, ...], ("a,b", "c")),
        ("none", tuple[int, ...] | None, None),
        ("1,none", tuple[int | None, ...], (1, None)),
    ],
)
def test_a_value_becomes_the_declared_type(value: Any, declared: Any, expected: Any) -> None:
    converted = convert(value, declared, FREE)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "declared"),
    [
        ("yes", bool),
        (1, bool),
        ("", bool),
        ("3.0", int),
        (3.0, int),
        (True, int),
        ("three", int),
        (None, int),
        ("none", int),
        (np.array([1, 2]), int),
        ("nan", float),
        ("inf", float),
        ("-Infinity", float),
        (float("nan"), float),
        (float("inf"), float | None),
        (10**400, float),
        ("1e999", float),
        (True, float),
        ("", float),
        ([0.5], float),
        (5, str),
        (None, str),
        (["a"], str),
        ("", Path),
        (5, Path),
        ("", Path | None),
        ("rnn", Literal["lstm", "gru"]),
        ("LSTM", Literal["lstm", "gru"]),
        (True, Literal[1, 2]),
        (np.array([1, 2]), Literal[1, 2]),
        ("1,x", tuple[int, ...]),
        ("1,,2", tuple[int, ...]),
        ("1,2,3", tuple[int, int]),
        ([[1]], tuple[int, ...]),
        ({"a": 1}, int),
    ],
)
def test_a_value_of_another_type_is_refused(value: Any, declared: Any) -> None:
    with pytest.raises(BadValue):
        convert(value, declared, FREE)


@pytest.mark.parametrize(
    ("rules", "allowed", "refused"),
    [
        (OptionRules(help="", at_least=0, at_most=1), ["0", "1"], ["-0.001", "1.001"]),
        (OptionRules(help="", above=0, below=1), ["0.001", "0.999"], ["0", "1"]),
    ],
)
def test_bounds_hold_at_the_bound_itself(
    rules: OptionRules, allowed: list[str], refused: list[str]
) -> None:
    for text in allowed:
        assert convert(text, float, rules) == float(text)
    for text in refused:
        with pytest.raises(BadValue):
            convert(text, float, rules)


def test_bounds_hold_for_every_item_of_a_list() -> None:
    with pytest.raises(BadValue):
        convert("4,0,4", tuple[int, ...], OptionRules(help="", at_least=1))


def test_bounds_do_not_hold_for_none() -> None:
    assert convert("none", int | None, OptionRules(help="", at_least=1)) is None


def test_choices_hold_for_text_and_numbers() -> None:
    rules = OptionRules(help="", choices=(32, 64))
    assert convert("64", int, rules) == 64
    with pytest.raises(BadValue, match="one of 32, 64"):
        convert("48", int, rules)


def test_a_value_of_the_wrong_type_is_told_the_bounds_too() -> None:
    with pytest.raises(BadValue) as caught:
        convert("much", float, OptionRules(help="", above=0, at_most=1))
    assert caught.value.allowed == "a number, above 0, at most 1"


def test_a_type_that_no_option_may_have_is_a_mistake_of_the_class() -> None:
    with pytest.raises(TypeError, match="cannot be of type"):
        convert("a", dict, FREE)


def test_quotes_around_a_text_are_dropped_in_a_spec_and_stand_elsewhere() -> None:
    assert convert(SpecText("'a, b=c'"), str, FREE) == "a, b=c"
    assert convert("'tis so'", str, FREE) == "'tis so'"
    assert convert("'quoted'", str, FREE) == "'quoted'"


def test_a_converted_text_is_a_plain_string() -> None:
    assert type(convert(SpecText("a"), str, FREE)) is str


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("", []),
        ("  ", []),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        ("a,,b", ["a", "", "b"]),
        ("'a,b'", ["a,b"]),
        ("'a,b','c'", ["a,b", "c"]),
        ("''", [""]),
        ("'tis,so", ["'tis", "so"]),
        ("it's,that's", ["it's", "that's"]),
    ],
)
def test_a_list_is_split_at_commas_outside_quotes(text: str, items: list[str]) -> None:
    assert split_list(text) == items


@given(
    st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.lists(st.text()), st.binary())
)
@pytest.mark.parametrize(
    "declared", [bool, int, float, str, Path, Literal["a", 1], tuple[int, ...], float | None]
)
def test_any_value_is_converted_or_refused_in_words(declared: Any, value: Any) -> None:
    try:
        convert(value, declared, OptionRules(help="", at_least=0))
    except BadValue as bad:
        assert bad.allowed


def _option(name: str, declared: Any) -> Option:
    return Option(name=name, type=declared, default=None, rules=FREE)


def test_the_options_are_converted_by_their_names() -> None:
    declared = [_option("units", int), _option("rate", float)]
    assert check_options(declared, {"rate": "0.5"}, owner="net", place="here") == {"rate": 0.5}


def test_every_fault_of_the_options_is_reported() -> None:
    with pytest.raises(ComponentError) as caught:
        check_options(
            [_option("units", int), _option("rate", float)],
            {"units": "many", "rate": "0.5", "rat": 1},
            owner="net",
            place="--model",
        )
    assert [fault.problem for fault in caught.value.parts] == [
        "net: units cannot be 'many' (--model).",
        "Unknown option of net: 'rat' (--model). Did you mean 'rate'?",
    ]


def test_a_long_value_is_cut_in_the_message() -> None:
    with pytest.raises(ComponentError) as caught:
        check_options(
            [_option("units", int)], {"units": "x" * 10_000}, owner="net", place="--model"
        )
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("name", ["nuclues", "Nucleus", "NUCLEUS", "nucleus "])
def test_a_misspelt_name_brings_the_nearest_one(name: str) -> None:
    fault = unknown_name("sampler", name, ["greedy", "nucleus"], place="--sampler")
    assert "Did you mean 'nucleus'?" in fault.problem


def test_a_name_that_is_near_to_none_brings_none() -> None:
    fault = unknown_name("sampler", "xyz", ["greedy", "nucleus"], place="--sampler")
    assert "Did you mean" not in fault.problem
    assert fault.allowed == "Allowed: greedy, nucleus."


def test_a_key_that_is_no_text_is_an_unknown_name() -> None:
    with pytest.raises(ComponentError, match="Unknown option of net: 1"):
        check_options([_option("units", int)], {1: 2}, owner="net", place="here")  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        (int, [1, 2]),
        (tuple[int, ...], [(1,), (2,)]),
        (tuple[int, int], [(1, 1), (2, 2)]),
        (tuple[int, ...] | None, [(1,), (2,), None]),
    ],
)
def test_the_choices_of_a_tuple_are_listed_as_tuples(declared: Any, values: list[Any]) -> None:
    rules = OptionRules(help="", choices=(1, 2))
    listed = list(listed_values(Option(name="x", type=declared, default=None, rules=rules)))
    assert listed == values
    assert [convert(each, declared, rules) for each in listed] == values


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (int | None, "a whole number or none"),
        (Literal["a", "b"], "a, b"),
        (Literal["a", True], "a, true"),
        (tuple[int, ...], "a list of values, each a whole number"),
        (tuple[int, str], "a list of 2 values: a whole number, text"),
        (float, "a number"),
    ],
)
def test_a_type_is_described_in_words(declared: Any, words: str) -> None:
    assert describe_type(declared) == words


def test_plain_values_hold_no_path_and_no_tuple() -> None:
    assert plain_value((Path("a"), (1, None))) == ["a", [1, None]]
