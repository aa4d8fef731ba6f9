"""What may be chance in a comparison: against loops that draw by themselves, and real runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from textgen_core.evaluation.comparison import (
    TYPICAL,
    Ranking,
    SeedSpread,
    compare_blocks,
    spread_of,
)
from textgen_core.evaluation.comparison_words import describe_ranking

BLOCKS, SIZE = 40, 2000
NONE = SeedSpread(bits=0.0, freedom=4, is_typical=True)  # as if seeds changed nothing
REAL = json.loads(Path(__file__).with_name("block_losses.json").read_text())


def made(*scores: list[float], noise: float = 0.02, seed: int = 0) -> list[np.ndarray]:
    """Return the bits of each block: of each entry a row for each seed's score."""
    generator = np.random.default_rng(seed)
    hard = generator.normal(0, 0.3, BLOCKS)  # blocks that are hard are hard for all
    return [
        np.stack([SIZE * (each + hard + generator.normal(0, noise, BLOCKS)) for each in of_seeds])
        for of_seeds in scores
    ]


def compared(bits: list[np.ndarray], resamples: int = 2000, **given: object) -> Ranking:
    sizes = np.full(bits[0].shape[1], float(SIZE))
    return compare_blocks(bits, sizes, resamples=resamples, **given)  # type: ignore[arg-type]


def test_the_interval_for_other_texts_is_that_of_blocks_drawn_one_by_one() -> None:
    bits = made([1.60], [1.62], noise=0.05)
    (found,) = compared(bits, typical=NONE).differences
    generator = np.random.default_rng(99)
    apart = (bits[found.worse][0] - bits[found.better][0]) / SIZE
    strayed = []
    for _ in range(1000):
        drawn = [apart[int(generator.integers(BLOCKS))] for _ in range(BLOCKS)]
        strayed.append(abs(sum(drawn) / BLOCKS - apart.mean()))
    half = sorted(strayed)[int(0.95 * len(strayed))]
    assert found.bits == pytest.approx(apart.mean())
    assert found.high - found.bits == pytest.approx(half, rel=0.1)
    assert found.bits - found.low == pytest.approx(half, rel=0.1)


def test_with_blocks_of_unequal_size_a_longer_one_counts_for_more() -> None:
    sizes = np.array([3000.0, 1000.0])
    bits = [np.array([[3000.0, 2000.0]]), np.array([[6000.0, 2000.0]])]
    assert compare_blocks(bits, sizes, resamples=10).scores == (5000 / 4000, 8000 / 4000)


def test_what_is_hard_for_all_makes_no_interval_longer() -> None:
    alike = compared(made([1.60], [1.61], noise=0.01), typical=NONE)
    found = alike.behind_best(1)
    low, high = alike.intervals[0]
    assert found.high - found.low < (high - low) / 5


def test_seeds_stray_as_student_says() -> None:
    # Three seeds each, with no noise of the text: half is t(0.975, 4) s sqrt(2 / 3).
    scores = [1.59, 1.60, 1.61], [1.62, 1.63, 1.64]
    found = compared(made(*scores, noise=0.0), resamples=20_000).behind_best(1)
    assert found.high - found.bits == pytest.approx(2.776 * 0.01 * (2 / 3) ** 0.5, rel=0.05)
    assert found.other_text == pytest.approx(0, abs=1e-9)


def test_where_seeds_are_too_few_the_typical_spread_takes_their_place() -> None:
    one, several = np.array([1.6]), np.array([1.60, 1.61, 1.62])
    assert spread_of([one, one]) == TYPICAL
    two = spread_of([np.array([1.60, 1.70]), one])
    assert two.is_typical and two.bits == pytest.approx(0.1 / 2**0.5)
    assert spread_of([np.array([1.6, 1.6001]), one]).bits == TYPICAL.bits  # no lucky pair
    own = spread_of([several, several])
    assert (own.is_typical, own.freedom) == (False, 4)
    assert own.bits == pytest.approx(0.01)


@pytest.mark.parametrize("recipe", ["transformer", "lstm"])
def test_two_seeds_of_a_real_recipe_tie(recipe: str) -> None:
    runs = [np.array([each]) for each in REAL[recipe]]
    generator = np.random.default_rng(5)
    ties = 0
    for number in range(100):
        one, other = generator.choice(3, 2, replace=False)
        drawn = generator.integers(runs[0].shape[1], size=runs[0].shape[1])
        found = compared([runs[one][:, drawn], runs[other][:, drawn]], 200, seed=number)
        ties += bool(found.tied_with_best)
    assert ties >= 95


def test_of_two_real_recipes_three_seeds_find_the_better_one() -> None:
    recipes = [np.array(REAL[name]) for name in ("lstm", "transformer")]
    generator = np.random.default_rng(6)
    found = 0
    for number in range(50):  # they are 0.030 bits per byte apart
        drawn = generator.integers(recipes[0].shape[1], size=recipes[0].shape[1])
        ranking = compared([each[:, drawn] for each in recipes], 200, seed=number)
        found += (ranking.best, ranking.tied_with_best) == (1, ())
    assert found >= 45


def test_three_seeds_tie_with_three_others_and_find_what_is_there() -> None:
    generator = np.random.default_rng(3)
    ties = found = 0
    for number in range(60):
        seeds = [1.6 + generator.normal(0, 0.008, 3) for _ in range(2)]
        same = made(*map(list, seeds), noise=0.03, seed=number)
        ties += bool(compared(same, 200).tied_with_best)
        worse = compared([same[0], same[1] + 0.03 * SIZE], 200)
        found += (worse.best, worse.tied_with_best) == (0, ())
    assert ties >= 57
    assert found >= 48


def test_intervals_of_many_are_longer_so_that_all_hold_at_once() -> None:
    many = made(*([1.6] for _ in range(8)))
    (pair,) = compared(many[:2]).differences
    among_many = next(
        each for each in compared(many).differences if {each.better, each.worse} == {0, 1}
    )
    assert among_many.high - among_many.low > 1.2 * (pair.high - pair.low)


def test_the_same_models_tie_and_the_same_seed_draws_the_same() -> None:
    bits = made([1.6])
    same = compared([bits[0], bits[0]])
    assert same.tied_with_best == (1,)
    assert same.differences[0].bits == 0
    others = made([1.6], [1.62])
    assert compared(others).differences == compared(others).differences
    assert compared(others).differences != compared(others, seed=1).differences


def test_a_difference_is_said_with_what_chance_explains() -> None:
    sentences = describe_ranking(compared(made([1.8], [1.6])), ["slow", "fast"])
    assert sentences[0].startswith("fast is best: 1.58")
    assert "less than slow" in sentences[0]


def test_a_tie_is_said_as_one_and_what_holds_for_the_models_alone() -> None:
    ranking = compared(made([1.60], [1.62], noise=0.002))
    assert ranking.tied_with_best == (1,)
    first, models, spread = describe_ranking(ranking, ["a", "b"])
    assert first.startswith("a and b tie: they are 0.019 bits")
    assert models.startswith("The models at hand do differ: a predicts such text better than b")
    assert "0.010 bits per byte is assumed" in spread


def test_of_several_those_that_tie_and_those_that_are_worse_are_named() -> None:
    bits = made([1.6], [1.601], [1.602], [1.9])
    first, worse, *_ = describe_ranking(compared(bits), ["a", "b", "c", "d"])
    assert first.startswith("No winner: ")
    assert first.endswith("tie with it.")
    assert worse.startswith("Worse than ")
    assert "d by 0." in worse
