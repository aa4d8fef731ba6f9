"""The grammar of specs, and the same check for texts, tables and instances."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from fake_components import Cut, Letters, Net, Plain
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.components import option
from textgen_core.errors import ComponentError
from textgen_core.registry.specs import (
    Spec,
    check_instance,
    construct,
    format_spec,
    parse_spec,
    plain_options,
)


def made(component: type, spec: Any) -> Any:
    return construct(component, parse_spec(spec), place="--sampler")


@pytest.mark.parametrize(
    ("text", "name", "positional", "options"),
    [
        ("cut", "cut", None, {}),
        (" cut ", "cut", None, {}),
        ("cut:", "cut", None, {}),
        ("cut:p=0.9", "cut", None, {"p": "0.9"}),
        ("cut:0.9", "cut", "0.9", {}),
        ("cut:0.9,low=2", "cut", "0.9", {"low": "2"}),
        ("net:units=256,128", "net", None, {"units": "256,128"}),
        ("net:256,128,dropout=0.1", "net", "256,128", {"dropout": "0.1"}),
        ("net:units=256,128,dropout=0.1,tied=true", "net", None,
         {"units": "256,128", "dropout": "0.1", "tied": "true"}),
        ("net: units=4, dropout=0.1", "net", None, {"units": "4", "dropout": "0.1"}),
        ("bpe:vocabulary-size=8000", "bpe", None, {"vocabulary_size": "8000"}),
        ("cut:word='a,p=1',low=2", "cut", None, {"word": "'a,p=1'", "low": "2"}),
        ("cut:word='it's, so=what',low=2", "cut", None, {"word": "'it's, so=what'", "low": "2"}),
        ("cut:word='tis,low=2", "cut", None, {"word": "'tis", "low": "2"}),
        ("cut:word=a=b", "cut", None, {"word": "a=b"}),
        ("cut:word=a:b", "cut", None, {"word": "a:b"}),
        ("some-dist/cut:p=1", "some-dist/cut", None, {"p": "1"}),
    ],
)  # fmt: skip
def test_a_spec_is_a_name_and_options(
    text: str, name: str, positional: str | None, options: Mapping[str, str]
) -> None:
    assert parse_spec(text) == Spec(name=name, positional=positional, options=dict(options))


@pytest.mark.parametrize("text", ["", "  ", ":p=1", " :0.9"])
def test_a_spec_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(ComponentError, match="names no component"):
        parse_spec(text)


def test_an_option_given_twice_is_refused() -> None:
    with pytest.raises(ComponentError, match="gives low twice"):
        parse_spec("cut:low=1,low=2")


def test_a_first_item_and_the_first_option_by_name_are_given_twice() -> None:
    with pytest.raises(ComponentError, match="p is given twice"):
        made(Cut, "cut:0.5,p=0.5")


@pytest.mark.parametrize("table", [{}, {"p": 1}, {"name": ""}, {"name": 5}])
def test_a_table_without_a_name_is_refused(table: Mapping[str, Any]) -> None:
    with pytest.raises(ComponentError, match="needs a name"):
        parse_spec(table)


@pytest.mark.parametrize("requested", [None, 5, ["cut"], object()])
def test_what_is_neither_text_nor_table_is_refused(requested: Any) -> None:
    with pytest.raises(ComponentError, match="cannot be given as"):
        parse_spec(requested)


def test_the_first_item_is_the_first_option() -> None:
    assert made(Net, "net:256,128,dropout=0.5") == Net(units=(256, 128), dropout=0.5)
    assert made(Cut, "cut:0.5") == Cut(p=0.5)


def test_a_component_without_options_takes_no_first_item() -> None:
    with pytest.raises(ComponentError, match="takes no options"):
        made(Plain, "plain:0.5")


def test_a_component_without_options_takes_no_named_one() -> None:
    with pytest.raises(ComponentError, match=r"Unknown option of plain: 'p'.*\nAllowed: there is"):
        made(Plain, "plain:p=0.5")


def test_quotes_protect_commas_and_keys_and_are_dropped() -> None:
    sampler = made(Cut, "cut:word='a, p=1',words='x,y',z,low=2")
    assert sampler == Cut(word="a, p=1", words=("x,y", "z"), low=2)


def test_none_is_allowed_where_the_type_says_so_only() -> None:
    assert made(Letters, "letters:none") == Letters(vocabulary_size=None)
    with pytest.raises(ComponentError, match="low cannot be 'none'"):
        made(Cut, "cut:low=none")


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "NaN", "1e999"])
def test_numbers_must_be_finite(number: str) -> None:
    with pytest.raises(ComponentError, match="p cannot be"):
        made(Cut, f"cut:p={number}")


def test_every_fault_of_a_spec_is_reported_at_once() -> None:
    with pytest.raises(ComponentError) as caught:
        made(Cut, "cut:p=2,low=x,hihg=3")
    assert str(caught.value).splitlines() == [
        "3 faults:",
        "  cut: p cannot be '2' (--sampler). Allowed: a number, above 0, at most 1.",
        "  cut: low cannot be 'x' (--sampler). Allowed: a whole number, at least 0.",
        "  Unknown option of cut: 'hihg' (--sampler). Did you mean 'high'? "
        "Allowed: p, low, high, word, words, folder, note.",
    ]


def test_a_rule_between_options_is_told_with_the_place() -> None:
    with pytest.raises(ComponentError) as caught:
        made(Cut, "cut:low=5,high=2")
    assert str(caught.value) == "cut (--sampler): low is 5, above high, which is 2."


@pytest.mark.parametrize(
    "options", [{"p": 1.5}, {"p": float("nan")}, {"low": -1}, {"low": 0.5}, {"low": True}]
)
def test_spec_table_and_instance_are_checked_alike(options: dict[str, Any]) -> None:
    text = format_spec("cut", options)
    for attempt in (
        lambda: made(Cut, text),
        lambda: made(Cut, {"name": "cut", **options}),
        lambda: check_instance(Cut(**options), place="sampler="),
    ):
        with pytest.raises(ComponentError, match=next(iter(options))):
            attempt()


def test_every_fault_of_an_instance_is_reported_at_once() -> None:
    with pytest.raises(ComponentError, match="2 faults"):
        check_instance(Cut(p=3, folder=5), place="sampler=")


def test_an_instance_that_is_right_is_used_itself() -> None:
    instance = Cut(p=0.25, folder=Path("a"))
    assert check_instance(instance, place="sampler=") is instance


def test_an_instance_is_converted_as_a_table_is() -> None:
    given: dict[str, Any] = {"p": "0.25", "words": ["a"], "folder": "b", "note": "none"}
    instance = check_instance(Cut(**given), place="sampler=")
    assert instance == made(Cut, {"name": "cut", **given})
    assert instance == Cut(p=0.25, words=("a",), folder=Path("b"), note=None)


def test_converting_an_instance_keeps_what_is_no_option() -> None:
    @attrs.frozen
    class Bound(Plain):
        q: float = option(1.0, help="an option")
        _found: Any = None

    instance = check_instance(Bound(q=2, found="this"), place="sampler=")  # type: ignore[call-arg]
    assert (instance.q, type(instance.q), instance._found) == (2.0, float, "this")


@pytest.mark.parametrize(
    "sampler",
    [
        Cut(),
        Cut(p=1e-7, low=0, high=10**12),
        Cut(word="a,b=c", words=("x", "y,z=1", "")),
        Cut(word="'quoted'", words=("it's", "'tis")),
        Cut(word=" spaces ", folder=Path("some where"), note=""),
        Cut(words=("",)),
        Cut(word="none", note="true"),
    ],
)
def test_a_formatted_spec_reads_back_as_the_same_component(sampler: Cut) -> None:
    assert made(Cut, format_spec("cut", plain_options(sampler))) == sampler


@given(st.text(alphabet="ab ='", max_size=8), st.lists(st.text(alphabet="ab= ", max_size=3)))
def test_formatted_text_reads_back(word: str, words: list[str]) -> None:
    sampler = Cut(word=word, words=tuple(words))
    assert made(Cut, format_spec("cut", plain_options(sampler))) == sampler


@given(st.text())
def test_any_text_is_a_spec_or_refused_in_words(text: str) -> None:
    try:
        assert parse_spec(text).name
        made(Cut, text)
    except ComponentError as error:
        assert error.problem


def test_a_spec_without_options_is_its_name() -> None:
    assert format_spec("cut", {}) == "cut"
