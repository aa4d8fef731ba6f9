"""What a finalist of a search is judged by."""

from __future__ import annotations

import pytest

from textgen_core.pipeline.search.records import Finalist
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
