from __future__ import annotations

import subprocess
import sys

import attrs
import pytest

import textgen_samplers
from textgen_core import Sampler
from textgen_core.components import options_of


def test_the_samplers_have_the_names_of_the_field():
    samplers = textgen_samplers.textgen_samplers()
    assert list(samplers) == [
        *("greedy", "temperature", "top-k", "nucleus"),
        *("min-p", "typical", "repetition-penalty", "occurrence-penalty", "no-repeat-ngram"),
    ]
    assert all(issubclass(sampler, Sampler) and attrs.has(sampler) for sampler in samplers.values())


@pytest.mark.parametrize(
    ("name", "option", "rules"),
    [
        ("temperature", "t", "above 0"),
        ("top-k", "k", "at least 1, at most 2147483647"),
        ("nucleus", "p", "above 0, at most 1"),
        ("min-p", "p", "above 0, at most 1"),
        ("typical", "p", "above 0, at most 1"),
        ("repetition-penalty", "penalty", "above 0"),
        ("occurrence-penalty", "frequency", "at least -100, at most 100"),
        ("no-repeat-ngram", "n", "at least 1, at most 1000"),
    ],
)
def test_the_first_option_is_the_one_that_a_short_spec_sets(name, option, rules):
    options = options_of(textgen_samplers.textgen_samplers()[name])
    assert (options[0].name, options[0].rules.describe()) == (option, rules)


def test_all_numbers_are_traced_but_those_that_decide_what_is_compiled():
    untraced = {
        (name, option.name)
        for name, sampler in textgen_samplers.textgen_samplers().items()
        for option in options_of(sampler)
        if not option.rules.traced
    }
    assert untraced == {("repetition-penalty", "last"), ("no-repeat-ngram", "n")}


def test_the_samplers_are_found_without_importing_tensorflow():
    code = (
        "import sys, textgen_samplers; print('tensorflow' in sys.modules, 'numpy' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "False"]
