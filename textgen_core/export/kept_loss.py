"""How much more a text costs with a model's weights as a page keeps them.

On held-out text of the run, as `textgen score` reads it; where that is not at hand, on text that
the model writes, whose loss grows by the divergence of the two.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from textgen_core.data.token_files import TokenFile, tokenize_documents
from textgen_core.data.tokenizer import START
from textgen_core.errors import TextgenError
from textgen_core.evaluation.step_scoring import score_by_steps
from textgen_core.evaluation.windows import Windows, choose_windows
from textgen_core.export.weights import Block, as_kept
from textgen_core.generation.chain import Chain
from textgen_core.generation.runtime import Runtime, Values
from textgen_core.generation.steps import Stages, Steps
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.run_texts import find_texts
from textgen_core.pipeline.splitting import split_texts
from textgen_core.programs.model_steps import ModelSteps
from textgen_core.programs.program import Program
from textgen_core.runs.directory import RunDirectory

TOKENS = 2048  # that are scored
_WRITTEN = 512  # of each text that the model writes


def measure_growth(run: Run, program: Program, block: Block) -> float:
    """Return how much the loss grows, in bits per byte.

    program: of the model, for one row; block: says how its weights are kept.
    """
    runtime = run.runtime
    configuration, reader = run.configuration, runtime.reader
    windows = choose_windows(
        reader.context_length,
        program.about["state_capacity"],
        stride=configuration.evaluation.stride,
        carry=configuration.data.batching == "stream",
    )
    before = _OneProgram(program, runtime.best)
    after = _OneProgram(as_kept(program, block), runtime.best)
    nats, size = 0.0, 0
    for token_ids, bytes_of_text in _texts(run):
        nats += _loss(after, windows, token_ids) - _loss(before, windows, token_ids)
        size += bytes_of_text
    return nats / math.log(2) / max(1, size)


def _loss(runtime: Runtime, windows: Windows, token_ids: np.ndarray) -> float:
    return float(score_by_steps(runtime, windows, token_ids).sum(dtype=np.float64))


def _texts(run: Run) -> Iterator[tuple[np.ndarray, int]]:
    """Yield texts as token ids, `<START>` first, and their sizes in bytes."""
    held_out = _held_out(run)
    if held_out is not None:
        yield held_out
        return
    for seed in range(TOKENS // _WRITTEN):
        written = run.write("", sampler="temperature", max_new_tokens=_WRITTEN, seed=seed)
        (sample,) = written.samples
        size = len(sample.text.encode("utf-8", "replace"))
        yield np.array([START, *sample.token_ids], np.int32), size


def _held_out(run: Run) -> tuple[np.ndarray, int] | None:
    """Return the beginning of the run's test or validation text, None if that is not at hand."""
    tokenizer = run.runtime.reader.tokenizer
    try:
        texts = find_texts(RunDirectory(run.directory), run.configuration, Places(), "export")
        splits, _ = split_texts(texts, run.configuration)
        for split in ("test", "validation"):
            if documents := getattr(splits, split):
                file = tokenize_documents(documents, tokenizer, split)
                if len(file.token_ids) > 1:
                    return _beginning(file)
    except TextgenError:
        pass
    return None


def _beginning(file: TokenFile) -> tuple[np.ndarray, int]:
    """Return the first tokens of a file, and how many bytes of its text they are."""
    token_ids = np.asarray(file.token_ids[: TOKENS + 1]).astype(np.int32)
    share = (len(token_ids) - 1) / (len(file.token_ids) - 1)
    return token_ids, round(file.text_bytes * share)


class _OneProgram(Runtime):
    """The steps of one program of a row."""

    name = "program"

    def __init__(self, program: Program, like: Runtime) -> None:
        self._program, self.reader = program, like.reader
        self.state_capacity = program.about["state_capacity"]

    def rows_for(self, texts: int, **_: int) -> int:  # noqa: ARG002
        return 1

    def _steps(self, rows: int, compile_with: str, *, is_alone: bool) -> Steps:  # noqa: ARG002
        return ModelSteps(self._program)

    def stages(self, chain: Chain, values: Values, *, rows: int, capacity: int, **_: str) -> Stages:
        raise NotImplementedError  # it scores, and writes nothing
