"""Texts in the making, read piece by piece.

Between two calls of the compiled loop it reads what was written, and closes the texts that have
ended.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import attrs
import tensorflow as tf

from textgen_core.formatting import format_count
from textgen_core.generation.batches import Plan, grown
from textgen_core.generation.chain import SOUND, no_faults
from textgen_core.generation.prompts import Prompts
from textgen_core.generation.sample import Sample, SampleWriter
from textgen_core.generation.trace import Trace, TracedSample
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
    was requested. notes: what is worth knowing, such as how the prompts were cleaned.
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
    """The pieces of all texts, computed as they are taken, one batch after the other.

    unknown_characters, notes: of the prompts, as in Generation.
    """

    def __init__(self, plans: Sequence[Plan], prompts: Prompts, *, specs: tuple[str, ...]) -> None:
        """Prepare to write `plans`, whose prompts together are `prompts`."""
        self.prompts = tuple(row.text for row in prompts.rows)
        self.unknown_characters = prompts.unknown
        cleaned = (f"The prompt was cleaned as the corpus was. {note}" for note in prompts.notes)
        self.notes = (*cleaned, *_batches(plans))
        self._specs = specs
        self._seed = plans[0].options.seed
        self._begun: list[BatchStream] = []
        self._pieces = self._write(plans)

    def __next__(self) -> Piece:
        return next(self._pieces)

    def result(self) -> Generation:
        """Write to the end, and return all."""
        for _ in self:
            pass
        return self.generation()

    def generation(self) -> Generation:
        """Return what has been written so far: all of it once the pieces are exhausted."""
        samples = tuple(sample for batch in self._begun for sample in batch.samples())
        count = sum(len(sample.token_ids) for sample in samples)
        traced = tuple(each for batch in self._begun for each in batch.traced(self._specs))
        return Generation(
            samples=samples,
            samplers=self._specs,
            tokens_per_second=count / self._sum("loop_seconds") if count else 0.0,
            compile_seconds=self._sum("compile_seconds"),
            seconds_to_first_token=self._begun[0].first_seconds if self._begun else 0.0,
            compiled_with=self._begun[0].compiled_with if self._begun else "",
            unknown_characters=self.unknown_characters,
            trace=Trace(seed=self._seed, samplers=self._specs, samples=traced) if traced else None,
            notes=self.notes,
        )

    def _sum(self, name: str) -> float:
        return float(sum(getattr(batch, name) for batch in self._begun))

    def _write(self, plans: Sequence[Plan]) -> Iterator[Piece]:
        for plan in plans:
            batch = BatchStream(plan)
            self._begun.append(batch)
            yield from batch.write()


def _batches(plans: Sequence[Plan]) -> list[str]:
    """Return the note on more texts than fit into memory together."""
    if len(plans) == 1:
        return []
    texts = format_count(sum(plan.rows for plan in plans), "text")
    each = format_count(plans[0].rows, "text")
    return [f"{texts} do not fit into memory together: they are written {each} at a time."]


class BatchStream:
    """One batch of texts in the making.

    loop_seconds: spent in the loop; first_seconds: up to the first token; both without compiling.
    """

    def __init__(self, plan: Plan) -> None:
        """Prepare to write."""
        self._plan = plan
        self._capacity = plan.first_capacity()
        self._loop = plan.loop_for(self._capacity)
        self._compiled_before = self._loop.compile_seconds
        self._compiled_earlier = 0.0  # by loops of smaller capacities
        self._state = plan.begin(self._loop)
        self._batch = plan.batch(self._capacity)
        tokenizer = self._loop.language_model.tokenizer
        self._writers = [
            SampleWriter(
                row.text, row.cut.token_ids, tokenizer, plan.options, plan.prompts.healing(number)
            )
            for number, row in enumerate(plan.prompts.rows)
        ]
        self.first_seconds = self.loop_seconds = 0.0

    @property
    def compiled_with(self) -> str:
        """What compiled the loop: "xla" or "graph"."""
        return self._loop.compiled_with

    @property
    def compile_seconds(self) -> float:
        """The time spent on compiling for this batch."""
        return self._compiled_earlier + self._loop.compile_seconds - self._compiled_before

    def samples(self) -> tuple[Sample, ...]:
        """Return the samples as they stand."""
        return tuple(writer.sample() for writer in self._writers)

    def traced(self, specs: Sequence[str]) -> Iterator[TracedSample]:
        """Yield the traces of the samples, none unless they were requested."""
        if not self._plan.options.alternatives:
            return
        records, tokenizer = self._state.records, self._loop.language_model.tokenizer
        for row, (writer, sample) in enumerate(zip(self._writers, self.samples(), strict=True)):
            fed = self._plan.prompts.rows[row].cut
            ids = writer.prompt_token_ids
            yield traced_sample(records, row, ids, fed, sample, specs, tokenizer)

    def write(self) -> Iterator[Piece]:
        """Yield the pieces as they are written."""
        began = self._seconds()
        self._state = self._loop.prefill(self._state, self._batch)
        unread = int(min(self._batch.starts.numpy())) - int(self._state.length)
        chunk = unread + FIRST_CHUNK
        wanted = SECONDS_OF_ONE if len(self._writers) == 1 else SECONDS_OF_SEVERAL
        while any(writer.is_open for writer in self._writers):
            start = self._seconds()
            pieces = self._write_chunk(chunk)
            seconds = self._seconds() - start
            if not self.loop_seconds:
                self.first_seconds = self._seconds() - began
            self.loop_seconds += seconds
            chunk = max(1, min(int(chunk * wanted / seconds), LARGEST_CHUNK))
            yield from pieces

    def _seconds(self) -> float:
        """Return a clock that stands still while something is compiled."""
        return time.perf_counter() - self._compiled_earlier - self._loop.compile_seconds

    def _make_room(self) -> None:
        """Give the rows more room once they are full."""
        if int(self._state.length) < self._capacity:
            return
        self._capacity = self._plan.next_capacity(self._capacity)
        self._state = grown(self._state, self._capacity)
        self._batch = self._plan.batch(self._capacity)
        self._compiled_earlier += self._loop.compile_seconds - self._compiled_before
        self._loop = self._plan.loop_for(self._capacity)
        self._compiled_before = self._loop.compile_seconds
        self._loop.prepare(self._state, self._batch)

    def _write_chunk(self, count: int) -> list[Piece]:
        """Let the loop write up to `count` tokens in every row, and return the new pieces."""
        self._make_room()
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
        begins = (self._batch.starts.numpy() - before).clip(min=0).tolist()
        # The last token of a row with a fault was drawn from a broken distribution.
        ends = (after - before - (self._state.faults.kind.numpy() != SOUND)).tolist()
        pieces = []
        for row, writer in enumerate(self._writers):
            drawn = slice(begins[row], ends[row])
            text = writer.push(token_ids[row][drawn], log_probabilities[row][drawn])
            if text:
                number = self._plan.options.first_sample + self._plan.first + row
                pieces.append(Piece(sample=number, text=text))
        return pieces
