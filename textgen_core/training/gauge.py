"""What a step costs beside a product that is always the same.

The seconds of a step say as much about what else a machine does, and how warm it is, as about the
step. So steps and products take turns, and the median of their ratios counts: what slows one down
slows down the other.
"""

from __future__ import annotations

import statistics
import time

import attrs
import tensorflow as tf

from textgen_core.training.job import TrainingJob, steps_taken_back

_ROWS, _WIDTH, _COLUMNS = 2048, 512, 2048  # of the product: some tenth of a second on one core
_TIMED = 5  # times, where it is timed alone
_TURNS, _FEWEST, _SECONDS = 11, 3, 4.0  # fewer turns than the most where they take longer


@attrs.frozen(kw_only=True)
class StepCost:
    """What a step costs.

    first: seconds of the first one, which compiles; seconds: of each after it. gauge: seconds of
    the product; ratio: of a step to that.
    """

    first: float
    seconds: float
    gauge: float
    ratio: float


def compare_step(job: TrainingJob) -> StepCost:
    """Return what a step costs, compilation left out; the job is left as it was, to the bit."""
    product = _Product()
    turns: list[tuple[float, float]] = []
    with steps_taken_back(job) as time_step:
        first = time_step()
        began = time.perf_counter()
        while len(turns) < _TURNS and (
            len(turns) < _FEWEST or time.perf_counter() - began < _SECONDS
        ):
            turns.append((time_step(), product.time()))
    return StepCost(
        first=first,
        seconds=statistics.median(step for step, _ in turns),
        gauge=statistics.median(gauge for _, gauge in turns),
        ratio=statistics.median(step / gauge for step, gauge in turns),
    )


def time_product() -> float:
    """Return the seconds that the product takes now, the median of some."""
    product = _Product()
    return statistics.median(product.time() for _ in range(_TIMED))


class _Product:
    """What attention does, and most of a training step: two products, a softmax between them."""

    def __init__(self) -> None:
        self._left = tf.ones((_ROWS, _WIDTH)) / _WIDTH
        self._right = tf.ones((_WIDTH, _COLUMNS))
        self._attend = tf.function(_attend, jit_compile=True)
        self.time()  # which compiles it

    def time(self) -> float:
        began = time.perf_counter()
        float(self._attend(self._left, self._right))  # waits for the device
        return time.perf_counter() - began


def _attend(left: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
    weights = tf.nn.softmax(tf.linalg.matmul(left, right))
    return tf.reduce_sum(tf.linalg.matmul(weights, right, transpose_b=True))
