"""How fast a model will be trained, estimated before anything of it is compiled.

Training costs about 6 floating-point operations for each weight and token, of which the backward
pass takes 4 (Kaplan et al. 2020). How many the machine does in a second is measured with a product
of the model's size, by the threads and on the device that training will have.
"""

from __future__ import annotations

import math
import statistics
import time
from typing import Any

import tensorflow as tf

from textgen_core.models.language_model import LanguageModel

_OPERATIONS = 6  # for each weight and token
# Of the speed of its products, in float32 and in half precision, in which what lies between them
# takes as long: a Transformer reached 0.34 and 0.19.
_SHARE, _SHARE_OF_HALF = 0.34, 0.19
_SECONDS = 0.2  # spent on measuring
_SHORTEST = 1e-9  # of a product, as a coarse clock may find no time at all
_MOST_ROWS = 4096  # of the product


def estimate_tokens_per_second(language_model: LanguageModel, batch_size: int) -> float:
    """Return about how many tokens a second the model will be trained on, in this batch size."""
    matrices = _matrices(language_model)
    rows = min(_MOST_ROWS, batch_size * language_model.context_length)
    inner, columns = max((shape[-2:] for shape in matrices), key=math.prod)
    dtype = language_model.model.compute_dtype
    share = _SHARE if dtype == "float32" else _SHARE_OF_HALF
    speed = share * measure_products(rows, inner, columns, dtype)
    return speed / (_OPERATIONS * _work_of(language_model))


def _work_of(language_model: LanguageModel) -> int:
    """Return how many weights a token is multiplied with."""
    return sum(map(math.prod, _matrices(language_model)))


def measure_products(rows: int, inner: int, columns: int, dtype: str) -> float:
    """Return the operations a second of products of `(rows, inner)` and `(inner, columns)`.

    The median of those that fit into a fifth of a second counts: other work on the machine will
    slow training down as it does them. 0 where memory is too short for one: whether the model fits
    is found when it is built.
    """
    began, seconds = time.perf_counter(), list[float]()
    try:
        left, right = tf.ones((rows, inner), dtype), tf.ones((inner, columns), dtype)
        while len(seconds) < 3 or time.perf_counter() - began < _SECONDS:
            before = time.perf_counter()
            float(tf.linalg.matmul(left, right)[0, 0])  # waits for the device
            seconds.append(time.perf_counter() - before)
    except (tf.errors.ResourceExhaustedError, MemoryError):
        return 0.0
    return 2 * rows * inner * columns / max(statistics.median(seconds), _SHORTEST)


def _matrices(language_model: LanguageModel) -> list[tuple[int, ...]]:
    """Return the shapes of the weights that every token is multiplied with.

    Embeddings are looked up and cost nothing, but for those of tokens where they are the output's
    matrix too, as they are if no other weight is as wide as the vocabulary.
    """
    size = language_model.vocabulary_size
    weights: list[Any] = [
        each for each in language_model.model.trainable_variables if len(each.shape) > 1
    ]
    looked_up = [tuple(each.shape) for each in weights if "embedding" in each.path]
    others = [tuple(each.shape) for each in weights if "embedding" not in each.path]
    if not any(size in shape for shape in others):
        others += [shape[::-1] for shape in looked_up if shape[0] == size][:1]
    return others or [(1, size)]
