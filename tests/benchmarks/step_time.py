"""How long a step of several workers takes, by arithmetic: computing, and summing the gradients.

A ring sums S bytes among N workers in 2 (N - 1) rounds. In each a worker asks its neighbour for
S / N bytes, and gets them:

    seconds = 2 (N - 1) / N * S / bandwidth + 2 (N - 1) * round trip

so that the first part hardly grows with N and the second in proportion. Computing has a part for
each row, which the workers divide, and one that each of them does whole: clipping and the update.
The two do not overlap: gradients are summed once all are there. This module measures nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

MOST_WORKERS = 1024


@dataclass(frozen=True, kw_only=True)
class Link:
    """What connects two workers."""

    name: str
    bandwidth: float  # bytes a second, in each direction
    round_trip: float  # seconds from a question to its answer, however short, as `ping` tells


@dataclass(frozen=True, kw_only=True)
class Training:
    """A training as one worker does it."""

    name: str
    rows: int  # of a batch
    row_tokens: int
    row_seconds: float  # for computing a row
    update_seconds: float  # of a step, whatever its rows
    gradient_bytes: int

    def step_seconds(self, workers: int, link: Link, *, rows: int | None = None) -> float:
        """Return the seconds of a step of `workers`; rows: of the batch, by default this one's."""
        share = math.ceil((rows or self.rows) / workers)
        computing = share * self.row_seconds + self.update_seconds
        return computing + all_reduce_seconds(self.gradient_bytes, workers, link)

    def tokens_per_second(self, workers: int, link: Link, *, rows: int | None = None) -> float:
        """Return what all workers together get through."""
        rows = rows or self.rows
        return rows * self.row_tokens / self.step_seconds(workers, link, rows=rows)

    def speed_up(self, workers: int, link: Link, *, rows: int | None = None) -> float:
        """Return how many times as fast as one worker that has the same batch, by accumulation."""
        rows = rows or self.rows
        alone = rows * self.row_tokens / (rows * self.row_seconds + self.update_seconds)
        return self.tokens_per_second(workers, link, rows=rows) / alone

    def best_workers(self, link: Link) -> int:
        """Return with how many workers a batch of these rows is trained fastest."""
        most = min(self.rows, MOST_WORKERS)
        return min(range(1, most + 1), key=lambda count: self.step_seconds(count, link))

    def rows_for(self, efficiency: float, workers: int, link: Link) -> int:
        """Return the least batch, in rows, of which workers get so large a share of their number.

        efficiency: the speed-up by the number of workers, below 1.
        """
        summing = all_reduce_seconds(self.gradient_bytes, workers, link)
        # share * r + u + summing <= (workers * share * r + u) / (workers * efficiency)
        waste = self.update_seconds * (1 - 1 / (workers * efficiency)) + summing
        share = waste / (self.row_seconds * (1 / efficiency - 1))
        return max(workers, workers * math.ceil(share))


def all_reduce_seconds(size: float, workers: int, link: Link) -> float:
    """Return how long a ring of workers takes to sum a vector of `size` bytes."""
    if workers == 1:
        return 0.0
    sent = 2 * (workers - 1) / workers * size
    return sent / link.bandwidth + 2 * (workers - 1) * link.round_trip


def fit_link(sizes: Sequence[float], seconds: Sequence[float], workers: int, name: str) -> Link:
    """Return the link on which summing vectors of these sizes takes these times, least squares.

    Relative errors count, so that the short times settle the round trip. Neither can be negative.
    """
    rounds = 2 * (workers - 1)
    columns = [
        (rounds / workers * size / time, rounds / time) for size, time in zip(sizes, seconds)
    ]
    aa = sum(a * a for a, _ in columns)
    ab = sum(a * b for a, b in columns)
    bb = sum(b * b for _, b in columns)
    ya, yb = sum(a for a, _ in columns), sum(b for _, b in columns)
    determinant = aa * bb - ab * ab
    per_byte, round_trip = 0.0, 0.0
    if determinant > 1e-12 * aa * bb:
        per_byte = (ya * bb - yb * ab) / determinant
        round_trip = (yb * aa - ya * ab) / determinant
    if round_trip <= 0:
        per_byte, round_trip = ya / aa, 0.0
    elif per_byte <= 0:
        per_byte, round_trip = 0.0, yb / bb
    return Link(name=name, bandwidth=1 / per_byte if per_byte else math.inf, round_trip=round_trip)


def fit_training(
    name: str, step_seconds: Sequence[tuple[int, float]], row_tokens: int, gradient_bytes: int
) -> Training:
    """Return the training whose steps of so many rows take one worker so long: two measurements.

    The first has the rows of the batch.
    """
    (rows, whole), (fewer, part) = step_seconds
    row_seconds = max((whole - part) / (rows - fewer), 0.0) or whole / rows
    return Training(
        name=name,
        rows=rows,
        row_tokens=row_tokens,
        row_seconds=min(row_seconds, whole / rows),
        update_seconds=max(whole - rows * row_seconds, 0.0),
        gradient_bytes=gradient_bytes,
    )
