"""The fields of a body: their types and bounds, declared as the options of components are.

So a fault has the same words as anywhere; and each names its field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from textgen_core.components import Option, option, options_of
from textgen_core.config.settings import LONGEST_PROMPT
from textgen_core.errors import TextgenError, UsageError
from textgen_core.generation.prompts import Given
from textgen_core.registry.parsing import BadValue, convert, describe_type, unknown_name

MOST_TEXTS = 128  # of one request: prompts times n
MOST_PROMPTS = 64
MOST_N = 16
LARGEST_BATCH = 1_000_000  # characters or ids of all texts' prompts, were each the longest
MOST_VALUES = 500_000  # log-probabilities in an answer
MOST_ALTERNATIVES = 20
MOST_STOPS, LONGEST_STOP = 4, 64  # characters
MOST_BIASES, LARGEST_BIAS = 300, 100
LARGEST_SEED = 2**63 - 1
SHOWN = 60  # characters of a wrong value


class BadField(UsageError):
    """A field of a body is wrong; `param` names it."""

    def __init__(self, param: str | None, problem: str, allowed: str = "") -> None:
        super().__init__(problem, allowed)
        self.param = param


@attrs.frozen(kw_only=True)
class CompletionFields:
    """The plain fields of a completion; None is as good as absent."""

    max_tokens: int = option(16, help="new tokens of a text, at most", at_least=0)
    n: int = option(1, help="texts for each prompt", at_least=1, at_most=MOST_N)
    best_of: int | None = option(None, help="only as many as n", at_least=1, at_most=MOST_N)
    logprobs: int | None = option(
        None, help="tokens, with so many likely ones each", at_least=0, at_most=MOST_ALTERNATIVES
    )
    seed: int | None = option(
        None, help="the same writes the same", at_least=-LARGEST_SEED, at_most=LARGEST_SEED
    )
    echo: bool = option(False, help="whether the prompt comes first")
    stream: bool = option(False, help="whether the text is sent as it is written")
    temperature: float | None = option(None, help="0 is greedy", at_least=0, at_most=100)
    top_p: float | None = option(None, help="the nucleus", above=0, at_most=1)
    top_k: int | None = option(None, help="the likeliest tokens", at_least=1, at_most=2**31 - 1)
    min_p: float | None = option(None, help="a share of the likeliest", at_least=0, at_most=1)
    frequency_penalty: float = option(0.0, help="for each occurrence", at_least=-2, at_most=2)
    presence_penalty: float = option(0.0, help="once for a token", at_least=-2, at_most=2)
    suffix: str | None = option(None, help="not served: a model continues a text")
    user: str | None = option(None, help="whoever asks; nothing depends on it")


@attrs.frozen(kw_only=True)
class PageFields:
    """The plain fields of what the page asks for."""

    max_new_tokens: int = option(200, help="new tokens, at most", at_least=1)
    seed: int | None = option(
        None, help="the same writes the same", at_least=-LARGEST_SEED, at_most=LARGEST_SEED
    )
    alternatives: int = option(
        0, help="likely tokens at each place", at_least=0, at_most=MOST_ALTERNATIVES
    )


@attrs.frozen(kw_only=True)
class StreamFields:
    """What `stream_options` may have."""

    include_usage: bool = option(False, help="whether the last chunk counts tokens")
    include_obfuscation: bool = option(False, help="not served: there is no padding")


def read_plain(
    cls: type[Any],
    body: Mapping[str, Any],
    *,
    others: Sequence[str] = (),
    within: str = "",
    at_most: Mapping[str, int] | None = None,
) -> Any:
    """Return the fields of a class from a body.

    others: names that are read elsewhere; within: what names begin with in errors; at_most: bounds
    that this server sets. Raises BadField for an unknown name or a value that a field cannot have.
    """
    declared = {each.name: each for each in options_of(cls)}
    for name, most in (at_most or {}).items():
        rules = attrs.evolve(declared[name].rules, at_most=most)
        declared[name] = attrs.evolve(declared[name], rules=rules)
    names = (*declared, *others)
    for name in body:
        if name not in names:
            error = unknown_name("field", name, names, place="the body")
            raise BadField(within + name, error.problem, error.allowed)
    return cls(
        **{
            name: read_value(within + name, body[name], declared[name])
            for name in declared
            if body.get(name) is not None
        }
    )


def read_value(param: str, value: Any, declared: Option) -> Any:
    """Return the value of a field; a text stands for no number here, unlike in a spec."""
    if isinstance(value, str) and declared.type not in (str, str | None):
        words = (describe_type(declared.type), declared.rules.describe())
        raise wrong_value(param, value, ", ".join(filter(None, words)))
    try:
        return convert(value, declared.type, declared.rules)
    except BadValue as bad:
        raise wrong_value(param, value, bad.allowed) from bad


def wrong_value(param: str, value: Any, allowed: str) -> BadField:
    """Return the error for a value that a field cannot have."""
    shown = repr(value)
    shown = shown if len(shown) <= SHOWN else shown[: SHOWN - 3] + "..."
    return BadField(param, f"{param} cannot be {shown}.", f"Allowed: {allowed}.")


def read_prompts(value: Any) -> tuple[Given, ...]:
    """Return the prompts: a text, a list of texts, a list of token ids, or a list of such lists."""
    allowed = (
        "a text, a list of texts, a list of token ids, a list of such lists; "
        f"at most {MOST_PROMPTS} prompts, of {LONGEST_PROMPT:,} characters or ids together"
    )
    if value is None:
        return ("",)
    prompts = _prompts_in(value)
    if not prompts or len(prompts) > MOST_PROMPTS or sum(map(len, prompts)) > LONGEST_PROMPT:
        raise wrong_value("prompt", value, allowed)
    return tuple(prompts)


def _prompts_in(value: Any) -> list[Given]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        return []
    if value and all(_is_id(each) for each in value):
        return [value]
    if all(isinstance(each, str) for each in value):
        return value
    are_ids = all(isinstance(each, list) and all(map(_is_id, each)) for each in value)
    return value if are_ids else []


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def read_stop(value: Any) -> tuple[str, ...]:
    """Return the texts to stop before."""
    stops = [] if value is None else [value] if isinstance(value, str) else value
    is_list = isinstance(stops, list) and len(stops) <= MOST_STOPS
    if not is_list or not all(
        isinstance(each, str) and 1 <= len(each) <= LONGEST_STOP for each in stops
    ):
        allowed = (
            f"a text, or a list of at most {MOST_STOPS}, each of 1 to {LONGEST_STOP} characters"
        )
        raise wrong_value("stop", value, allowed)
    return tuple(stops)


def read_bias(value: Any, vocabulary_size: int) -> dict[int, float]:
    """Return what is added to the logits of tokens, by their ids."""
    if value is None:
        return {}
    allowed = (
        f"at most {MOST_BIASES} token ids from 1 to {vocabulary_size - 1}, each with a number "
        f"from -{LARGEST_BIAS} to {LARGEST_BIAS}"
    )
    if not isinstance(value, dict) or len(value) > MOST_BIASES:
        raise wrong_value("logit_bias", value, allowed)
    bias: dict[int, float] = {}
    for key, number in value.items():
        is_id = key.isascii() and key.isdigit() and len(key) < 10 and 0 < int(key) < vocabulary_size
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if not is_id or not is_number or not -LARGEST_BIAS <= number <= LARGEST_BIAS:
            raise wrong_value("logit_bias", {key: number}, allowed)
        bias[int(key)] = float(number)
    return bias


def as_field(param: str, error: TextgenError) -> BadField:
    """Return an error of textgen's as that of a field."""
    return BadField(param, "\n".join(filter(None, [error.problem, error.advice])), error.allowed)
