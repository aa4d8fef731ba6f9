"""The batches of the next step, made in the background while the step before it runs.

A batch is a pure function of its number, so it is the same however early it is made. Mostly that
takes microseconds; where tokens come from the disk, or an epoch begins and its order is drawn, the
step need not wait.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from textgen_core.data.batches import Batch, Batches


class Prefetch:
    """Makes the batches of one step ahead; a context that ends its thread.

    `per_step`: how many batches make a step. Once it is used, nothing else may read `batches`.
    """

    def __init__(self, batches: Batches, per_step: int) -> None:
        self._batches = batches
        self._per_step = per_step
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="textgen-batches")
        self._ahead: dict[int, Future[list[Batch]]] = {}  # by step: one, or none

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def take(self, step: int, *, is_last: bool) -> list[Batch]:
        """Return the batches of a step, and begin with those of the next unless it is the last.

        Raises what making them raised.
        """
        ahead, self._ahead = self._ahead, {}
        batches = ahead[step].result() if step in ahead else self._make(step)
        if not is_last:
            self._ahead = {step + 1: self._thread.submit(self._make, step + 1)}
        return batches

    def _make(self, step: int) -> list[Batch]:
        first = step * self._per_step
        return [self._batches.batch(first + index) for index in range(self._per_step)]
