"""Whatever bytes a file of a run has, it is read or refused in words that name it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from data.letters import letter_tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st
from report.fabricated_run import fabricate_run

from textgen_core.data.tokenizer import load_tokenizer, save_tokenizer
from textgen_core.errors import RunDirectoryError
from textgen_core.report import write_report
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import drop_rows_after, read_json, read_rows, read_toml, write_json
from textgen_core.runs.tensors import open_tensors
from textgen_core.runs.weights import best_step
from textgen_core.training.state import Plan, TrainingState

STATE = TrainingState(step=7, plan=Plan(last_step=9), best_loss=2.5, best_step=5)


def read_state(path: Path) -> None:
    TrainingState.from_json(read_json(path), path)


READERS: dict[str, Callable[[Path], Any]] = {
    "run.toml": read_toml,
    "manifest.json": read_json,
    "best.json": lambda path: best_step(RunDirectory(path.parent)),
    "metrics.jsonl": lambda path: (list(read_rows(path)), drop_rows_after(path, 50)),
    "state.json": read_state,
    "tokenizer.json": load_tokenizer,
    "weights.safetensors": open_tensors,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    found = fabricate_run(tmp_path_factory.mktemp("bytes"))
    (found.checkpoint(40)).mkdir(parents=True)
    write_json(found.best, {"checkpoint": "step-00000040", "validation_loss": 2.5})
    write_json(found.path / "state.json", STATE.as_json())
    save_tokenizer(letter_tokenizer(), found.tokenizer)
    tensors = {"0000/kernel": np.ones((3, 4), np.float32), "0001/seed": np.arange(2)}
    safetensors.numpy.save_file(tensors, found.path / "weights.safetensors")
    return found


# What a disk, an editor or a stranger puts into the middle of a file.
INSERTED = st.one_of(
    st.binary(max_size=12),
    st.sampled_from([b"-1", b"null", b"NaN", b"1e999", b'""', b"{}", b"[]", b"true", b"\x00"]),
    st.sampled_from([b"[" * 2_000, b"9" * 5_000, b'"\\ud800"', b"\xff\xfe", b"\n", b'{"a":' * 99]),
)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
@settings(max_examples=40)
def test_a_file_is_read_or_refused_in_words(
    name: str, run: RunDirectory, data: st.DataObject
) -> None:
    path = run.path / name
    whole = path.read_bytes()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    rest = data.draw(st.sampled_from([whole[end:], b""]))
    with changed(path, whole[:start] + data.draw(INSERTED) + rest):
        READERS[name](path)


@pytest.mark.parametrize("name", ["manifest.json", "evaluation.json", "analysis.json"])
@given(data=st.data())
@settings(max_examples=15)
def test_a_report_is_made_or_refused_in_words_whatever_a_value_is(
    name: str, run: RunDirectory, data: st.DataObject
) -> None:
    value = json.loads((run.path / name).read_text(encoding="utf-8"))
    inner = value
    while True:
        keys = list(inner) if isinstance(inner, dict) else range(len(inner))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(inner[key], (dict, list)) or not inner[key] or data.draw(st.booleans()):
            break
        inner = inner[key]
    inner[key] = data.draw(st.sampled_from(["", "x", -1, 1e308, None, True, [], {}, [[]], [{}]]))
    with changed(run.path / name, json.dumps(value).encode()):
        write_report(run)


@contextmanager
def changed(path: Path, content: bytes) -> Iterator[None]:
    """Give a file another content in the block, which may refuse it if it names the file."""
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    except RunDirectoryError as error:
        assert path.name in error.problem
    finally:
        path.write_bytes(whole)
