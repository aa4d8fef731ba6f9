"""A group of texts in the making, read piece by piece.

Between two calls of the loop what was written is read, and the texts that have ended are closed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import attrs

from textgen_core.generation.choices import ChoiceTexts
from textgen_core.generation.loop import Loop
from textgen_core.generation.plan import Plan
from textgen_core.generation.sample import Sample, SampleWriter
from textgen_core.generation.tokens import WrittenToken
from textgen_core.generation.trace import TracedSample
from textgen_core.generation.trace_recorder import traced_sample

FIRST_CHUNK, LARGEST_CHUNK = 1, 1024  # tokens written between two looks at the text
# What a chunk is to take, going by the one before: a single text is read as it comes, several are
# shown when they are whole.
SECONDS_OF_ONE, SECONDS_OF_SEVERAL = 0.05, 0.5
FED_IN_TURN = 16  # tokens of a prompt that are read between two looks at the clock


@attrs.frozen(kw_only=True)
class Piece:
    """A piece of the text of one sample, in the order of writing.

    tokens: those that it is made of, where they are carried: a piece may then have no text of its
    own. prompt_token_ids: those before the first token, without `<START>`, of the first piece that
    carries tokens: they may be others than the prompt's, whose end is written again. Of a sample's
    last piece: stopped_by, what ended it; new_tokens, how many it has, as far as its text goes
    where they are carried.
    """

    sample: int
    text: str
    tokens: tuple[WrittenToken, ...] = ()
    prompt_token_ids: tuple[int, ...] | None = None
    stopped_by: Literal["length", "stop", "end"] | None = None
    new_tokens: int = 0


def _never() -> bool:
    return False


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
        self._choices = ChoiceTexts(plan.token_bytes)
        self._handed_out = [0] * plan.texts  # tokens of each text
        self._is_fed, self._chunk, self._began = False, FIRST_CHUNK, 0.0
        self.first_seconds = self.compile_seconds = 0.0
        self.compiled_with = ""
        self.spans: list[tuple[float, float]] = []

    @property
    def has_begun(self) -> bool:
        """Whether there is anything of its texts."""
        return bool(self._writers)

    @property
    def is_open(self) -> bool:
        """Whether one of its texts goes on."""
        return not self._writers or any(writer.is_open for writer in self._writers)

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

    def write(self, is_abandoned: Callable[[], bool] = _never) -> Iterator[Piece]:
        """Yield the pieces as they are written; leave off once they are abandoned."""
        if is_abandoned():
            return
        self.begin()
        seconds = SECONDS_OF_ONE if len(self._writers) == 1 else SECONDS_OF_SEVERAL
        try:
            while self.is_open and not is_abandoned():
                pieces = self._advance(seconds, is_abandoned)
                yield from (piece for piece in pieces if piece.text or piece.tokens)
        finally:
            self.release()

    def take_turn(self, seconds: float, is_abandoned: Callable[[], bool] = _never) -> list[Piece]:
        """Read the prompts, or write, for about so long; return the pieces, also empty last ones.

        Whoever gives turns releases the group in the end.
        """
        self.begin()
        return self._advance(seconds, is_abandoned, FED_IN_TURN)

    def release(self) -> None:
        """Give back what computes; nothing more is written."""
        if self._loop is not None:
            self._loop.release()

    def _advance(
        self, seconds: float, is_abandoned: Callable[[], bool], fed_at_once: int | None = None
    ) -> list[Piece]:
        if self._loop is None:
            self._loop = self._start_loop(self._plan)
            self._began = self._now(self._loop)
        if not self._is_fed and not self._feed(self._loop, seconds, is_abandoned, fed_at_once):
            return []
        return self._write_chunk(self._loop, seconds, is_abandoned)

    def _feed(
        self, loop: Loop, seconds: float, is_abandoned: Callable[[], bool], at_once: int | None
    ) -> bool:
        """Read the prompts for about so long, and return whether they are read."""
        end = time.perf_counter() + seconds
        while not is_abandoned():
            self._is_fed = loop.prefill(at_once)
            if self._is_fed or time.perf_counter() > end:
                break
        return self._is_fed

    def _write_chunk(
        self, loop: Loop, seconds: float, is_abandoned: Callable[[], bool]
    ) -> list[Piece]:
        start = self._now(loop)
        pieces = self._write(loop, self._chunk, is_abandoned)
        end = self._now(loop)
        if not self.spans:
            self.first_seconds = end - self._began
        self.spans.append((start, end))
        chunk = int(self._chunk * seconds / max(end - start, 1e-6))
        self._chunk = max(1, min(chunk, LARGEST_CHUNK))
        return pieces

    def _now(self, loop: Loop) -> float:
        self.compile_seconds, self.compiled_with = loop.compile_seconds, loop.compiled_with
        return time.perf_counter() - self.compile_seconds

    def _write(self, loop: Loop, count: int, is_abandoned: Callable[[], bool]) -> list[Piece]:
        """Let the loop write up to `count` tokens in every row, and return the new pieces."""
        before = loop.length
        loop.run(count, is_abandoned)
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
            if not writer.is_open:
                continue
            # The last token of a row with a fault was drawn from a broken distribution.
            end = loop.length - (row in loop.faults)
            drawn = slice(max(before, int(loop.starts[row])), end)
            text = writer.push(
                loop.token_ids[row, drawn].tolist(), loop.log_probabilities[row, drawn].tolist()
            )
            is_first = not self._handed_out[row]
            tokens = self._with_choices(loop, row, writer.take_tokens())
            prompt = tuple(writer.prompt_token_ids[1:]) if tokens and is_first else None
            piece = Piece(
                sample=self._plan.numbers[row], text=text, tokens=tokens, prompt_token_ids=prompt
            )
            if not writer.is_open:
                carries = self._plan.options.carries_tokens
                count = self._handed_out[row] if carries else writer.new_tokens
                piece = attrs.evolve(piece, stopped_by=writer.stopped_by, new_tokens=count)
            if text or tokens or piece.stopped_by:
                pieces.append(piece)
        return pieces

    def _with_choices(
        self, loop: Loop, row: int, tokens: Sequence[WrittenToken]
    ) -> tuple[WrittenToken, ...]:
        """Return the next tokens of a text with their alternatives, if there are any."""
        place = len(self._writers[row].prompt_token_ids) + self._handed_out[row]
        self._handed_out[row] += len(tokens)
        if not self._plan.options.alternatives:
            return tuple(tokens)
        before = loop.token_ids[row, place - 1 : place - 1 + len(tokens)].tolist()
        records = loop.records[place - loop.first_recorded :]
        return tuple(
            attrs.evolve(token, alternatives=self._choices.choices(record, row, last))
            for token, record, last in zip(tokens, records, before, strict=False)
        )
