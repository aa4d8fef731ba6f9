"""What a search tries first: near the recipe, and never the recipe itself."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import pytest

from textgen_core.config.ranges import Dimension
from textgen_core.config.space import Candidate, Slot, Space
from textgen_core.pipeline.search.around_recipe import draw_near, lies_within, values_of_recipe
from textgen_core.pipeline.search.journal import distribution_of
from textgen_core.pipeline.search.proposing import propose
from textgen_core.pipeline.search.records import RECIPE as RECIPE_NUMBER
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import write_json

RATE = Dimension(key="training.learning_rate", low=0.001, high=0.1, log=True)
DECAY = Dimension(key="training.weight_decay", low=0.0, high=1.0)
UNITS = Dimension(key="model.lstm.units", of="model/lstm", low=100, high=300, whole=True)
HEADS = Dimension(key="model.transformer.heads", of="model/transformer", choices=(2, 4, 8))
SPACE = Space(
    slots=(
        Slot(
            key="model",
            kind="model",
            candidates=(
                Candidate(name="lstm", component="lstm", dimensions=(UNITS,)),
                Candidate(name="transformer", component="transformer", dimensions=(HEADS,)),
            ),
        ),
    ),
    varied=(RATE, DECAY),
)
RECIPE: dict[str, Any] = {
    "model": "lstm",
    "model.lstm.units": 200,
    "training.learning_rate": 0.01,
    "training.weight_decay": 0.1,
}


def test_a_vocabulary_that_the_text_chose_is_where_the_recipe_lies(tmp_path) -> None:
    size = Dimension(
        key="tokenizer.bpe.vocabulary_size", of="tokenizer/bpe", low=300, high=4000, whole=True
    )
    pairs = Candidate(name="bpe", component="bpe", dimensions=(size,))
    space = Space(slots=(Slot(key="tokenizer", kind="tokenizer", candidates=(pairs,)),))
    run = RunDirectory(tmp_path)
    study: Any = SimpleNamespace(
        directory_of=lambda entry: run,
        request=SimpleNamespace(space=space),
        dimensions={size.key: size},
    )
    full: Any = SimpleNamespace(configuration=RECIPE_NUMBER, score=2.0)
    write_json(run.manifest, {"model": {"vocabulary_size": 812}})
    for written, found in (('"none"', 812), ("700", 700), ("200", 300)):
        table = f'[tokenizer]\nname = "bpe"\nvocabulary_size = {written}\n'
        run.configuration.write_text(table, encoding="utf-8")
        assert values_of_recipe(study, [full]) == {size.key: found}


def drawn(recipe: dict[str, Any], count: int = 2000) -> list[dict[str, Any]]:
    return [draw_near(SPACE, recipe, random.Random(seed)) for seed in range(count)]


def share(found: list[Any]) -> float:
    return sum(map(bool, found)) / len(found)


def test_half_of_the_dimensions_stay_and_the_others_move_within_their_ends() -> None:
    found = drawn(RECIPE)
    assert RECIPE not in found
    for key in ("model", "training.learning_rate", "training.weight_decay"):
        assert 0.42 < share([each[key] == RECIPE[key] for each in found]) < 0.54
    units = [each["model.lstm.units"] for each in found if each["model"] == "lstm"]
    assert all(isinstance(each, int) and 100 <= each <= 300 for each in units)
    rates = [each["training.learning_rate"] for each in found]
    assert 0.001 <= min(rates) < 0.002 < 0.05 < max(rates) <= 0.1
    moved = [each for each in rates if each != 0.01]
    assert 0.45 < share([each < 0.01 for each in moved]) < 0.55  # in the middle, on its own scale
    assert 0.63 < share([0.00316 < each < 0.0316 for each in moved]) < 0.73  # one deviation


def test_what_another_component_has_is_drawn_from_all_that_it_may_be() -> None:
    heads = [each["model.transformer.heads"] for each in drawn(RECIPE) if each["model"] != "lstm"]
    assert all(0.28 < heads.count(each) / len(heads) < 0.39 for each in (2, 4, 8))


def test_a_dimension_in_which_the_recipe_lies_outside_is_drawn_from_all_of_it() -> None:
    partly = {key: value for key, value in RECIPE.items() if key != "training.weight_decay"}
    assert lies_within(SPACE, RECIPE) and not lies_within(SPACE, partly)
    assert not lies_within(SPACE, {})
    decays = sorted(each["training.weight_decay"] for each in drawn(partly))
    assert decays[1000] == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(("method", "recipe"), [("random", RECIPE), ("tpe", {})])
def test_random_search_and_one_without_a_recipe_draw_from_everywhere(
    method: Any, recipe: dict[str, Any]
) -> None:
    several = [
        propose(SPACE, [], [], recipe=recipe, method=method, seed=1, number=number)
        for number in range(1, 31)
    ]
    assert not any(each["training.weight_decay"] == 0.1 for each in several if each)


def test_what_was_found_better_is_what_the_next_ones_are_near() -> None:
    optuna = pytest.importorskip("optuna")
    better = {**RECIPE, "training.learning_rate": 0.05, "training.weight_decay": 0.4}
    scores = ((RECIPE, 2.0), (better, 1.9), ({**RECIPE, "training.learning_rate": 0.002}, 2.1))
    keys = {each.key: each for each in (*SPACE.choices, *SPACE.dimensions_of(RECIPE))}
    known = [
        optuna.trial.create_trial(
            params=values,
            distributions={key: distribution_of(keys[key]) for key in values},
            value=score,
        )
        for values, score in scores
    ]
    asked: dict[str, Any] = {"recipe": RECIPE, "method": "tpe", "seed": 1}
    found = [propose(SPACE, known, [], **asked, number=number) for number in range(4, 104)]
    for key in ("training.learning_rate", "training.weight_decay"):
        assert 0.35 < share([each[key] == better[key] for each in found if each]) < 0.65


def test_a_configuration_is_proposed_again_alike() -> None:
    asked: dict[str, Any] = {"recipe": RECIPE, "method": "tpe", "seed": 3, "number": 4}
    first = propose(SPACE, [], [], **asked)
    assert first == propose(SPACE, [], [], **asked)
    assert first is not None
    assert first != propose(SPACE, [], [first], **asked)
