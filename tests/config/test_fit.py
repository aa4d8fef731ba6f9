"""Rules of a recipe: which of them apply to a run, what a user's settings do to them, bad ones."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from fake_components import Net, registry

from textgen_core.config.fit import apply_rules, find_fitted
from textgen_core.config.resolve import Configuration, configure
from textgen_core.config.sources import load_recipe
from textgen_core.errors import UsageError

RECIPE = """
[tokenizer]
name = "letters"
[model]
name = "net"
dropout = 0.05
[training]
minutes = 3
learning_rate = 0.5
[[for.net.fit]]
passes = 8
model.dropout = 0.4
training.weight_decay = 0.2
[[for.net.fit]]
passes = 2
model.dropout = 0.2
model.units = [8]
[[for.other-net.fit]]
passes = 0
model.width = 64
training.weight_decay = 0.7
[[fit]]
passes = 4
training.learning_rate = 0.1
"""


def configured(
    folder: Path, recipe: str = RECIPE, config: str = "", **arguments: Any
) -> Configuration:
    for name, text in (("recipe", recipe), ("config", config)):
        (folder / f"{name}.toml").write_text(text)
    settings = arguments.pop("settings", ())
    return configure(
        arguments,
        registry(),
        recipe=str(folder / "recipe.toml"),
        config=folder / "config.toml" if config else None,
        settings=settings,
        flags=True,
    )


def chosen(configuration: Configuration, passes: float) -> tuple[Any, ...]:
    fitted = apply_rules(configuration, passes)
    model, training = fitted.model.instance, fitted.training
    return model.units, model.dropout, training.weight_decay, training.learning_rate


@pytest.mark.parametrize(
    ("passes", "expected"),
    [
        (1.9, ((64,), 0.05, None, 0.5)),
        (2, ((8,), 0.2, None, 0.5)),
        (7, ((8,), 0.2, None, 0.1)),
        (100, ((8,), 0.4, 0.2, 0.1)),
    ],
)
def test_rules_apply_from_their_passes_on_and_the_later_over_the_earlier(
    tmp_path: Path, passes: float, expected: tuple[Any, ...]
) -> None:
    assert chosen(configured(tmp_path), passes) == expected


@pytest.mark.parametrize(
    ("passes", "weights", "dropout"),
    [(7.9, 6, 0.2), (8, 6, 0.4), (2.01, 48, 0.4), (1.9, 48, 0.05), (31.9, 0.75, 0.2)],
)
def test_with_eight_times_the_weights_for_a_token_a_quarter_of_the_passes_is_meant(
    tmp_path: Path, passes: float, weights: float, dropout: float
) -> None:
    """The rule of 2 passes names no weights, and holds whatever they are."""
    recipe = RECIPE.replace("passes = 8", "passes = 8\nweights_per_token = 6")
    fitted = apply_rules(configured(tmp_path, recipe), passes, weights)
    assert fitted.model.instance.dropout == dropout


def test_the_most_passes_of_a_rule_are_meant_for_its_weights_too(tmp_path: Path) -> None:
    rule = "[[for.net.fit]]\npasses = 8\nweights_per_token = 6\ntraining.most_passes = 10\n"
    before = configured(tmp_path, RECIPE + rule)
    for weights, most in ((6, 10), (48, 2.5), (0.75, 40)):
        assert apply_rules(before, 100, weights).training.most_passes == pytest.approx(most)


def test_a_users_settings_win_one_by_one_wherever_they_were_given(tmp_path: Path) -> None:
    by_flags = configured(tmp_path, model="net:dropout=0", learning_rate="0.3")
    assert chosen(by_flags, 100) == ((8,), 0.0, 0.2, 0.3)
    by_set = configured(tmp_path, settings=["training.weight-decay=none"])
    assert chosen(by_set, 100) == ((8,), 0.4, None, 0.1)
    by_file = configured(tmp_path, config="[model]\nunits = [16]\n[training]\nweight_decay = 0\n")
    assert chosen(by_file, 100) == ((16,), 0.4, 0.0, 0.1)
    whole = configured(tmp_path, model=Net(units=(5,)))
    assert chosen(whole, 100) == ((5,), 0.0, 0.2, 0.1)


def test_rules_for_one_model_do_not_apply_to_another(tmp_path: Path) -> None:
    fitted = apply_rules(configured(tmp_path, model="other-net"), 100)
    assert fitted.model.instance.width == 64
    assert fitted.training.weight_decay == 0.7
    with_options_of_its_own_model = RECIPE.partition("[[for.other-net")[0].replace("for.net.", "")
    assert configured(tmp_path, with_options_of_its_own_model).fit != ()
    assert configured(tmp_path, with_options_of_its_own_model, model="other-net").fit == ()


def test_the_rules_of_a_higher_layer_replace_those_below(tmp_path: Path) -> None:
    assert configured(tmp_path, config="fit = []\n").fit == ()
    mine = configured(tmp_path, config="[[fit]]\npasses = 1\nmodel.dropout = 0.9\n")
    assert chosen(mine, 100) == ((64,), 0.9, None, 0.5)


def test_rules_that_were_not_applied_yet_are_in_the_table_of_a_run(tmp_path: Path) -> None:
    recipe = RECIPE.replace("passes = 8", "passes = 8\nweights_per_token = 1")
    before = configured(tmp_path, recipe, model="net:units=32")
    table = tomllib.loads(tomli_w.dumps(before.as_table()))
    again = configured(tmp_path, "", config=tomli_w.dumps(table))
    assert again.fit == before.fit
    assert chosen(again, 100) == chosen(before, 100) == ((32,), 0.4, 0.2, 0.1)
    fitted = apply_rules(before, 100)
    assert "for" not in fitted.as_table()
    repeated = configured(tmp_path, "", config=tomli_w.dumps(fitted.as_table()))
    assert repeated == fitted


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("fit = 4", "fit cannot be 4"),
        ("fit = [1]", "fit cannot be [1]"),
        ("[fit]\npasses = 1", "Allowed: tables of rules, [[fit]] in TOML"),
        ("[[fit]]\nmodel.dropout = 0.1", "A rule names no passes (fit 1 in the recipe"),
        ("[[fit]]\npasses = -1", "fit: passes cannot be -1"),
        ("[[fit]]\npasses = 'many'", "fit: passes cannot be 'many'"),
        ("[[fit]]\npasses = nan", "fit: passes cannot be nan"),
        ("[[fit]]\npasses = 1\nweights_per_token = 0", "fit: weights_per_token cannot be 0"),
        ("[[fit]]\npasses = 1\nweights_per_token = inf", "fit: weights_per_token cannot be"),
        ("[[fit]]\npasses = 1\npass = 2", "Did you mean 'passes'?"),
        ("[[fit]]\npasses = 1\ncorpus.split = [1]", "Unknown key of a rule: 'corpus'"),
        ("[[fit]]\npasses = 1\nmodel = 'net:dropout=0.1'", "model cannot be 'net:dropout=0.1'"),
        ("[[fit]]\npasses = 1\nmodel.name = 'other'", "Allowed: settings, such as model.dropout"),
        ("[[fit]]\npasses = 1\nmodel.dropuot = 0.1", "Did you mean 'dropout'?"),
        ("[[fit]]\npasses = 1\nmodel.dropout = 2", "dropout cannot be 2 (fit 1 in the recipe"),
        ("[[fit]]\npasses = 1\ntraining.weightdecay = 1", "Did you mean 'weight_decay'?"),
        ("[[fit]]\npasses = 1\ntraining.warm_up = 2", "warm_up cannot be 2"),
        (
            "[[fit]]\npasses = 1\ntraining.epochs = 2",
            "A rule cannot choose training.epochs",
        ),
        ("[[fit]]\npasses = 1\ntraining.minutes = 2", "A rule cannot choose training.minutes"),
        ("[[fit]]\npasses = 1\ntraining.profile = [5, 2]", "profile ends at step 2"),
        (
            "[[fit]]\npasses = 1\ntraining.weight_decay = 900",
            "training: weight_decay times learning_rate is 450, and more than 1",
        ),
        ("[[for.other-net.fit]]\npasses = -1", "(fit 1 in for.other-net in the recipe"),
    ],
)
def test_a_bad_rule_is_refused_with_its_place_and_what_is_allowed(
    tmp_path: Path, rules: str, said: str
) -> None:
    recipe = f'tokenizer = "letters"\nmodel = "net"\ntraining.learning_rate = 0.5\n{rules}\n'
    with pytest.raises(UsageError) as caught:
        configured(tmp_path, recipe)
    assert said in str(caught.value)
    assert "Allowed" in str(caught.value)
    assert str(caught.value).count("\n") <= 2


def test_the_faults_of_all_rules_are_told_at_once(tmp_path: Path) -> None:
    rules = "[[fit]]\npasses = -1\nmodels.x = 1\n[[fit]]\npasses = 1\ntraining.epochs = 3\n"
    with pytest.raises(UsageError) as caught:
        configured(tmp_path, RECIPE.partition("[[fit]]")[0] + rules)
    assert [part in str(caught.value) for part in ("fit 1 in", "fit 2 in")] == [True, True]


def test_what_a_recipe_chooses_is_named_for_each_model_once() -> None:
    assert find_fitted(tomllib.loads(RECIPE)) == {
        "any model": ["training.learning_rate"],
        "net": ["model.dropout", "training.weight_decay", "model.units"],
        "other-net": ["model.width", "training.weight_decay"],
    }
    assert all(find_fitted(load_recipe(name).table) == {} for name in ("first", "classic"))
