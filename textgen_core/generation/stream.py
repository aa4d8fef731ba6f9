"""Texts in the making, read piece by piece.

Between two calls of the compiled loop it reads what was written, and closes the texts that have
ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import attrs
import tensorflow as tf

from textgen_core.generation.chain import SOUND, no_faults
from textgen_core.generation.loop import Batch, DecodeState, Loop
from textgen_core.generation.options import GenerationOptions
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

    samplers: the specs of the chain. tokens_per_second: the new tokens of all samples over the time
    in the loop, compilation left out. seconds_to_first_token: compilation left out too;
    `compile_seconds` has it. compiled_with: "xla", or "graph" where XLA could not.
    unknown_characters: what the tokenizer could not encode of the prompts. trace: None unless one
    was requested.
    """

    samples: tuple[Sample, ...]
    samplers: tuple[str, ...]
    tokens_per_second: float
    compile_seconds: float
    seconds_to_first_token: float
    compiled_with: str
    unknown_characters: tuple[str, ...]
    trace: Trace | None = None


class PieceStream(Iterator[Piece]):
    """The pieces of the texts of one batch, computed as they are taken."""

    def __init__(
        self,
        loop: Loop,
        state: DecodeState,
        batch: Batch,
        writers: Sequence[SampleWriter],
        options: GenerationOptions,
        *,
        specs: tuple[str, ...],
        unknown_characters: tuple[str, ...],
    ) -> None:
        """Prepare to write; `specs` are those of the samplers."""
        self._loop = loop
        self._state = state
        self._batch = batch
        self._writers = writers
        self._options = options
        self._specs = specs
        self.unknown_characters = unknown_characters
        self._compiled_before = loop.compile_seconds
        self._first_seconds = self._loop_seconds = 0.0
        self._pieces = self._write()

    def __next__(self) -> Piece:
        return next(self._pieces)

    def result(self) -> Generation:
        """Write to the end, and return all."""
        for _ in self:
            pass
        return self.generation()

    def generation(self) -> Generation:
        """Return what has been written so far: all of it once the pieces are exhausted."""
        samples = tuple(writer.sample() for writer in self._writers)
        count = sum(len(sample.token_ids) for sample in samples)
        return Generation(
            samples=samples,
            samplers=self._specs,
            tokens_per_second=count / self._loop_seconds if count else 0.0,
            compile_seconds=self._loop.compile_seconds - self._compiled_before,
            seconds_to_first_token=self._first_seconds,
            compiled_with=self._loop.compiled_with,
            unknown_characters=self.unknown_characters,
            trace=self._trace(samples) if self._options.alternatives else None,
        )

    def _trace(self, samples: Sequence[Sample]) -> Trace:
        records, tokenizer = self._state.records, self._loop.language_model.tokenizer
        traced = [
            traced_sample(records, row, writer.prompt_token_ids, sample, self._specs, tokenizer)
            for row, (writer, sample) in enumerate(zip(self._writers, samples, strict=True))
        ]
        return Trace(seed=self._options.seed, samplers=self._specs, samples=tuple(traced))

    def _write(self) -> Iterator[Piece]:
        self._compiled_before = self._loop.compile_seconds
        began = self._seconds()
        self._state = self._loop.prefill(self._state, self._batch)
        unread = int(min(self._batch.prompt_lengths.numpy())) - int(self._state.length)
        chunk = unread + FIRST_CHUNK
        wanted = SECONDS_OF_ONE if len(self._writers) == 1 else SECONDS_OF_SEVERAL
        while any(writer.is_open for writer in self._writers):
            start = self._seconds()
            pieces = self._write_chunk(chunk)
            seconds = self._seconds() - start
            if not self._loop_seconds:
                self._first_seconds = self._seconds() - began
            self._loop_seconds += seconds
            chunk = max(1, min(int(chunk * wanted / seconds), LARGEST_CHUNK))
            yield from pieces

    def _seconds(self) -> float:
        """Return a clock that stands still while something is compiled."""
        return time.perf_counter() - self._loop.compile_seconds

    def _write_chunk(self, count: int) -> list[Piece]:
        """Let the loop write up to `count` tokens in every row, and return the new pieces."""
        before = int(self._state.length)
        self._state = self._loop.decode(self._state, self._batch, count)
        pieces = self._read(before, int(self._state.length))
        is_open = [writer.is_open for writer in self._writers]
        faults = zip(*(each.numpy().tolist() for each in self._state.faults), strict=True)
        for (stage, kind), row_is_open in zip(faults, is_open, strict=True):
            if kind != SOUND and row_is_open:
                raise self._loop.chain.failure(stage, kind)
        self._state = self._state._replace(
            is_open=tf.constant(is_open), faults=no_faults(len(is_open))
        )
        return pieces

    def _read(self, before: int, after: int) -> list[Piece]:
        """Return the pieces that the tokens from `before` to `after` brought."""
        # Whole arrays, cut by numpy: a slice of a tensor is an operation, far dearer than the copy.
        token_ids = self._state.token_ids.numpy()[:, before:after].tolist()
        log_probabilities = self._state.log_probabilities.numpy()[:, before:after].tolist()
        begins = (self._batch.prompt_lengths.numpy() - before).clip(min=0).tolist()
        # The last token of a row with a fault was drawn from a broken distribution.
        ends = (after - before - (self._state.faults.kind.numpy() != SOUND)).tolist()
        pieces = []
        for row, writer in enumerate(self._writers):
            drawn = slice(begins[row], ends[row])
            text = writer.push(token_ids[row][drawn], log_probabilities[row][drawn])
            if text:
                pieces.append(Piece(sample=self._options.first_sample + row, text=text))
        return pieces
