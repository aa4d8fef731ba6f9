"""What a run was made with: the model, the configuration, versions, components, files, machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textgen_core.formatting import say, say_word
from textgen_core.report.records import Records, Section, Table
from textgen_core.report.sections.headline import Card
from textgen_core.report.wording import MISSING, cut, show_count, show_moment, show_size

MOST_SETTINGS = 60
LONGEST_NAME = 120
LONGEST_VALUE = 300

Pairs = tuple[tuple[str, str], ...]


def describe_model(records: Records) -> Section | None:
    """Return what was built, or None if nothing was."""
    model = records.manifest.table("model") if records.manifest else None
    if model is None or not model.values:
        return None
    columns = ("name", "kind", "output_for_one", "output_for_batch")
    layers = [
        (*_texts(row, columns, missing=""), show_count(row.number("parameters")))
        for row in model.tables("layers")
    ]
    cards = (
        Card(name=say("parameters"), value=show_count(model.number("parameters"))),
        Card(name=say("memory in training"), value=show_size(model.number("memory_bytes"))),
        Card(
            name=say("vocabulary"),
            value=show_count(model.number("vocabulary_size")),
            unit=say("tokens"),
        ),
        Card(
            name=say("context"),
            value=show_count(model.number("context_length")),
            unit=say("tokens"),
        ),
        Card(name=say("batch"), value=show_count(model.number("batch_size")), unit=say("windows")),
        Card(name=say("precision"), value=model.text("precision") or MISSING),
    )
    return {"cards": cards, "layers": layers}


def describe_configuration(records: Records) -> Section | None:
    """Return what differs from the recipe, and all settings; None without run.toml."""
    if records.configuration is None:
        return None
    recipe = records.configuration.text("from_recipe") or ""
    rows = records.manifest.tables("changes") if records.manifest else []
    changed = [
        tuple(
            cut(_word(row.values.get(key)), LONGEST_VALUE) for key in ("setting", "value", "recipe")
        )
        for row in rows[:MOST_SETTINGS]
    ]
    return {
        "sentence": _recipe_sentence(cut(recipe, LONGEST_NAME), bool(changed), records),
        "changed": changed,
        "sections": _sections(records.configuration),
    }


def _recipe_sentence(recipe: str, has_changed: bool, records: Records) -> str:
    """Return how a run's settings are related to its recipe; "" where that is not known."""
    known = records.manifest is not None and "changes" in records.manifest.values
    if not known or recipe in ("", "none"):
        return ""
    if has_changed:
        return say(
            "What differs from the recipe {recipe}, since it was asked for, or since the recipe's "
            "rules chose it for this text:",
            recipe=recipe,
        )
    return say("Everything is as in the recipe {recipe}.", recipe=recipe)


def _sections(configuration: Table) -> tuple[tuple[str, Pairs], ...]:
    """Return the sections of run.toml, after the settings that belong to none."""
    values = configuration.values
    loose = {key: value for key, value in values.items() if not isinstance(value, dict | list)}
    tables = [(key, value) for key, value in values.items() if isinstance(value, dict)]
    for key, value in values.items():
        if isinstance(value, list):
            tables += [(key, each) for each in value if isinstance(each, dict)][:MOST_SETTINGS]
    named = [("run", loose), *tables] if loose else tables
    return tuple((name, _plain(each)) for name, each in named)


def describe_provenance(records: Records) -> Section | None:
    """Return what manifest.json tells of versions, components, files and the machine."""
    manifest = records.manifest
    if manifest is None:
        return None
    seed = manifest.number("seed")
    machine = manifest.table("machine").values
    columns = ("kind", "name", "distribution", "version")
    files = []
    for row in manifest.tables("corpus"):
        path, checksum = cut(row.text("path") or MISSING, LONGEST_VALUE), row.text("sha256")
        files.append((path, show_size(row.number("bytes")), cut(checksum or MISSING, LONGEST_NAME)))
    return {
        "facts": (
            (say("made"), show_moment(manifest.text("created"))),
            (say("seed"), MISSING if seed is None else f"{seed:.0f}"),
            *_ancestors(manifest),
            *(
                (say_word(key), value)
                for key, value in _plain(
                    {key: value for key, value in machine.items() if value not in (None, [])}
                )
            ),
        ),
        "versions": _plain(manifest.table("versions").values),
        "components": [
            (say_word(kind), *others)
            for kind, *others in (_texts(row, columns) for row in manifest.tables("components"))
        ],
        "files": files,
    }


def _ancestors(manifest: Table) -> list[tuple[str, str]]:
    """Return the runs that a run began with, the nearest first."""
    rows = manifest.tables("ancestors")[:MOST_SETTINGS]
    keys = ("run", "checkpoint")
    return [(say("began with"), ", ".join(_texts(row, keys))) for row in rows]


def _texts(row: Table, columns: Sequence[str], missing: str = MISSING) -> tuple[str, ...]:
    return tuple(cut(row.text(key) or missing, LONGEST_NAME) for key in columns)


def _plain(values: Any) -> Pairs:
    """Return the values of a table in words, long ones cut."""
    return tuple(
        (cut(str(key), LONGEST_NAME), cut(_word(value), LONGEST_VALUE))
        for key, value in list(values.items())[:MOST_SETTINGS]
    )


def _word(value: Any) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_word, value)) or say("(none)")
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_word(each)}" for key, each in value.items())
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
