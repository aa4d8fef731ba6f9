"""Sweeps: which chains a spec with several values asks for."""

from __future__ import annotations

import pytest

from textgen_core.config.chains import sweep_chains
from textgen_core.errors import ComponentError
from textgen_core.registry.discovery import discover


def labels(sweep, samplers=None):
    chains = sweep_chains(discover(), sweep, samplers)
    return [" ".join(chosen.label for chosen in chain) for chain in chains]


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        ("nucleus:p=0.8,0.9,0.95", [f"nucleus:p={p}" for p in (0.8, 0.9, 0.95)]),
        ("nucleus:0.5, 0.7", ["nucleus:p=0.5", "nucleus:p=0.7"]),
        (
            "temperature:t=0.5..1.5/5",
            [f"temperature:t={t}" for t in (0.5, 0.75, 1.0, 1.25, 1.5)],
        ),
        ("temperature:1e-1..3e-1/3", [f"temperature:t={t}" for t in (0.1, 0.2, 0.3)]),
        ("top-k:k=10..30/3", ["top-k:k=10", "top-k:k=20", "top-k:k=30"]),
        (
            "repetition-penalty:penalty=1.1,1.5,last=20",
            [f"repetition-penalty:penalty={each},last=20" for each in (1.1, 1.5)],
        ),
    ],
)
def test_a_sweep_is_a_chain_for_each_value(sweep, expected):
    assert labels(sweep) == expected


def test_the_swept_sampler_takes_the_place_of_its_name_else_it_comes_last():
    others = ["temperature:0.7", "nucleus:0.5"]
    assert labels("temperature:0.1,0.2", others) == [
        "temperature:t=0.1 nucleus:p=0.5",
        "temperature:t=0.2 nucleus:p=0.5",
    ]
    assert labels("top-k:2,3", others) == [
        f"temperature:t=0.7 nucleus:p=0.5 top-k:k={k}" for k in (2, 3)
    ]


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ("nucleus", "varies no option"),
        ("nucleus:0.9", "varies no option"),
        ("nucleus:0.9..0.8", "0.9..0.8"),
        ("temperature:0.1..0.9/1", "1 value"),
        ("temperature:0.1..0.9/1000", "1000 values"),
        pytest.param("temperature:0.1..0.9/" + "9" * 5000, "Allowed: from 2 to 100", id="digits"),
        ("temperature:" + ",".join(["0.5"] * 101), "101 values"),
        ("temperature:1e400..2/3", "an end that is no number"),
        ("temperature:-1..1/3", "above 0"),
        ("top-k:1..2/3", "whole"),
        ("nucleus:q=0.1,0.2", "q"),
        ("nuclues:0.1,0.2", "nucleus"),
        ("repetition-penalty:penalty=1,2,last=3,4", "penalty and last"),
        ("", "names no component"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_with_the_reason(sweep, message):
    with pytest.raises(ComponentError, match=message):
        labels(sweep)


def test_one_mistake_in_many_values_is_not_named_for_each():
    with pytest.raises(ComponentError) as caught:
        labels("temperature:-2..-1/100")
    assert len(caught.value.parts) == 3
    with pytest.raises(ComponentError) as caught:
        labels("nuclues:0.1,0.2")
    assert len(caught.value.parts) == 1


def test_every_fault_of_sweep_and_samplers_is_named_at_once():
    with pytest.raises(ComponentError) as caught:
        labels("temperature:-1,-2", ["top-k:0"])
    assert len(caught.value.parts) == 3
