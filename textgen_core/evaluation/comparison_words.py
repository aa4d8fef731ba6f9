"""What a comparison comes to, in sentences for one who never heard of a bootstrap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textgen_core.evaluation.comparison import Ranking

_ENOUGH = 3  # runs of a recipe, from which on nothing is advised


def describe_ranking(ranking: Ranking, names: Sequence[str]) -> list[str]:
    """Return who is best, who ties, and why a difference may be chance; names: of the entries."""
    sentences = [_headline(ranking, names)]
    if len(names) > 2:
        sentences += _others(ranking, names)
    sentences += _these_models(ranking, names)
    return [*sentences, describe_spread(ranking)]


def describe_spread(ranking: Ranking) -> str:
    """Return how much another seed changes, and how that is known."""
    spread = ranking.spread
    if spread.is_typical:
        return (
            "There are too few seeds to tell how much another one would change: a spread of "
            f"{spread.bits:.3f} bits per byte is assumed, which other recipes showed. With three "
            "seeds of each it is measured: textgen compare RECIPE RECIPE --seeds 3"
        )
    return (
        f"Another seed alone changes a score here by about {spread.bits:.3f} bits per byte (the "
        "standard deviation of one recipe's runs), and the intervals allow for it."
    )


def _headline(ranking: Ranking, names: Sequence[str]) -> str:
    best, tied = ranking.best, ranking.tied_with_best
    score = f"{ranking.scores[best]:.3f} bits per byte"
    if not tied:
        second = ranking.behind_best(ranking.order[1])
        return (
            f"{names[best]} is best: {score}, {second.bits:.3f} less than {names[second.worse]}, "
            f"and chance explains {second.bits - second.low:.3f} at most."
        )
    if len(tied) == 1:
        found = ranking.behind_best(tied[0])
        return (
            f"{names[best]} and {names[tied[0]]} tie: they are {found.bits:.3f} bits per byte "
            f"apart, and chance alone could put them {found.high - found.bits:.3f} apart."
        )
    listed = ", ".join(names[each] for each in tied[:-1])
    return (
        f"No winner: {names[best]} has the lowest score, {score}, and {listed} and "
        f"{names[tied[-1]]} tie with it."
    )


def _others(ranking: Ranking, names: Sequence[str]) -> Iterator[str]:
    """Yield which entries are worse than the best one, where somebody else ties with that."""
    tied = ranking.tied_with_best
    worse = [each for each in ranking.order[1:] if each not in tied]
    if tied and worse:
        found = ", ".join(
            f"{names[each]} by {ranking.behind_best(each).bits:.3f}" for each in worse
        )
        yield f"Worse than {names[ranking.best]}: {found}."


def _these_models(ranking: Ranking, names: Sequence[str]) -> Iterator[str]:
    """Yield which ties are ties of recipes alone: the models that are there do differ."""
    for entry in ranking.tied_with_best:
        found = ranking.behind_best(entry)
        if found.holds_for_these_models and max(map(len, ranking.by_seed)) < _ENOUGH:
            yield (
                f"The models at hand do differ: {names[ranking.best]} predicts such text better "
                f"than {names[entry]}. Other seeds might turn that round, so it does not say which "
                "recipe is better."
            )
