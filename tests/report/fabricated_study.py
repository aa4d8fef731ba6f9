"""A study as `Tuning.as_json` tells it, made up: what a page of one is drawn from."""

from __future__ import annotations

import math
import random
from typing import Any

BUDGETS = ({"minutes": 0.33}, {"minutes": 1.0}, {"minutes": 3.0})


def dimension(key: str, of: str = "", **given: Any) -> dict[str, Any]:
    ends = {"low": None, "high": None, "log": False, "whole": False, "choices": []}
    return {"key": key, "of": of, **ends, **given}


DIMENSIONS = (
    dimension("model", choices=["lstm", "transformer"]),
    dimension("model.lstm.units", "model/lstm", low=128, high=1024, log=True, whole=True),
    dimension("model.lstm.dropout", "model/lstm", low=0.0, high=0.5),
    dimension("model.transformer.layers", "model/transformer", low=2, high=8, log=True, whole=True),
    dimension("model.transformer.dropout", "model/transformer", low=0.0, high=0.5),
    dimension("training.learning_rate", low=0.001, high=0.02, log=True),
)


def fabricate_study(
    configurations: int = 30, *, finished: bool = True, corpus: str = "books/alice.txt"
) -> dict[str, Any]:
    """Return a study in which three of ten configurations are promoted, and one failed."""
    source = random.Random(1)
    trials: list[dict[str, Any]] = []
    recipe = {"configuration": 0, "rung": 2, "values": {}, "score": 1.86}
    trials.append(trial(1, **recipe))
    for number in range(1, configurations + 1):
        values = draw(source)
        rate = abs(math.log(values["training.learning_rate"] / 0.006))
        floor = 1.72 + 0.09 * rate + 0.1 * (values["model"] == "lstm") + source.gauss(0, 0.02)
        for rung in range(3 if number % 9 == 1 else 2 if number % 3 == 1 else 1):
            score = floor + 0.35 * (2 - rung) ** 1.3
            trials.append(
                trial(len(trials) + 1, configuration=number, rung=rung, values=values, score=score)
            )
    if configurations:
        reason = "The model 'lstm' (textgen-core 0.1): out of memory in step 1"
        failed = trial(len(trials) + 1, configuration=2, rung=0, values={}, score=None)
        trials.append({**failed, "state": "failed", "reason": reason})
    study = {
        "directory": "runs/tune-1",
        "request": {"corpus": [corpus], "recipe": "fast"},
        "dimensions": list(DIMENSIONS),
        "budgets": list(BUDGETS),
        "trials": trials,
        "importances": {},
        "seconds": 2460.0,
        "of_seconds": 3600.0,
        "verdict": None,
        "go_on": "textgen tune --out runs/tune-1",
    }
    return conclude(study) if finished else study


def draw(source: random.Random) -> dict[str, Any]:
    rate = math.exp(source.uniform(math.log(0.001), math.log(0.02)))
    if source.random() < 0.3:
        units = {"model.lstm.units": source.randint(128, 1024)}
        return {"model": "lstm", **units, "model.lstm.dropout": 0.2, "training.learning_rate": rate}
    return {
        "model": "transformer",
        "model.transformer.layers": source.randint(2, 8),
        "model.transformer.dropout": source.uniform(0, 0.5),
        "training.learning_rate": rate,
    }


def trial(number: int, **given: Any) -> dict[str, Any]:
    measured = {"steps": 900, "seconds": 65.0, "parameters": 1_640_000, "memory_bytes": 7e8}
    place = {"number": number, "seed": 1, "directory": f"runs/tune-1/trials/{number:03d}-0"}
    return {**place, "state": "finished", "reason": "", **measured, **given}


def finalist(configuration: int, values: dict[str, Any], *scores: float) -> dict[str, Any]:
    return {
        "configuration": configuration,
        "is_recipe": configuration == 0,
        "values": values,
        "scores": {str(seed): score for seed, score in enumerate(scores, start=1)},
        "counted": len(scores),
        "mean": sum(scores) / len(scores),
    }


def conclude(
    study: dict[str, Any], *, difference: float = 0.13, test_difference: float = 0.11
) -> dict[str, Any]:
    """Return a study with a verdict by which the winner is that much better than the recipe.

    test_difference: on the test text.
    """
    full = [each for each in study["trials"] if each["rung"] == 2 and each["configuration"]]
    best, *others = sorted(full, key=lambda each: each["score"])
    scores = [1.86 - difference + each for each in (0.004, -0.004, 0.0)]
    verdict = {
        "winner": finalist(best["configuration"], best["values"], *scores),
        "recipe": finalist(0, {}, 1.864, 1.853, 1.863),
        "others": [
            finalist(each["configuration"], each["values"], 1.79, 1.8) for each in others[:1]
        ],
        "difference": difference,
        "deviation": 0.006,
        "is_tie": difference <= 0.012,
        "test_bits_per_byte": 1.752,
        "recipe_test_bits_per_byte": 1.752 + test_difference,
        "test_difference": test_difference,
        "test_deviation": 0.008,
        "is_contradicted": test_difference < -0.016,
        "directory": "runs/tune-1/trials/049-2",
        "toml": "runs/tune-1/winner.toml",
    }
    shares = (0.46, 0.3, 0.12, 0.07, 0.03, 0.02)
    keys = ("training.learning_rate", "model", *(each["key"] for each in DIMENSIONS[1:5]))
    return {**study, "verdict": verdict, "importances": dict(zip(keys, shares, strict=True))}


def tuned_samplers(*, is_tie: bool = False, name: str = "tuned") -> dict[str, Any]:
    """Return what came of tuning samplers, as `SamplerTuning.as_json` tells it."""
    figures = {"rep_2": 0.12, "new_pairs": 0.41}
    checked = [
        {"name": name, "samplers": ["temperature:t=0.8", "nucleus:p=0.95"], "distance": 0.4},
        {"name": "the run's own", "samplers": ["nucleus:p=0.9"], "distance": 1.3},
        {"name": "greedy", "samplers": ["greedy"], "distance": 9.1},
    ]
    texts = ["It was a long way home.", "And she said so."]
    return {
        "checked": [{**each, "figures": figures, "texts": texts} for each in checked],
        "real": {"distance": 0.1, "figures": figures},
        "is_tie": is_tie,
        "prompts": ["Once upon a time ", "Alice"],
        "references": ["there was a queen.", "was tired."],
        "command": "textgen generate runs/tune-1/trials/049-2 --sampler temperature:0.8",
    }
