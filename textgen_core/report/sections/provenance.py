"""What a run was made with: the model, the configuration, versions, components, files, machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from textgen_core.report.records import Records, Table
from textgen_core.report.sections.headline import Card
from textgen_core.report.wording import cut, show_count, show_moment, show_size

MOST_LAYERS = 200
MOST_FILES = 100
MOST_COMPONENTS = 60
LONGEST_NAME = 120
LONGEST_VALUE = 300

Pairs = tuple[tuple[str, str], ...]


@attrs.frozen(kw_only=True)
class Rows:
    """Rows of a table; `left_out` more are in the file alone."""

    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0


@attrs.frozen(kw_only=True)
class Model:
    """The model section."""

    cards: tuple[Card, ...]
    layers: Rows


@attrs.frozen(kw_only=True)
class Provenance:
    """Where a run comes from."""

    facts: Pairs
    versions: Pairs
    components: Rows
    files: Rows


def describe_model(records: Records) -> Model | None:
    """Return what was built, or None if nothing was."""
    model = records.manifest.table("model") if records.manifest else None
    if model is None or not model.values:
        return None
    columns = ("name", "kind", "output_for_one", "output_for_batch")
    layers = [
        (
            *(cut(row.text(key) or "", LONGEST_NAME) for key in columns),
            show_count(row.number("parameters")),
        )
        for row in model.tables("layers")
    ]
    cards = (
        Card(name="parameters", value=show_count(model.number("parameters"))),
        Card(name="memory in training", value=show_size(model.number("memory_bytes"))),
        Card(name="vocabulary", value=show_count(model.number("vocabulary_size")), unit="tokens"),
        Card(name="context", value=show_count(model.number("context_length")), unit="tokens"),
        Card(name="batch", value=show_count(model.number("batch_size")), unit="windows"),
        Card(name="precision", value=model.text("precision") or "–"),
    )
    return Model(cards=cards, layers=_limited(layers, MOST_LAYERS))


def describe_configuration(records: Records) -> tuple[tuple[str, Pairs], ...]:
    """Return the sections of run.toml, after the settings that belong to none."""
    if records.configuration is None:
        return ()
    values = records.configuration.values
    loose = {key: value for key, value in values.items() if not isinstance(value, dict | list)}
    tables = [(key, value) for key, value in values.items() if isinstance(value, dict)]
    for key, value in values.items():
        if isinstance(value, list):
            lists = [each for each in value if isinstance(each, dict)][:MOST_COMPONENTS]
            tables += [(key, each) for each in lists]
    named = [("run", loose), *tables] if loose else tables
    return tuple((name, _plain(each)) for name, each in named)


def describe_provenance(records: Records) -> Provenance | None:
    """Return what manifest.json tells of versions, components, files and the machine."""
    manifest = records.manifest
    if manifest is None:
        return None
    components = [
        tuple(
            cut(row.text(key) or "–", LONGEST_NAME)
            for key in ("kind", "name", "distribution", "version")
        )
        for row in manifest.tables("components")
    ]
    files = [
        (
            cut(row.text("path") or "–", LONGEST_VALUE),
            show_size(row.number("bytes")),
            cut(row.text("sha256") or "–", LONGEST_NAME),
        )
        for row in manifest.tables("corpus")
    ]
    return Provenance(
        facts=_facts(manifest),
        versions=_plain(manifest.table("versions").values),
        components=_limited(components, MOST_COMPONENTS),
        files=_limited(files, MOST_FILES),
    )


def _facts(manifest: Table) -> Pairs:
    seed = manifest.number("seed")
    machine = manifest.table("machine").values
    return (
        ("made", show_moment(manifest.text("created"))),
        ("seed", "–" if seed is None else f"{seed:.0f}"),
        *_plain({key: value for key, value in machine.items() if value not in (None, [])}),
    )


def _plain(values: Any) -> Pairs:
    """Return the values of a table in words, long ones cut."""
    return tuple(
        (cut(str(key), LONGEST_NAME), cut(_word(value), LONGEST_VALUE))
        for key, value in list(values.items())[:MOST_COMPONENTS]
    )


def _word(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_word, value)) or "(none)"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_word(each)}" for key, each in value.items())
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _limited(rows: Sequence[tuple[str, ...]], most: int) -> Rows:
    return Rows(rows=tuple(rows[:most]), left_out=max(0, len(rows) - most))
