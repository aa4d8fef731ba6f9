"""What a page says of a model: plain values, the same from a server and in an exported file."""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from textgen_core.components import Option, options_of
from textgen_core.config.resolve import Configuration
from textgen_core.data.reader import Reader
from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import printable, say
from textgen_core.registry.parsing import describe_type, listed_values, plain_value
from textgen_core.registry.registry import Component, Registry
from textgen_core.registry.specs import format_spec
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json
from textgen_core.runs.listing import summarise

MOST_NAMES = 20  # texts that a model was trained on, of which the names are told
_TYPES = {bool: "bool", int: "int", float: "float"}


def describe_model(
    run: RunDirectory, configuration: Configuration, reader: Reader, registry: Registry
) -> dict[str, Any]:
    """Return what a run's model is, and the samplers that are installed here."""
    summary = summarise(run.path)
    return {
        "architecture": summary.model,
        "tokenizer": summary.tokenizer,
        "vocabulary_size": reader.vocabulary_size,
        "context_length": reader.context_length,
        "parameters": summary.parameters,
        "step": summary.step,
        "trained_on": trained_on(run),
        "bits_per_byte": summary.bits_per_byte,
        "split": summary.split,
        "default_prompt": configuration.generation.prompt,
        "chain": [format_spec(each.reference, each.options) for each in configuration.samplers],
        "samplers": [describe_sampler(each) for each in registry.of_kind("sampler")],
        "notices": [
            say("A model keeps parts of the text it was trained on, and may write them again.")
        ],
    }


def trained_on(run: RunDirectory) -> list[str]:
    """Return the names of the files, without their folders, that a run's manifest has."""
    try:
        manifest = read_json(run.manifest)
    except RunDirectoryError:
        return []
    corpus = manifest.get("corpus") if isinstance(manifest, Mapping) else None
    paths = [each.get("path") for each in corpus or () if isinstance(each, Mapping)]
    names = [PurePath(path).name or path for path in paths if isinstance(path, str)]
    return [printable(name, keep="") for name in names[:MOST_NAMES]]


def describe_sampler(component: Component) -> dict[str, Any]:
    """Return a sampler's name, summary and options, from which a form can be made."""
    return {
        "name": component.name,
        "summary": component.summary,
        "options": [_describe_option(each) for each in options_of(component.cls)],
    }


def _describe_option(option: Option) -> dict[str, Any]:
    rules = option.rules
    return {
        "name": option.name,
        "type": _type_of(option),
        "allows_none": type(None) in typing.get_args(option.type),
        "default": plain_value(option.default),
        "at_least": rules.at_least,
        "at_most": rules.at_most,
        "above": rules.above,
        "below": rules.below,
        "choices": [plain_value(each) for each in listed_values(option) if each is not None],
        "allowed": ", ".join(filter(None, [describe_type(option.type), rules.describe()])),
        "help": rules.help,
    }


def _type_of(option: Option) -> str:
    """Return "int", "float", "bool", or "str" for all that is written as text in a spec."""
    members: Sequence[Any] = typing.get_args(option.type) or (option.type,)
    kinds = [each for each in members if each is not type(None)]
    return _TYPES.get(kinds[0], "str") if len(kinds) == 1 else "str"
