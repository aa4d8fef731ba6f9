"""What a finalist of a search is judged by."""

from __future__ import annotations

from pathlib import Path

import pytest

from textgen_core.pipeline.search.records import Finalist, Verdict
from textgen_core.pipeline.search.summary import deviation_of


def finalist(*scores: float, configuration: int = 1) -> Finalist:
    """Return one with a score for each seed from 1, chosen by the first."""
    by_seed = dict(enumerate(scores, start=1))
    return Finalist(configuration=configuration, values={}, scores=by_seed, chosen_by=1)


def test_the_seed_that_it_was_chosen_by_counts_only_where_there_is_no_other() -> None:
    assert finalist(1.0, 2.0, 4.0).mean == pytest.approx(3.0)
    assert finalist(1.0).mean == 1.0


def test_the_deviation_is_that_of_means_over_the_seeds_that_count() -> None:
    several = [finalist(2.0, 2.1, 2.2), finalist(2.0, 2.1, 2.2, configuration=0)]
    assert deviation_of(*several, several) == pytest.approx(0.1 * (1 / 2 + 1 / 2) ** 0.5)


def verdict(test: float | None, recipe_test: float | None) -> Verdict:
    """Return one by which the winner is better than the recipe on validation text."""
    return Verdict(
        winner=finalist(1.9),
        recipe=finalist(2.0, configuration=0),
        others=(),
        difference=0.1,
        deviation=0.01,
        test=test,
        recipe_test=recipe_test,
        test_deviation=0.01,
        directory=Path("run"),
        toml=Path("winner.toml"),
    )


@pytest.mark.parametrize(
    ("test", "recipe_test", "is_contradicted"),
    [
        (2.1, 2.0, True),
        (2.01, 2.0, False),
        (1.9, 2.0, False),
        (2.1, None, False),
        (None, None, False),
    ],
)
def test_the_test_text_contradicts_a_verdict_only_beyond_chance(
    test: float | None, recipe_test: float | None, is_contradicted: bool
) -> None:
    assert verdict(test, recipe_test).is_contradicted is is_contradicted
