"""Texts in the making, read piece by piece.

Between two calls of the compiled loop it reads what was written, closes the texts that have ended,
and begins a fresh state where one is full. Knows nothing about how a token is drawn.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence

import attrs
import tensorflow as tf
import tokenizers

from textgen_core.generation.chain import Chain
from textgen_core.generation.loop import Loop, Plan, Rows
from textgen_core.generation.sample import Sample, SampleWriter
from textgen_core.generation.trace import Trace
from textgen_core.generation.trace_recorder import traced_sample

FIRST_CHUNK, LARGEST_CHUNK = 1, 256  # tokens written between two looks at the text
# What a chunk is to take, going by the one before: a single text is read as it comes, several are
# shown when they are whole, and between two chunks their states are copied.
SECONDS_OF_ONE, SECONDS_OF_SEVERAL = 0.1, 0.5


@attrs.frozen(kw_only=True)
class Piece:
    """A piece of the text of one sample, in the order of writing."""

    sample: int
    text: str


@attrs.frozen(kw_only=True)
class Generation:
    """What was written, and how fast.

    tokens_per_second: the new tokens of all samples over the time in the loop, compilation left
    out. seconds_to_first_token: from the first look to the first token, compilation left out too:
    `compile_seconds` tells it. compiled_with: "xla", or "graph" where XLA could not.
    unknown_characters: what of the prompts the tokenizer could not encode. trace: None unless one
    was asked for.
    """

    samples: tuple[Sample, ...]
    tokens_per_second: float
    compile_seconds: float
    seconds_to_first_token: float
    compiled_with: str
    unknown_characters: tuple[str, ...]
    trace: Trace | None = None


@attrs.frozen(kw_only=True)
class Tracing:
    """What a trace needs to know beside the loop's notes; `specs` are those of the samplers."""

    seed: int
    prompt_ids: Sequence[Sequence[int]]
    specs: Sequence[str]
    tokenizer: tokenizers.Tokenizer


class PieceStream(Iterator[Piece]):
    """The pieces of the texts of one batch; `generation()` tells the whole."""

    def __init__(
        self,
        loop: Loop,
        chain: Chain,
        rows: Rows,
        plan: Plan,
        writers: Sequence[SampleWriter],
        *,
        first_sample: int,
        unknown_characters: tuple[str, ...],
        tracing: Tracing | None = None,
    ) -> None:
        """Prepare to write; nothing is computed before the first piece is asked for."""
        self._loop = loop
        self._chain = chain
        self._rows = rows
        self._plan = plan
        self._writers = writers
        self._first_sample = first_sample
        self._tracing = tracing
        self.unknown_characters = unknown_characters
        self._compile_seconds = self._first_seconds = self._loop_seconds = 0.0
        self._pieces = self._write()

    def __iter__(self) -> PieceStream:
        return self

    def __next__(self) -> Piece:
        return next(self._pieces)

    def generation(self) -> Generation:
        """Return what has been written so far: all of it once the pieces are exhausted."""
        samples = tuple(writer.sample() for writer in self._writers)
        count = sum(len(sample.token_ids) for sample in samples)
        return Generation(
            samples=samples,
            tokens_per_second=count / self._loop_seconds if count else 0.0,
            compile_seconds=self._compile_seconds,
            seconds_to_first_token=self._first_seconds,
            compiled_with=self._loop.compiled_with,
            unknown_characters=self.unknown_characters,
            trace=self._trace(samples),
        )

    def _trace(self, samples: Sequence[Sample]) -> Trace | None:
        tracing = self._tracing
        if tracing is None:
            return None
        traced = [
            traced_sample(self._rows.notes, row, ids, sample, tracing.specs, tracing.tokenizer)
            for row, (ids, sample) in enumerate(zip(tracing.prompt_ids, samples, strict=True))
        ]
        return Trace(seed=tracing.seed, samplers=tuple(tracing.specs), samples=tuple(traced))

    def _write(self) -> Iterator[Piece]:
        prefill_seconds = self._timed(self._prefill)[1]
        unread = int(min(self._plan.prompt_lengths.numpy())) - int(self._rows.length)
        chunk = unread + FIRST_CHUNK
        wanted = SECONDS_OF_ONE if len(self._writers) == 1 else SECONDS_OF_SEVERAL
        while any(writer.is_open for writer in self._writers):
            pieces, seconds = self._timed(functools.partial(self._write_chunk, chunk))
            if not self._loop_seconds:
                self._first_seconds = prefill_seconds + seconds
            self._loop_seconds += seconds
            chunk = max(1, min(int(chunk * wanted / seconds), LARGEST_CHUNK))
            yield from pieces

    def _timed(self, action: Callable[[], list[Piece]]) -> tuple[list[Piece], float]:
        """Return what an action returns and the seconds it took, compilation left out."""
        started, compiled = time.perf_counter(), self._loop.compile_seconds
        pieces = action()
        compiling = self._loop.compile_seconds - compiled
        self._compile_seconds += compiling
        return pieces, time.perf_counter() - started - compiling

    def _prefill(self) -> list[Piece]:
        self._rows = self._loop.prefill(self._rows, self._plan)
        return []

    def _write_chunk(self, count: int) -> list[Piece]:
        """Let the loop write up to `count` tokens in every row, and return the new pieces."""
        before = int(self._rows.length)
        self._rows = self._loop.write(self._rows, self._plan, count)
        pieces = self._read(before, int(self._rows.length))
        is_open = [writer.is_open for writer in self._writers]
        for fault, row_is_open in zip(self._rows.faults.numpy().tolist(), is_open, strict=True):
            if fault and row_is_open:
                raise self._chain.failure(fault)
        self._rows = self._rows._replace(
            is_open=tf.constant(is_open), faults=tf.zeros_like(self._rows.faults)
        )
        return pieces

    def _read(self, before: int, after: int) -> list[Piece]:
        """Return the pieces that the tokens from `before` to `after` brought."""
        # Whole arrays, cut by numpy: a slice of a tensor is an operation, far dearer than the copy.
        token_ids = self._rows.token_ids.numpy()[:, before:after].tolist()
        log_probabilities = self._rows.log_probabilities.numpy()[:, before:after].tolist()
        begins = (self._plan.prompt_lengths.numpy() - before).clip(min=0).tolist()
        # The last token of a row with a fault was drawn from a broken distribution.
        ends = (after - before - (self._rows.faults.numpy() != 0)).tolist()
        pieces = []
        for row, writer in enumerate(self._writers):
            drawn = slice(begins[row], ends[row])
            text = writer.push(token_ids[row][drawn], log_probabilities[row][drawn])
            if text:
                pieces.append(Piece(sample=self._first_sample + row, text=text))
        return pieces
