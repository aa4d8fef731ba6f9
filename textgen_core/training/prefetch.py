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
        self._ahead: tuple[int, Future[list[Batch]]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=True, cancel_futures=True)

    def take(self, step: int, *, is_last: bool) -> list[Batch]:
        """Return the batches of a step, and begin with those of the next unless it is the last.

        Raises what making them raised.
        """
        ahead, self._ahead = self._ahead, None
        is_made = ahead is not None and ahead[0] == step
        batches = ahead[1].result() if ahead is not None and is_made else self._make(step)
        if not is_last:
            self._ahead = (step + 1, self._thread.submit(self._make, step + 1))
        return batches

    def _make(self, step: int) -> list[Batch]:
        first = step * self._per_step
        return [self._batches.batch(first + index) for index in range(self._per_step)]
