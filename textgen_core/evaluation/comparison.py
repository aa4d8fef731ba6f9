"""Which of several models predicts a text best, and which differences may be chance.

Two things are chance. Another text would have given other scores: the blocks of the text are drawn
again, the same ones for all models, since what is hard for one is hard for the others (a paired
bootstrap, Efron 1979). And another seed would have given another model: each draw also moves the
score of a recipe by as much as the mean of so many seeds strays. A few seeds drawn with replacement
would stray too little, so they are drawn from a normal distribution, of which the spread is itself
drawn as little as it is known (together, Student's t).

Knows no model and no file: it is given what each block cost.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cached_property

import attrs
import numpy as np

RESAMPLES = 10_000
CONFIDENCE = 0.95
_AT_ONCE = 500  # resamples, whose draws of blocks are in memory
_FEWEST_FREE = 2  # degrees of freedom from which seeds say themselves how much they differ


@attrs.frozen(kw_only=True)
class SeedSpread:
    """How much seeds of one recipe differ: a standard deviation in bits per byte.

    freedom: the degrees of freedom that it was measured with. is_typical: whether it is what other
    recipes showed, because those compared were not trained often enough.
    """

    bits: float
    freedom: int
    is_typical: bool = False


# What seeds of one recipe differ by where nobody measured it: tests/benchmarks/compare.py.
TYPICAL = SeedSpread(bits=0.01, freedom=4, is_typical=True)


@attrs.frozen(kw_only=True)
class Difference:
    """By how many bits per byte one entry is better than another, `worse`, by their numbers.

    low, high: the interval that holds the true one with `CONFIDENCE`, for recipes; all intervals of
    a comparison do at once. other_text: half of the interval if the models were the only ones that
    their recipes can give, and only another text were chance.
    """

    better: int
    worse: int
    bits: float
    low: float
    high: float
    other_text: float

    @property
    def is_tie(self) -> bool:
        """Whether it may be chance."""
        return self.low <= 0

    @property
    def holds_for_these_models(self) -> bool:
        """Whether another text of the kind would show it with the same models."""
        return self.bits > self.other_text


@attrs.frozen(kw_only=True, eq=False)
class Ranking:
    """The scores of several entries on one text, and the differences between them.

    scores: bits per byte of each. by_seed: of each of its models. intervals: of each score, for
    other texts of the kind. differences: of all pairs.
    """

    scores: tuple[float, ...]
    by_seed: tuple[tuple[float, ...], ...]
    intervals: tuple[tuple[float, float], ...]
    differences: tuple[Difference, ...]
    spread: SeedSpread
    blocks: int
    text_bytes: int

    @cached_property
    def order(self) -> tuple[int, ...]:
        """The entries' numbers, the best first."""
        return tuple(sorted(range(len(self.scores)), key=self.scores.__getitem__))

    @property
    def best(self) -> int:
        """The entry with the lowest score, though others may tie with it."""
        return self.order[0]

    def behind_best(self, entry: int) -> Difference:
        """Return by how much an entry is worse than the best one."""
        return next(
            each for each in self.differences if (each.better, each.worse) == (self.best, entry)
        )

    @property
    def tied_with_best(self) -> tuple[int, ...]:
        """The entries that may be as good as the best one, which is none of them."""
        return tuple(each for each in self.order[1:] if self.behind_best(each).is_tie)


