"""Workers that are threads of one process: a collective without sockets, for quick tests."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tensorflow as tf

from textgen_core.errors import WorkersError
from textgen_core.training.workers.transport import Collective

PATIENCE = 300  # seconds: other tests may take the processor


class ThreadCollective(Collective):
    """Sums what the threads of one process bring, in the order of their ranks."""

    def __init__(self, rank, size, meeting, brought):
        self.rank, self.size = rank, size
        self._meeting, self._brought = meeting, brought
        self.sizes = []

    def sum(self, vector):
        self._brought[self.rank] = np.asarray(vector, np.float32)
        self.sizes.append(len(self._brought[self.rank]))
        try:
            self._meeting.wait(PATIENCE)
            total = np.sum(list(self._brought), axis=0, dtype=np.float32)
            self._meeting.wait(PATIENCE)  # before anybody brings the next one
        except threading.BrokenBarrierError as error:
            raise WorkersError("Another worker is gone.") from error
        return tf.constant(total)


def collectives(size):
    meeting, brought = threading.Barrier(size), [None] * size
    return [ThreadCollective(rank, size, meeting, brought) for rank in range(size)]


def work(size, task):
    """What `task(collective)` returns in each worker, by rank; one that raises frees the others.

    Raises what the lowest rank raised whose own fault it was.
    """
    together = collectives(size)

    def run(collective):
        try:
            return task(collective)
        except BaseException:
            collective._meeting.abort()
            raise

    with ThreadPoolExecutor(size) as threads:
        tasks = [threads.submit(run, each) for each in together]
    errors = [error for each in tasks if (error := each.exception()) is not None]
    for error in sorted(errors, key=lambda each: "is gone" in str(each)):
        raise error
    return [each.result() for each in tasks]
