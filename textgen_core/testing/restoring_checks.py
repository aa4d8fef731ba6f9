"""The check that a run directory is enough to have a component again, in another process.

This module knows nothing about the files of a run directory.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs

from textgen_core.components import Option, options_of
from textgen_core.registry.parsing import listed_values
from textgen_core.registry.registry import KINDS
from textgen_core.runs.directory import RunDirectory
from textgen_core.testing.check import check, require
from textgen_core.testing.fresh_process import NOT_FOUND
from textgen_core.testing.option_bounds import within_bounds
from textgen_core.testing.restoring import (
    described,
    encode_all,
    read_in_fresh_process,
    save_model,
    write_runs,
)
from textgen_core.testing.subject import Subject
from textgen_core.testing.tiny_model import CONTEXT, build, difference, draw_token_ids, shaken
from textgen_core.testing.tokenizer_checks import trained

TOLERANCE = 1e-5  # between the logits of one process and of another, as a share of the largest


@check("component.restored", *KINDS)
def is_restored(subject: Subject) -> str | None:
    """From a run directory a fresh process has the same again: options, logits, token ids.

    A model is built with the same first weights there, too.
    """
    instances = [subject.instance(), *_others(subject.instance())]
    # Another order of every set and dict of texts than here.
    seed = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    with tempfile.TemporaryDirectory() as folder:
        runs = write_runs(subject, instances, Path(folder))
        expected = _saved(subject, runs[0])
        found = read_in_fresh_process(subject, runs, {"PYTHONHASHSEED": seed})
    if found is None:
        return NOT_FOUND
    restored = json.loads(found)
    _require_same_options(instances, restored["options"])
    if subject.kind == "model":
        _require_same_model(expected, restored)
    if subject.kind == "tokenizer":
        same = expected == restored["token_ids"]
        require(same, "In a fresh process its tokenizer.json encodes otherwise than here.")
    return None


CHECKS = (is_restored,)


def _others(instance: Any) -> Iterator[Any]:
    """Yield the instance with one option changed, for every value that a declaration names."""
    for declared in options_of(type(instance)):
        for value in _values_of(declared):
            if value == getattr(instance, declared.name):
                continue
            try:
                yield attrs.evolve(instance, **{declared.name: value})
            except ValueError:
                continue  # a rule between options


def _values_of(declared: Option) -> list[Any]:
    bounds = () if declared.rules.choices else within_bounds(declared)
    return list(dict.fromkeys((declared.default, *listed_values(declared), *bounds)))


def _saved(subject: Subject, run: RunDirectory) -> Any:
    """Write what belongs to the kind into a run directory; return what must come back from it."""
    if subject.kind == "model":
        later = shaken(build(subject))
        save_model(run, build(subject), later)
        return later.logits(draw_token_ids(2, CONTEXT)).numpy()
    if subject.kind == "tokenizer":
        from textgen_core.data.tokenizer import save_tokenizer

        tokenizer = trained(subject)
        save_tokenizer(tokenizer, run.tokenizer)
        return encode_all(tokenizer)
    return None


def _require_same_options(instances: Sequence[Any], restored: Sequence[Any]) -> None:
    for instance, found in zip(instances, restored, strict=True):
        wanted = described(instance)
        changed = [
            f"{name}={value!r} becomes {found.get(name)!r}"
            for name, value in wanted.items()
            if found.get(name) != value
        ]
        require(not changed, f"In a fresh process {', '.join(changed)}.")


def _require_same_model(logits: Any, restored: Any) -> None:
    import numpy as np

    off = difference(logits, np.asarray(restored["logits"], np.float32))
    require(
        off <= TOLERANCE,
        f"With the same weights its logits in a fresh process differ by {off:.2g} of the largest.",
    )
    changed = restored["changed"]
    require(not changed, f"Under the same seed a fresh process builds it with another {changed}.")
