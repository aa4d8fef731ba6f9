"""How often `textgen compare` calls two seeds of one recipe a tie, and finds a true difference.

    python tests/benchmarks/compare.py book.txt --minutes 3 --seeds 6
    python tests/benchmarks/compare.py --runs runs/a-* --against runs/b-*

The first form trains two recipes, the second a little worse, under as many seeds as asked for; the
second takes runs that are there: those of one recipe, and those of another one. Whoever has six
runs of each gets from them:

- the spread of seeds, which `evaluation.comparison.TYPICAL` assumes where it is not measured;
- of 100 comparisons of runs of one recipe, one against one and three against three, on texts drawn
  from the blocks of the held-out one, how many are ties: at least 95 have to be;
- of 100 comparisons of three runs of each recipe, how many find which is better, beside how far
  apart the two are on all seeds.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import textgen_core as textgen
from textgen_core.evaluation.byte_blocks import bits_by_block, block_borders, place_tokens
from textgen_core.evaluation.comparison import compare_blocks, spread_of
from textgen_core.pipeline.assembly import make_scorer
from textgen_core.pipeline.common_text import Trained, find_common_text
from textgen_core.runs import RunDirectory

DRAWS = 100


def main() -> None:
    arguments = read_arguments()
    if arguments.runs:
        own, others = arguments.runs, arguments.against
    else:
        own, others = train(arguments.corpus, arguments.minutes, arguments.seeds, arguments.worse)
    scored, sizes = score_all([*own, *others])
    found = measure(scored[: len(own)], scored[len(own) :], sizes)
    print(json.dumps(found, indent=2))


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", nargs="?", help="what to train on")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument(
        "--worse",
        default="training.learning_rate=0.001",
        help="the setting that makes the second recipe worse",
    )
    parser.add_argument("--runs", nargs="+", default=[], help="runs of one recipe")
    parser.add_argument("--against", nargs="+", default=[], help="runs of another one")
    return parser.parse_args()


def train(corpus: str, minutes: float, seeds: int, worse: str) -> tuple[list[str], list[str]]:
    """Train both recipes in turns, so that a machine that grows slower does so for both."""
    folder = Path(tempfile.mkdtemp(prefix="textgen-compare-"))
    made: tuple[list[str], list[str]] = ([], [])
    for seed in range(1, seeds + 1):
        for paths, settings in zip(made, ([], [worse]), strict=True):
            out = folder / f"{'worse' if settings else 'fast'}-{seed}"
            textgen.run(corpus, minutes=minutes, seed=seed, settings=settings, out=out)
            paths.append(str(out))
            print(out, flush=True)
    return made


def score_all(paths: Sequence[str]) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the bits of each block of the text that no run was trained on, and their sizes."""
    runs = [textgen.open_run(path, used=()) for path in paths]
    trained = [
        Trained(
            name=run.directory.name,
            directory=RunDirectory(run.directory),
            configuration=run.configuration,
        )
        for run in runs
    ]
    documents = find_common_text(trained).documents
    borders = block_borders(sum(len(each.encode()) for each in documents))
    scored = []
    for run in runs:
        placed = place_tokens(documents, run.language_model.tokenizer)
        losses = make_scorer(run.configuration, run.language_model).score(placed.token_ids)
        scored.append(bits_by_block(placed, losses, borders))
    return scored, np.diff(borders).astype(float)


def measure(
    own: Sequence[np.ndarray], others: Sequence[np.ndarray], sizes: np.ndarray
) -> dict[str, object]:
    recipes = [np.stack(each) for each in (own, others) if each]
    scores = [each.sum(axis=1) / sizes.sum() for each in recipes]
    found: dict[str, object] = {
        "bits_per_byte": [[round(float(score), 4) for score in each] for each in scores],
        "spread": round(spread_of(scores).bits, 4),
        "ties_one_against_one": ties(recipes, 1, sizes),
    }
    if min(map(len, recipes)) >= 6:
        found["ties_three_against_three"] = ties(recipes, 3, sizes)
    if len(recipes) == 2:
        found["apart"] = round(float(abs(scores[0].mean() - scores[1].mean())), 4)
        found["found_with_three_each"] = winners(recipes, sizes)
    return found


def ties(recipes: Sequence[np.ndarray], runs: int, sizes: np.ndarray) -> int:
    """Return how many of `DRAWS` comparisons of different runs of one recipe are ties."""
    generator = np.random.default_rng(0)
    count = 0
    for number in range(DRAWS):
        recipe = recipes[number % len(recipes)]
        blocks = generator.integers(len(sizes), size=len(sizes))
        chosen = generator.permutation(len(recipe))[: 2 * runs]
        sides = [recipe[chosen[:runs]][:, blocks], recipe[chosen[runs:]][:, blocks]]
        count += bool(compare_blocks(sides, sizes[blocks], seed=number).tied_with_best)
    return count


def winners(recipes: Sequence[np.ndarray], sizes: np.ndarray) -> int:
    """Return how many of `DRAWS` comparisons of three runs each name the better recipe."""
    generator = np.random.default_rng(1)
    better = int(np.argmin([each.sum(axis=1).mean() for each in recipes]))
    count = 0
    for number in range(DRAWS):
        blocks = generator.integers(len(sizes), size=len(sizes))
        sides = [each[generator.permutation(len(each))[:3]][:, blocks] for each in recipes]
        found = compare_blocks(sides, sizes[blocks], seed=number)
        count += (found.best, found.tied_with_best) == (better, ())
    return count


if __name__ == "__main__":
    main()
