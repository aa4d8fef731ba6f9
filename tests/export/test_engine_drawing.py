"""The engine draws what `textgen generate` draws: the same numbers, the same tokens."""

from __future__ import annotations

import numpy as np
from export.in_node import in_node, logits_of, needs_node

from textgen_core.generation.drawing import draw, uniform_numbers

SEEDS = (0, 1, 7, 2**31, 2**53, 2**63 + 5)


@needs_node
def test_random_numbers_are_those_of_philox() -> None:
    script = """show(given.map((seed) => {
      const numbers = uniformNumbers(BigInt(seed), 0);
      return Array.from({ length: 21 }, (_, place) => numbers(place));
    }));"""
    found = in_node(script, [str(seed) for seed in SEEDS])
    for seed, numbers in zip(SEEDS, found, strict=True):
        assert numbers == uniform_numbers(seed, [0], 21)[0].tolist()


@needs_node
def test_the_same_tokens_are_drawn() -> None:
    draws = np.random.default_rng(1)
    rows = [draws.normal(0, 3, size) for size in (4, 70, 500, 5000) for _ in range(25)]
    rows = [np.where(draws.random(len(row)) < 0.2, -np.inf, row) for row in rows]
    numbers = draws.random(len(rows))
    expected = [
        draw(row[np.newaxis].astype(np.float32), np.array([number]))[0]
        for row, number in zip(rows, numbers, strict=True)
    ]
    script = (
        "show(given.rows.map((row, place) => draw(Float32Array.from(row), given.numbers[place])));"
    )
    given = {"rows": logits_of([row.astype(np.float32) for row in rows]), "numbers": numbers}
    found = in_node(script, given)
    assert found == expected
