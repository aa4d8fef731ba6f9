"""One run's configuration: precedence, every fault at once, and run.toml there and back."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from fake_components import BUNDLED, Cut, Length, Letters, Net, Plain, component, registry
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.config.resolve import Configuration, configure, corpus_settings, resolve
from textgen_core.config.settings import CLOCKS, SECTIONS
from textgen_core.config.sources import NO_RECIPE, Layer, file_layers, load_recipe, recipe_names
from textgen_core.errors import ComponentError, ConfigurationError, UsageError
from textgen_core.registry.discovery import discover
from textgen_core.registry.registry import Registry
from textgen_core.registry.selection import choose
from textgen_core.runs.files import write_toml

MINIMAL = {"tokenizer": "letters", "model": "net"}


def configured(arguments: dict[str, Any] | None = None, **changes: Any) -> Configuration:
    changes.setdefault("recipe", NO_RECIPE)
    return configure({**MINIMAL, **(arguments or {})}, registry(), flags=True, **changes)


def resolved(*tables: dict[str, Any]) -> Configuration:
    layers = [Layer(table=table, place=f"layer {number}") for number, table in enumerate(tables)]
    return resolve([Layer(table=MINIMAL, place="the base"), *layers], registry())


def lines_of(error: pytest.ExceptionInfo[UsageError]) -> list[str]:
    return str(error.value).splitlines()


# ---- precedence -------------------------------------------------------------------------------


def layered(tmp_path: Path, height: int) -> Configuration:
    """Give the batch size in the lowest `height` of the five layers; each says its own number."""
    recipe, config = tmp_path / "recipe.toml", tmp_path / "config.toml"
    recipe.write_text("[training]\nbatch_size = 2\n" if height > 0 else "")
    config.write_text("[training]\nbatch_size = 3\n" if height > 1 else "")
    return configured(
        {"batch_size": "5"} if height > 3 else {},
        recipe=str(recipe),
        config=config,
        settings=["training.batch_size=4"] if height > 2 else [],
    )


@pytest.mark.parametrize(("height", "expected"), [(0, 32), (1, 2), (2, 3), (3, 4), (4, 5)])
def test_the_highest_layer_wins_of_defaults_recipe_file_set_and_flags(
    tmp_path: Path, height: int, expected: int
) -> None:
    assert layered(tmp_path, height).training.batch_size == expected


def test_layers_are_merged_setting_by_setting() -> None:
    configuration = resolved(
        {"training": {"batch_size": 2, "patience": 7}}, {"training": {"batch_size": 3}}
    )
    assert configuration.training.batch_size == 3
    assert configuration.training.patience == 7
    assert configuration.training.learning_rate == 0.001


def test_options_of_the_same_component_add_up() -> None:
    configuration = resolved(
        {"model": {"name": "net", "units": [8], "dropout": 0.5}}, {"model": "net:units=16"}
    )
    assert configuration.model.instance == Net(units=(16,), dropout=0.5)


def test_options_add_up_under_the_short_and_the_qualified_name() -> None:
    configuration = resolved(
        {"model": {"name": "net", "dropout": 0.5}}, {"model": "textgen-core/net:16"}
    )
    assert configuration.model.instance == Net(units=(16,), dropout=0.5)


def test_another_component_takes_over_no_options() -> None:
    configuration = resolved({"tokenizer": {"name": "words", "vocabulary_size": 5}})
    assert configuration.tokenizer.options["vocabulary_size"] == 5
    configuration = resolved(
        {"tokenizer": {"name": "words", "vocabulary_size": 5}}, {"tokenizer": "letters"}
    )
    assert configuration.tokenizer.instance == Letters()


def test_a_table_without_name_gives_options_to_the_component_below() -> None:
    assert resolved({"model": {"units": [8]}}).model.instance == Net(units=(8,))


def test_an_instance_replaces_what_is_below_it() -> None:
    configuration = resolved({"model": "net:8"}, {"model": Net(dropout=0.5)})
    assert configuration.model.instance == Net(dropout=0.5)
    assert configuration.model.name == "net"


def test_the_highest_layer_that_names_samplers_gives_the_whole_chain() -> None:
    below = {"samplers": [{"name": "cut", "p": 0.5}, "plain"]}
    assert [each.label for each in resolved(below).samplers] == ["cut:p=0.5", "plain"]
    assert [each.label for each in resolved(below, {"samplers": "cut"}).samplers] == ["cut"]
    assert resolved(below, {"samplers": []}).samplers == ()


def test_bundled_metrics_always_run_and_a_chosen_one_keeps_its_options() -> None:
    stranger = component("metric", "height", Length, "stranger")
    every = registry(stranger)
    plain = configure(MINIMAL, every, recipe=NO_RECIPE)
    assert [each.label for each in plain.metrics] == ["length"]
    more = configure({**MINIMAL, "metric": ["height", "length:word"]}, every, recipe=NO_RECIPE)
    assert [each.label for each in more.metrics] == ["height", "length:unit=word"]


# ---- settings that hold for a model -------------------------------------------------------------

FOR = {
    "training": {"batch_size": 2, "patience": 7},
    "for": {
        "net": {"training": {"batch_size": 9}, "model": {"dropout": 0.5}},
        "other-net": {"training": {"batch_size": 5}, "tokenizer": "words", "samplers": ["plain"]},
    },
}


def test_for_holds_when_its_model_is_chosen() -> None:
    configuration = resolved(FOR, {"model": "other-net"})
    assert configuration.training.batch_size == 5
    assert configuration.training.patience == 7
    assert configuration.tokenizer.name == "words"
    assert [each.name for each in configuration.samplers] == ["plain"]


def test_for_lies_under_the_layers_above_it() -> None:
    configuration = resolved(FOR, {"training": {"batch_size": 1}, "model": "net:dropout=0.25"})
    assert configuration.training.batch_size == 1
    assert configuration.model.instance == Net(dropout=0.25)


@pytest.mark.parametrize(
    "model", ["net:units=8", {"name": "net", "units": 8}, "textgen-core/net:8", Net(units=(8,))]
)
def test_for_holds_however_the_model_is_given(model: Any) -> None:
    assert resolved(FOR, {"model": model}).training.batch_size == 9


def test_options_for_a_model_add_to_those_of_its_own_layer() -> None:
    table = {"model": "net:units=8", "for": {"net": {"model": {"dropout": 0.5}}}}
    assert resolved(table).model.instance == Net(units=(8,), dropout=0.5)


def test_options_for_a_model_hold_though_their_own_layer_chooses_another() -> None:
    table = {"model": "other-net", "for": {"net": {"model": {"dropout": 0.5}}}}
    assert resolved(table, {"model": "net:units=8"}).model.instance == Net(units=(8,), dropout=0.5)


def test_every_recipe_gives_each_model_the_options_that_it_has_for_it() -> None:
    installed = discover()
    for recipe in recipe_names():
        tables = load_recipe(recipe).table.get("for", {})
        for model, table in tables.items():
            configuration = configure({"model": model}, installed, flags=True, recipe=recipe)
            wanted = {"name": model, **table.get("model", {})}
            alone = choose(installed, "model", wanted, place="the recipe")
            assert configuration.model.instance == alone.instance


def test_for_may_count_minutes_where_the_rest_of_its_layer_counts_epochs() -> None:
    table = {"training": {"epochs": 3}, "for": {"net": {"training": {"minutes": 2}}}}
    training = resolved(table).training
    assert (training.epochs, training.minutes) == (None, 2.0)


# ---- epochs, steps and minutes ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("below", "above", "clock", "length"),
    [
        ({}, {"epochs": 3}, "epochs", 3),
        ({}, {"minutes": 3}, "minutes", 3.0),
        ({}, {"steps": 3}, "steps", 3),
        ({"epochs": 3}, {"minutes": 2}, "minutes", 2.0),
        ({"minutes": 2}, {"epochs": 3}, "epochs", 3),
        ({"minutes": 2}, {"steps": "7"}, "steps", 7),
        ({"steps": 7}, {"minutes": 2}, "minutes", 2.0),
        ({"minutes": 2}, {"epochs": 3, "minutes": "None"}, "epochs", 3),
        ({"minutes": 2}, {"epochs": "none"}, "minutes", 2.0),
        ({"steps": 7}, {"batch_size": 4}, "steps", 7),
    ],
)
def test_of_epochs_steps_and_minutes_the_higher_layers_wins(
    below: dict[str, Any], above: dict[str, Any], clock: str, length: float
) -> None:
    configuration = resolved({"training": below}, {"training": above})
    training, table = configuration.training, configuration.as_table()["training"]
    assert (training.clock, getattr(training, clock)) == (clock, length)
    assert {each: table.get(each) for each in CLOCKS} == {**dict.fromkeys(CLOCKS), clock: length}


def test_several_clocks_in_one_layer_are_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"Both epochs and minutes are given \(layer 0\)"):
        resolved({"training": {"epochs": 3, "minutes": 2}})
    with pytest.raises(ConfigurationError, match=r"Both .* \(--minutes\)"):
        configured({"epochs": "3", "minutes": "2"})
    with pytest.raises(ConfigurationError, match="Both epochs and steps and minutes") as caught:
        resolved({"training": {"epochs": 3, "minutes": 2, "steps": 4}})
    assert caught.value.allowed == "Allowed: one of epochs, steps, minutes."


def test_training_needs_an_end() -> None:
    with pytest.raises(ConfigurationError, match="training needs an end: epochs, steps or minutes"):
        resolved({"training": {"epochs": "none"}})


# ---- faults -----------------------------------------------------------------------------------


def test_every_fault_of_every_layer_is_reported_at_once(tmp_path: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text('sed = 1\ndata = 5\n[training]\nbatch_sise = 3\npatience = "x"\n')
    with pytest.raises(UsageError) as caught:
        configured(
            {
                "model": "nte:5",
                "tokenizer": "letters:vocabulary_size=0,lower=perhaps",
                "sampler": ["cut:p=3", "plan"],
                "metric": {"nam": "length"},
                "seed": "-1",
                "epochs": "0",
            },
            config=config,
            settings=["training=5", "evaluation.stride=many"],
        )
    first, *lines = lines_of(caught)
    assert first == "14 faults:"
    for part in (
        f"Unknown setting: 'sed' ({config}). Did you mean 'seed'?",
        f"data cannot be 5 ({config}).",
        "--set cannot be training=5.",
        f"Unknown option of training: 'batch_sise' ({config}). Did you mean 'batch_size'?",
        f"training: patience cannot be 'x' ({config}).",
        "training: epochs cannot be '0' (--epochs).",
        "evaluation: stride cannot be 'many' (--set).",
        "letters: vocabulary_size cannot be '0' (--tokenizer).",
        "letters: lower cannot be 'perhaps' (--tokenizer).",
        "Unknown model: 'nte' (--model). Did you mean 'net'?",
        "cut: p cannot be '3' (--sampler).",
        "Unknown sampler: 'plan' (--sampler). Did you mean 'plain'?",
        "A component's table needs a name: {'nam': 'length'}.",
        "the run: seed cannot be '-1' (--seed).",
    ):
        assert any(line.strip().startswith(part) for line in lines), part


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({"corpus": {"split": [80, 10]}}, "corpus: split needs three shares"),
        ({"corpus": {"split": "80,10,11"}}, "corpus: split adds up to 101, not to 100."),
        ({"corpus": {"split": "0,50,50"}}, "corpus: split leaves nothing to train on"),
        ({"corpus": {"test": "a"}}, "needs a ready-made validation text"),
        ({"corpus": {"split": 80}}, "corpus: split needs three shares"),
        ({"corpus": {"documents": "line"}}, "documents cannot be 'line'"),
        ({"data": {"sequence_length": 1}}, "sequence_length cannot be 1"),
        ({"data": {"sequence_length": 10.0}}, "sequence_length cannot be 10.0"),
        ({"training": {"learning_rate": 0}}, "learning_rate cannot be 0"),
        ({"training": {"warm_up": 1}}, "warm_up cannot be 1"),
        ({"training": {"recompute": 1}}, "recompute cannot be 1"),
        ({"training": {"learning_rate": "nan"}}, "learning_rate cannot be 'nan'"),
        ({"generation": {"prompt": 5}}, "prompt cannot be 5"),
        ({"seed": "x"}, "seed cannot be 'x'"),
        ({"seed": 2**31}, "seed cannot be 2147483648"),
        ({"samplers": [5]}, "cannot be given as int"),
        ({"tokenizer": 5}, "cannot be given as int"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(table: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        resolved(table)
    assert problem in str(caught.value)


def test_the_highest_seed_is_told_with_every_digit() -> None:
    with pytest.raises(UsageError, match="at most 2147483647"):
        resolved({"seed": 2**31})


def test_a_run_needs_a_tokenizer_and_a_model() -> None:
    with pytest.raises(UsageError) as caught:
        configure({}, registry(), recipe=NO_RECIPE)
    assert lines_of(caught) == [
        "2 faults:",
        "  No tokenizer is chosen. Allowed: letters, words.",
        "  No model is chosen. Allowed: net, other-net.",
    ]


def test_an_unknown_argument_brings_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        configure({"modle": "net", "epoch": 3}, registry())
    assert "'modle' (run()). Did you mean 'model'?" in str(caught.value)
    assert "'epoch' (run()). Did you mean 'epochs'?" in str(caught.value)


def test_a_clash_of_two_plugins_is_loud_and_the_qualified_name_works() -> None:
    both = registry(*(component("sampler", "own", Plain, each) for each in ("one", "two")))
    with pytest.raises(ComponentError, match="2 plugins offer the sampler 'own'"):
        configure({**MINIMAL, "sampler": "own"}, both, recipe=NO_RECIPE)
    configuration = configure({**MINIMAL, "sampler": "two/own"}, both, recipe=NO_RECIPE)
    assert configuration.samplers[0].component.plugin.distribution == "two"


def test_corpus_settings_alone_report_every_fault() -> None:
    assert corpus_settings(["corpus.encoding=latin-1"]).encoding == "latin-1"
    with pytest.raises(UsageError, match="3 faults"):
        corpus_settings(["corpus.encodin=a", "corpus.documents=b", "corpus"])


# ---- run.toml ---------------------------------------------------------------------------------


def reloaded(configuration: Configuration, folder: Path, every: Registry) -> Configuration:
    write_toml(folder / "run.toml", configuration.as_table())
    return resolve(file_layers(folder / "run.toml", None), every)


RUNS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "minutes": {"minutes": "2.5"},
    "flags": {
        "corpus": ["a.txt", "b,c.txt", "it's.txt"],
        "split": "90,10,0",
        "validation": "val.txt",
        "prompt": "'Tis \"quoted\", and ends so'",
        "seed": 0,
        "learning_rate": "1e-7",
    },
    "no number": {"tokenizer": "letters:none", "prompt": "none"},
    "components": {
        "model": "net:256,128,dropout=0.1,cell=gru,tied=false",
        "sampler": [Cut(word="a, p=1", words=("x,y", "'z'", "")), "cut:folder=some/where,note=''"],
        "metric": "length:word",
        "tracker": ["diary", "diary:elsewhere"],
    },
    "a path that is not UTF-8": {"corpus": ["caf\udce9.txt"], "prompt": "\udcff"},
    "strange text": {"prompt": "\\ \t\n\r \x00 \x7f \u2028 \U0001f600 '''\"\"\""},
}


@pytest.mark.parametrize("arguments", RUNS.values(), ids=RUNS)
def test_run_toml_gives_the_same_configuration_again(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    configuration = configured(arguments)
    again = reloaded(configuration, tmp_path, registry())
    assert again == configuration
    assert again.as_table() == configuration.as_table()


def test_none_is_kept_over_a_default_that_is_not_none(tmp_path: Path) -> None:
    settings = ["training.clip_norm=none", "training.patience=none", "evaluation.stride=none"]
    configuration = configured(settings=settings)
    again = reloaded(configuration, tmp_path, registry())
    assert (again.training.clip_norm, again.training.patience) == (None, None)
    assert again == configuration


def test_run_toml_names_every_setting_and_every_option(tmp_path: Path) -> None:
    configuration = configured()
    reloaded(configuration, tmp_path, registry())
    table = tomllib.loads((tmp_path / "run.toml").read_text())
    for section, cls in SECTIONS.items():
        names = set(configuration.as_table()[section])
        declared = {each.name for each in cls.__attrs_attrs__}  # type: ignore[attr-defined]
        others = {"steps", "minutes"} if section == "training" else set()
        assert declared - names == others
        assert set(table[section]) == names
    assert table["model"] == {
        "name": "net",
        "units": [64],
        "dropout": 0.0,
        "cell": "lstm",
        "tied": True,
    }


def test_run_toml_does_not_depend_on_a_recipe(tmp_path: Path) -> None:
    assert configured().as_table()["recipe"] == NO_RECIPE


def test_run_toml_names_the_recipe_that_it_was_made_from(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("seed = 4")
    configuration = configure(MINIMAL, registry(), recipe=str(recipe))
    assert configuration.as_table()["from_recipe"] == str(recipe)
    assert reloaded(configuration, tmp_path, registry()) == configuration
    assert file_layers(None, None)[0].table["from_recipe"] == "fast"
    with pytest.raises(ConfigurationError, match=r"from_recipe cannot be 3 \(run\.toml\)"):
        resolve([Layer(table={**MINIMAL, "from_recipe": 3}, place="run.toml")], registry())


def test_run_toml_tells_a_third_party_apart(tmp_path: Path) -> None:
    both = registry(*(component("sampler", "own", Plain, each) for each in ("one", "two")))
    configuration = configure({**MINIMAL, "sampler": "two/own"}, both, recipe=NO_RECIPE)
    assert reloaded(configuration, tmp_path, both) == configuration


@given(prompt=st.text(), encoding=st.text(), seed=st.integers(0, 2**31 - 1))
def test_any_text_and_number_survives_toml(prompt: str, encoding: str, seed: int) -> None:
    configuration = configured(
        {"prompt": prompt, "seed": seed}, settings={"corpus.encoding": encoding}
    )
    table = tomllib.loads(tomli_w.dumps(configuration.as_table()))
    table.pop("recipe")
    assert resolve([Layer(table=table, place="run.toml")], registry()) == configuration


def test_the_components_of_a_configuration_are_all_of_them() -> None:
    configuration = configured({"sampler": ["cut", "plain"], "tracker": "diary"})
    assert [each.name for each in configuration.components] == [
        "letters",
        "net",
        "cut",
        "plain",
        "length",
        "diary",
    ]
    assert len(BUNDLED) == 8
