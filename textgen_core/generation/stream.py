"""Texts in the making, read piece by piece.

Between two calls of the loop what was written is read, and the texts that have ended are closed.
Groups of texts are written side by side, each in a thread, where the runtime has it so.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs

from textgen_core.generation.loop import Loop
from textgen_core.generation.plan import Plan
from textgen_core.generation.prompts import Prompts
from textgen_core.generation.sample import Sample, SampleWriter
from textgen_core.generation.trace import Trace, TracedSample
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


@attrs.frozen(kw_only=True)
class Generation:
    """What was written, and how fast.

    samplers: the specs of the chain. tokens_per_second: the new tokens of all samples over the time
    in the loop, compilation left out. seconds_to_first_token: compilation left out too;
    `compile_seconds` has it. compiled_with: "program"; with TensorFlow "xla", or "graph" where XLA
    could not. unknown_characters: what the tokenizer could not encode of the prompts. trace: None
    unless one was requested. notes: what is worth knowing, such as how the prompts were cleaned.
    """

    samples: tuple[Sample, ...]
    samplers: tuple[str, ...]
    tokens_per_second: float
    compile_seconds: float
    seconds_to_first_token: float
    compiled_with: str
    unknown_characters: tuple[str, ...]
    trace: Trace | None = None
    notes: tuple[str, ...] = ()


class PieceStream(Iterator[Piece]):
    """The pieces of all texts, computed as they are taken, one group of texts after the other.

    Groups that are written side by side are computed ahead. unknown_characters, notes: of the
    prompts, as in Generation.
    """

    def __init__(
        self,
        plans: Sequence[Plan],
        prompts: Prompts,
        start_loop: Callable[[Plan], Loop],
        *,
        specs: tuple[str, ...],
        samplers: tuple[str, ...],
        side_by_side: int = 1,
        notes: Sequence[str] = (),
    ) -> None:
        """Prepare to write `plans`, whose prompts together are `prompts`.

        samplers: what the samplers are called in errors.
        """
        self.prompts = tuple(row.text for row in prompts.rows)
        self.unknown_characters = prompts.unknown
        cleaned = (f"The prompt was cleaned as the corpus was. {note}" for note in prompts.notes)
        self.notes = (*cleaned, *notes)
        self._specs = specs
        self._seed = plans[0].options.seed
        self._groups = [GroupStream(plan, start_loop, samplers) for plan in plans]
        workers = min(side_by_side, len(plans))
        self._pieces = self._write_side_by_side(workers) if workers > 1 else self._write()

    def __next__(self) -> Piece:
        return next(self._pieces)

    def result(self) -> Generation:
        """Write to the end, and return all."""
        for _ in self:
            pass
        return self.generation()

    def generation(self) -> Generation:
        """Return what has been written so far: all of it once the pieces are exhausted."""
        begun = [group for group in self._groups if group.has_begun]
        samples = tuple(sample for group in begun for sample in group.samples())
        count = sum(len(sample.token_ids) for sample in samples)
        traced = tuple(each for group in begun for each in group.traced(self._specs))
        return Generation(
            samples=samples,
            samplers=self._specs,
            tokens_per_second=count / _seconds_together(begun) if count else 0.0,
            compile_seconds=sum(group.compile_seconds for group in begun),
            seconds_to_first_token=begun[0].first_seconds if begun else 0.0,
            compiled_with=begun[0].compiled_with if begun else "",
            unknown_characters=self.unknown_characters,
            trace=Trace(seed=self._seed, samplers=self._specs, samples=traced) if traced else None,
            notes=self.notes,
        )

    def _write(self) -> Iterator[Piece]:
        for group in self._groups:
            yield from group.write()

    def _write_side_by_side(self, workers: int) -> Iterator[Piece]:
        found: queue.SimpleQueue[Piece | GroupStream] = queue.SimpleQueue()
        is_abandoned = threading.Event()

        def write(group: GroupStream) -> None:
            try:
                for piece in group.write():
                    found.put(piece)
                    if is_abandoned.is_set():
                        return
            finally:
                found.put(group)

        pool = ThreadPoolExecutor(workers, thread_name_prefix="textgen-write")
        try:
            futures = {id(group): pool.submit(write, group) for group in self._groups}
            unfinished = len(futures)
            while unfinished:
                each = found.get()
                if isinstance(each, Piece):
                    yield each
                else:
                    unfinished -= 1
                    futures[id(each)].result()  # raises what stopped it
        finally:
            is_abandoned.set()
            pool.shutdown(cancel_futures=True)


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
        return self._loop is not None

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

    def write(self) -> Iterator[Piece]:
        """Yield the pieces as they are written."""
        plan = self._plan
        self._writers = [
            SampleWriter(
                row.text, row.cut.token_ids, plan.tokenizer, plan.options, plan.prompts.healing(n)
            )
            for n, row in enumerate(plan.prompts.rows)
        ]
        self._loop = loop = self._start_loop(plan)
        try:
            yield from self._chunks(loop)
        finally:
            loop.release()

    def _chunks(self, loop: Loop) -> Iterator[Piece]:
        began = self._now(loop)
        loop.prefill()
        unread = int(loop.starts.min()) - loop.length
        chunk = unread + FIRST_CHUNK
        wanted = SECONDS_OF_ONE if len(self._writers) == 1 else SECONDS_OF_SEVERAL
        while any(writer.is_open for writer in self._writers):
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


def _seconds_together(groups: Sequence[GroupStream]) -> float:
    """Return the time in which at least one group was in its loop."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(span for group in groups for span in group.spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
