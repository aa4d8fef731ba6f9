"""Texts in the making, read piece by piece.

Groups of texts are written side by side, each in a thread, where the runtime has it so.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import attrs

from textgen_core.formatting import printable
from textgen_core.formatting.html import text_block
from textgen_core.generation.group_stream import GroupStream, Piece
from textgen_core.generation.loop import Loop
from textgen_core.generation.plan import Plan
from textgen_core.generation.prompts import Prompts
from textgen_core.generation.sample import Sample
from textgen_core.generation.trace import Trace

PIECES_AHEAD = 32  # that are written side by side before somebody takes one


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

    @property
    def texts(self) -> list[str]:
        """The texts alone, without their prompts."""
        return [sample.text for sample in self.samples]

    def __str__(self) -> str:
        whole = [sample.prompt + sample.text for sample in self.samples]
        if len(whole) < 2:
            return "".join(whole)
        return "\n\n".join(f"--- {place} ---\n{text}" for place, text in enumerate(whole, start=1))

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("..." if cycle else printable(str(self)))

    def _repr_html_(self) -> str:
        return "".join(text_block(sample.text, sample.prompt) for sample in self.samples)


class PieceStream(Iterator[Piece]):
    """The pieces of all texts, computed as they are taken, one group of texts after the other.

    Groups that are written side by side are computed ahead. unknown_characters, notes: of the
    prompts, as in Generation. groups: for whoever takes turns with them, and no pieces from here.
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
        self.groups = [GroupStream(plan, start_loop, samplers) for plan in plans]
        workers = min(side_by_side, len(plans))
        # Without the stream itself in them: they end as soon as nobody holds it any more.
        self._pieces = (
            _side_by_side(self.groups, workers) if workers > 1 else _one_by_one(self.groups)
        )

    def __next__(self) -> Piece:
        return next(self._pieces)

    def result(self) -> Generation:
        """Write to the end, and return all."""
        for _ in self:
            pass
        return self.generation()

    def generation(self) -> Generation:
        """Return what has been written so far: all of it once the pieces are exhausted."""
        begun = [group for group in self.groups if group.has_begun]
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

    def close(self) -> None:
        """Leave off writing; what has been written can still be had."""
        self._pieces.close()


def _one_by_one(groups: Sequence[GroupStream]) -> Generator[Piece]:
    for group in groups:
        yield from group.write()


def _side_by_side(groups: Sequence[GroupStream], workers: int) -> Generator[Piece]:
    for group in groups:
        group.begin()
    waiting = iter(groups)  # which the workers share
    # What workers say: a piece, or, in the end, the error that stopped them or None.
    said: queue.Queue[Piece | BaseException | None] = queue.Queue(PIECES_AHEAD)
    is_abandoned = threading.Event()

    def work() -> None:
        error = None
        try:
            for group in waiting:
                for piece in group.write(is_abandoned.is_set):
                    said.put(piece)
        except BaseException as found:
            error = found
        said.put(error)

    working: list[threading.Thread] = []
    try:
        for _ in range(workers):
            # A daemon: a program ends though texts that nobody reads are unfinished.
            worker = threading.Thread(target=work, name="textgen-write", daemon=True)
            worker.start()
            working.append(worker)
        yield from _until_all_end(said, workers)
    finally:
        is_abandoned.set()
        # Until the last one has left off; while Python ends, they stand still.
        while any(each.is_alive() for each in working) and not sys.is_finalizing():
            with contextlib.suppress(queue.Empty):
                said.get(timeout=0.01)


def _until_all_end(
    said: queue.Queue[Piece | BaseException | None], workers: int
) -> Iterator[Piece]:
    while workers:
        each = said.get()
        if isinstance(each, Piece):
            yield each
        elif each is None:
            workers -= 1
        else:
            raise each


def _seconds_together(groups: Sequence[GroupStream]) -> float:
    """Return the time in which at least one group was in its loop."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(span for group in groups for span in group.spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
