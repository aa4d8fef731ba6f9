"""Shell completion: names of components, their options, runs, recipes and settings.

Plugins are imported for it, TensorFlow is not. A completion never fails and never prints, which
would garble the line that is being typed. bash splits a spec at each `:` and `=`; the words are
joined again.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import shlex
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any

from textgen_core.cli.startup import stderr_discarded
from textgen_core.components import Option, options_of
from textgen_core.config.settings import SECTIONS

INSTRUCTION = "_TEXTGEN_COMPLETE"  # the variable in which the shell asks
BEFORE = "_TEXTGEN_BEFORE"  # ours: the part of the argument before the word that is completed
_SEPARATORS = (":", "=", ":=")  # bash makes words of these

Offers = list[tuple[str, str]]  # a completion and its help


def _completes(offer: Callable[[str], Iterable[tuple[str, str]]]) -> Callable[[str], Offers]:
    """Return a function for Typer that returns, without noise, the offers that match."""

    def matching(typed: str) -> Offers:
        return [each for each in offer(typed) if each[0].startswith(typed)]

    def complete(incomplete: str) -> Offers:
        before = os.environ.get(BEFORE, "")
        typed = before + incomplete
        with (
            contextlib.suppress(Exception),
            stderr_discarded(),  # first: it empties the stream above the descriptor
            contextlib.redirect_stderr(io.StringIO()),
        ):
            offers = matching(typed)
            if len(offers) == 1 and offers[0][0].endswith("="):
                offers += matching(offers[0][0])  # alone the shell would take it and add a space
            return [(text.removeprefix(before), about) for text, about in offers]
        return []

    return complete


def complete_spec(kind: str) -> Callable[[str], Offers]:
    """Return the completion of a spec: names of a kind, then a component's options and values."""
    return _completes(functools.partial(_offer_specs, kind))


@_completes
def complete_reference(_: str) -> Iterator[tuple[str, str]]:
    """Offer KIND/NAME of every component."""
    from textgen_core.registry import KINDS, discover

    registry = discover()
    for kind in KINDS:
        for name, each in registry.by_name(kind).items():
            yield f"{kind}/{name}", each.summary


@_completes
def complete_kind(_: str) -> Iterator[tuple[str, str]]:
    """Offer the kinds of components."""
    from textgen_core.registry import KINDS

    yield from ((kind, "") for kind in KINDS)


def complete_run_or(*words: str) -> Callable[[str], Offers]:
    """Return the completion of a run: the names under runs/, and words allowed in its place."""

    def offer(_: str) -> Iterator[tuple[str, str]]:
        from textgen_core.runs.directory import list_runs

        yield from ((word, "") for word in words)
        yield from ((path.name, "") for path in list_runs())

    return _completes(offer)


complete_run = complete_run_or()


@_completes
def complete_run_or_recipe(_: str) -> Iterator[tuple[str, str]]:
    """Offer the names under runs/, and the bundled recipes."""
    from textgen_core.config.sources import load_recipe, recipe_names
    from textgen_core.runs.directory import list_runs

    yield from ((path.name, "") for path in list_runs())
    yield from ((name, load_recipe(name).summary) for name in recipe_names())


@_completes
def complete_recipe(_: str) -> Iterator[tuple[str, str]]:
    """Offer the bundled recipes."""
    from textgen_core.config.sources import load_recipe, recipe_names

    yield from ((name, load_recipe(name).summary) for name in recipe_names())


@_completes
def complete_setting(typed: str) -> Iterator[tuple[str, str]]:
    """Offer the settings of every section, and the named values of one."""
    for section, cls in SECTIONS.items():
        for each in options_of(cls):
            start = f"{section}.{each.name}="
            if typed.startswith(start):
                yield from ((start + value, "") for value in _values(each))
            else:
                yield start, _about(each)


def _offer_specs(kind: str, typed: str) -> Iterator[tuple[str, str]]:
    from textgen_core.registry import discover

    name, colon, rest = typed.partition(":")
    known = discover().by_name(kind)
    found = [each for each in known if (each == name if colon else each.startswith(typed))]
    for each in found:
        if not colon:
            yield each, known[each].summary
        if colon or len(found) == 1:
            yield from _offer_options(f"{each}:", known[each].cls, rest)


def _offer_options(start: str, component: type, rest: str) -> Iterator[tuple[str, str]]:
    """Yield a spec with one more option, or with a value for the option that is being typed."""
    done, comma, item = rest.rpartition(",")
    given = {each.partition("=")[0].replace("-", "_") for each in done.split(",")}
    name, equals, _ = item.partition("=")
    for each in options_of(component):
        text = f"{start}{done}{comma}{each.name}="
        if equals and each.name == name.replace("-", "_"):
            yield from ((text + value, "") for value in _values(each))
        elif not equals and each.name not in given:
            yield text, _about(each)


def _values(option: Option) -> Iterator[str]:
    """Yield the values that an option lists, or its default where it lists none."""
    from textgen_core.registry.parsing import listed_values

    listed = list(listed_values(option))
    for value in listed if any(each is not None for each in listed) else [option.default, *listed]:
        yield _written(value)


def _about(option: Option) -> str:
    return f"{option.rules.help}; default {_written(option.default)}"


def _written(value: Any) -> str:
    """Return a value as it is written in a spec."""
    from textgen_core.registry.parsing import plain_value
    from textgen_core.registry.specs import format_value

    return format_value(plain_value(value))


def rejoin_words(environment: MutableMapping[str, str]) -> None:
    """Join the words of bash's variables to arguments again.

    Only what follows the last separator is completed; the part of the argument before it is kept in
    the variable `BEFORE`.
    """
    environment.pop(BEFORE, None)
    if environment.get(INSTRUCTION) != "complete_bash":
        return
    try:
        words = shlex.split(environment["COMP_WORDS"])
        position = int(environment["COMP_CWORD"])
    except (KeyError, ValueError):  # a quote is open, or it was not bash that asked
        return
    if position < 0:
        return
    words = words[: position + 1] + [""] * (position + 1 - len(words))
    if words[-1] in _SEPARATORS:
        words.append("")
    arguments, last = _arguments(words), words[-1]
    environment[BEFORE], arguments[-1] = arguments[-1].removesuffix(last), last
    environment["COMP_WORDS"] = shlex.join(arguments)
    environment["COMP_CWORD"] = str(len(arguments) - 1)


def _arguments(words: Iterable[str]) -> list[str]:
    """Return the arguments that bash has split into words."""
    arguments: list[str] = []
    continues = False
    for word in words:
        if word == "=" and arguments and arguments[-1].startswith("--"):
            continue  # `--sampler=x` becomes two words, which mean the same
        separates = word in _SEPARATORS
        if (separates or continues) and arguments:
            arguments[-1] += word
        else:
            arguments.append(word)
        continues = separates
    return arguments
