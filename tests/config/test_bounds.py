"""No setting asks for more than a machine has: each whole number has a largest value."""

from __future__ import annotations

import typing

import pytest

from textgen_core.components import options_of
from textgen_core.config.resolve import configure
from textgen_core.config.settings import LONGEST_PROMPT, SECTIONS
from textgen_core.errors import UsageError
from textgen_core.generation import GenerationOptions
from textgen_core.registry import discover

COUNTED = [
    f"{section}.{option.name}"
    for section, settings in SECTIONS.items()
    for option in options_of(settings)
    if int in (option.type, *typing.get_args(option.type))
    and typing.get_origin(option.type) is not tuple
]


def test_every_number_that_is_counted_has_a_largest_value():
    assert {"training.epochs", "data.sequence_length", "evaluation.prompts"} <= {*COUNTED}
    registry = discover()
    allowed = []
    for name in COUNTED:
        with pytest.raises(UsageError, match=r"at most \d+") as caught:
            configure({}, registry, settings={name: 10**12})
        allowed.append(name in str(caught.value) or name.partition(".")[2] in str(caught.value))
    assert all(allowed)


def test_a_prompt_and_a_text_have_a_longest():
    with pytest.raises(UsageError, match="prompt has 1,000,001 characters"):
        configure({}, discover(), settings={"generation.prompt": "x" * (LONGEST_PROMPT + 1)})
    with pytest.raises(UsageError, match="at most 1000000"):
        GenerationOptions(max_new_tokens=10**9, seed=1)