def compare_blocks(
    bits: Sequence[np.ndarray],
    block_bytes: np.ndarray,
    *,
    typical: SeedSpread = TYPICAL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Ranking:
    """Compare entries, at least two, by what each block of one text cost them.

    Args:
        bits: of each entry float `(models, blocks)`, a row for each of its seeds.
        block_bytes: the size of each block, `(blocks,)`.
        typical: the spread of seeds where there are too few to tell.
        resamples: how often the text is drawn.
        seed: of the draws; the same one gives the same intervals.
    """
    size = float(block_bytes.sum())
    by_seed = [rows.sum(axis=1) / size for rows in bits]
    scores = np.array([each.mean() for each in by_seed])
    generator = np.random.default_rng(seed)
    means = np.stack([rows.mean(axis=0) for rows in bits])  # (entries, blocks)
    texts = _draw_texts(means, block_bytes, resamples, generator) - scores
    spread = spread_of(by_seed, typical)
    models = np.array([len(each) for each in by_seed])
    moved = texts + _draw_seeds(spread, models, resamples, generator)
    of_texts = np.quantile(np.abs(texts), CONFIDENCE, axis=0)
    return Ranking(
        scores=tuple(map(float, scores)),
        by_seed=tuple(tuple(map(float, each)) for each in by_seed),
        intervals=tuple(
            (float(score - half), float(score + half))
            for score, half in zip(scores, of_texts, strict=True)
        ),
        differences=_differences(scores, texts, moved),
        spread=spread,
        blocks=len(block_bytes),
        text_bytes=int(size),
    )


def spread_of(by_seed: Sequence[np.ndarray], typical: SeedSpread = TYPICAL) -> SeedSpread:
    """Return how much seeds differ, all recipes together; the typical spread if they are too few.

    by_seed: of each recipe its scores, in bits per byte.
    """
    freedom = sum(len(scores) - 1 for scores in by_seed)
    if not freedom:
        return typical
    squares = sum(float(((scores - scores.mean()) ** 2).sum()) for scores in by_seed)
    own = (squares / freedom) ** 0.5
    if freedom >= _FEWEST_FREE:
        return SeedSpread(bits=own, freedom=freedom)
    return attrs.evolve(typical, bits=max(own, typical.bits))


def _draw_texts(
    means: np.ndarray, block_bytes: np.ndarray, resamples: int, generator: np.random.Generator
) -> np.ndarray:
    """Return the scores of all entries on texts of blocks drawn again, `(resamples, entries)`."""
    blocks = len(block_bytes)
    columns = np.concatenate([means, block_bytes[None]]).T  # (blocks, entries + 1)
    drawn = []
    for first in range(0, resamples, _AT_ONCE):
        size = min(_AT_ONCE, resamples - first)
        times = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=size)
        drawn.append(times @ columns)
    sums = np.concatenate(drawn)
    scores: np.ndarray = sums[:, :-1] / sums[:, -1:]
    return scores


def _draw_seeds(
    spread: SeedSpread, models: np.ndarray, resamples: int, generator: np.random.Generator
) -> np.ndarray:
    """Return by how much other seeds move the scores of all entries, `(resamples, entries)`.

    models: how many each entry has, `(entries,)`.
    """
    surprise = generator.chisquare(spread.freedom, size=(resamples, 1)) / spread.freedom
    normal = generator.standard_normal((resamples, len(models)))
    moved: np.ndarray = spread.bits * normal / np.sqrt(surprise * models)
    return moved


def _differences(
    scores: np.ndarray, texts: np.ndarray, moved: np.ndarray
) -> tuple[Difference, ...]:
    """Return the differences of all pairs, with intervals that hold at once.

    texts, moved: by how much the scores stray, `(resamples, entries)`, with another text alone, and
    with other seeds too. Each pair's interval is made longer by one factor, so that all of them
    hold together as often as `CONFIDENCE` says; of two entries it is 1.
    """
    order = np.argsort(scores, kind="stable").tolist()
    pairs = np.array(list(itertools.combinations(order, 2)))  # the better one first
    bits = scores[pairs[:, 1]] - scores[pairs[:, 0]]
    halves = [
        _half_widths(np.abs(each[:, pairs[:, 1]] - each[:, pairs[:, 0]])) for each in (moved, texts)
    ]
    return tuple(
        Difference(
            better=int(better),
            worse=int(worse),
            bits=float(found),
            low=float(found - half),
            high=float(found + half),
            other_text=float(half_of_text),
        )
        for (better, worse), found, half, half_of_text in zip(pairs, bits, *halves, strict=True)
    )


def _half_widths(strayed: np.ndarray) -> np.ndarray:
    """Return half of each pair's interval; strayed: `(resamples, pairs)`, without signs."""
    alone = np.quantile(strayed, CONFIDENCE, axis=0)
    known = np.where(alone > 0, alone, 1.0)
    factor = np.quantile((strayed / known).max(axis=1), CONFIDENCE)
    together: np.ndarray = alone * max(1.0, factor)
    return together
