"""A group of texts in the making, read piece by piece.

Between two calls of the loop what was written is read, and the texts that have ended are closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import attrs

from textgen_core.generation.loop import Loop
from textgen_core.generation.plan import Plan
from textgen_core.generation.sample import Sample, SampleWriter
from textgen_core.generation.trace import TracedSample
from textgen_core.generation.trace_recorder import traced_sample

FIRST_CHUNK, LARGEST_CHUNK = 1, 1024  # tokens written between two looks at the text
# What a chunk is to take, going by the one before: a single text is read as it comes, several are
# shown when they are whole.
SECONDS_OF_ONE, SECONDS_OF_SEVERAL = 0.05, 0.5


@attrs.frozen(kw_only=True)
class Piece:
    """A piece of the text of one sample, in the order of writing."""

    sample: int
    text: str


class GroupStream:
    """One group of texts in the making.

    first_seconds: up to the first token; spans: when the loop ran, from and to; both on a clock
    that stands still while something is compiled.
    """

    def __init__(
        self, plan: Plan, start_loop: Callable[[Plan], Loop], samplers: Sequence[str]
    ) -> None:
        """Prepare to write; nothing is computed or compiled yet."""
        self._plan, self._start_loop, self._samplers = plan, start_loop, samplers
        self._loop: Loop | None = None
        self._writers: list[SampleWriter] = []
        self.first_seconds = self.compile_seconds = 0.0
        self.compiled_with = ""
        self.spans: list[tuple[float, float]] = []

    @property
    def has_begun(self) -> bool:
        """Whether there is anything of its texts."""
        return bool(self._writers)

    def begin(self) -> None:
        """Take up its texts, unless that is done; nothing of them is written yet."""
        plan = self._plan
        self._writers = self._writers or [
            SampleWriter(
                row.text, row.cut.token_ids, plan.tokenizer, plan.options, plan.prompts.healing(n)
            )
            for n, row in enumerate(plan.prompts.rows)
        ]

    def samples(self) -> tuple[Sample, ...]:
        """Return the samples as they stand."""
        return tuple(writer.sample() for writer in self._writers)

    def traced(self, specs: Sequence[str]) -> Iterator[TracedSample]:
        """Yield the traces of the samples, none unless they were requested."""
        if not self._plan.options.alternatives or self._loop is None:
            return
        tokenizer = self._plan.tokenizer
        for row, (writer, sample) in enumerate(zip(self._writers, self.samples(), strict=True)):
            first = len(writer.prompt_token_ids) - self._loop.first_recorded
            records = self._loop.records[first : first + len(sample.token_ids)]
            fed = self._plan.prompts.rows[row].cut
            ids = writer.prompt_token_ids
            yield traced_sample(records, row, ids, fed, sample, specs, tokenizer)

    def write(self, is_abandoned: Callable[[], bool] = lambda: False) -> Iterator[Piece]:
        """Yield the pieces as they are written; leave off once they are abandoned."""
        if is_abandoned():
            return
        self.begin()
        self._loop = loop = self._start_loop(self._plan)
        try:
            yield from self._chunks(loop, is_abandoned)
        finally:
            loop.release()

    def _chunks(self, loop: Loop, is_abandoned: Callable[[], bool]) -> Iterator[Piece]:
        began = self._now(loop)
        loop.prefill()
        chunk = FIRST_CHUNK
        wanted = SECONDS_OF_ONE if len(self._writers) == 1 else SECONDS_OF_SEVERAL
        while any(writer.is_open for writer in self._writers) and not is_abandoned():
            start = self._now(loop)
            pieces = self._write_chunk(loop, chunk)
            end = self._now(loop)
            if not self.spans:
                self.first_seconds = end - began
            self.spans.append((start, end))
            chunk = max(1, min(int(chunk * wanted / max(end - start, 1e-6)), LARGEST_CHUNK))
            yield from pieces

    def _now(self, loop: Loop) -> float:
        self.compile_seconds, self.compiled_with = loop.compile_seconds, loop.compiled_with
        return time.perf_counter() - self.compile_seconds

    def _write_chunk(self, loop: Loop, count: int) -> list[Piece]:
        """Let the loop write up to `count` tokens in every row, and return the new pieces."""
        before = loop.length
        loop.run(count)
        pieces = self._read(loop, before)
        for row, fault in loop.faults.items():
            if self._writers[row].is_open:
                raise fault.failure(self._samplers)
        loop.faults = {}
        for row, writer in enumerate(self._writers):
            loop.is_open[row] &= writer.is_open
        return pieces

    def _read(self, loop: Loop, before: int) -> list[Piece]:
        """Return the pieces that the tokens since `before` brought."""
        pieces = []
        for row, writer in enumerate(self._writers):
            # The last token of a row with a fault was drawn from a broken distribution.
            end = loop.length - (row in loop.faults)
            drawn = slice(max(before, int(loop.starts[row])), end)
            text = writer.push(
                loop.token_ids[row, drawn].tolist(), loop.log_probabilities[row, drawn].tolist()
            )
            if text:
                pieces.append(Piece(sample=self._plan.numbers[row], text=text))
        return pieces
