"""Spaces: what specs and settings with ranges let a search choose from."""

from __future__ import annotations

import json
import math
import tomllib

import pytest
import tomli_w
from fake_components import Net

from textgen_core.config.resolve import configure
from textgen_core.config.space import describe_space, from_table
from textgen_core.config.space_reading import read_kinds, read_sampler_space, read_space
from textgen_core.errors import ComponentError, ConfigurationError, UsageError
from textgen_core.registry.discovery import discover

CORPUS = {"corpus": ["book.txt"]}

MODELS = """
    import attrs
    from typing import Literal
    from textgen_core import ModelBuilder, hookimpl, option

    @attrs.frozen
    class Ring(ModelBuilder):
        '''Turns.'''
        units: int = option(48, help="width", at_least=8, at_most=64)
        turns: float = option(0.5, help="turns", above=0, below=2)
        scope: Literal["all", "some"] = option("all", help="what turns")

        def build(self, vocabulary_size, context_length):
            raise NotImplementedError

    @attrs.frozen
    class Fussy(ModelBuilder):
        '''Has no default that it takes.'''
        file: str = option("", help="a file that only its user has")

        def __attrs_post_init__(self):
            if not self.file:
                raise ValueError("file is needed")

        def build(self, vocabulary_size, context_length):
            raise NotImplementedError

    @hookimpl
    def textgen_models():
        return {"ring": Ring, "fussy": Fussy}
"""


def space_of(**given):
    return read_space(discover(), arguments=CORPUS, **given)


def varied(space):
    return dict(describe_space(space))


def lowest(space):
    chosen = {each.key: each.lowest for each in space.choices}
    return chosen | {each.key: each.lowest for each in space.dimensions_of(chosen)}


def configured(space, values):
    arguments, settings = space.arguments(values)
    return configure({**CORPUS, **arguments}, discover(), settings=settings)


def faults_of(**given):
    with pytest.raises(UsageError) as caught:
        space_of(**given)
    return [str(each) for each in caught.value.parts]


# ---- what is read -----------------------------------------------------------------------------


def test_ranges_and_lists_vary_and_the_rest_is_fixed():
    space = space_of(
        models="lstm:units=128..1024,layers=1,2,dropout=0..0.5,tie=true",
        settings=["training.learning_rate=0.001..0.02", "training.batch_size=16"],
    )
    assert varied(space) == {
        "model.lstm.units": "128..1024 (log)",
        "model.lstm.layers": "1, 2",
        "model.lstm.dropout": "0..0.5",
        "training.learning_rate": "0.001..0.02 (log)",
    }
    values = {
        "model.lstm.units": 200,
        "model.lstm.layers": 2,
        "model.lstm.dropout": 0.1,
        "training.learning_rate": 0.01,
    }
    run = configured(space, values)
    assert run.model.options["units"] == [200]
    assert (run.model.options["dropout"], run.model.options["tie"]) == (0.1, True)
    assert (run.training.learning_rate, run.training.batch_size) == (0.01, 16)


@pytest.mark.parametrize(
    ("range_", "is_log"),
    [("2..7", False), ("2..8", True), ("64..256", True), ("1..3", False)],
)
def test_whole_numbers_are_searched_by_ratio_where_the_ends_are_4_times_apart(range_, is_log):
    (found,) = space_of(models=f"lstm:layers={range_}").dimensions
    assert (found.log, found.whole, str(found)) == (is_log, True, range_)


@pytest.mark.parametrize(
    ("setting", "is_log"),
    [
        ("training.learning_rate=0.001..0.009", False),
        ("training.learning_rate=0.001..0.01", True),
        ("training.weight_decay=0..1", False),
        ("training.average=0..0.9", False),
    ],
)
def test_rates_are_searched_by_ratio_where_the_ends_are_10_times_apart_and_never_from_0(
    setting, is_log
):
    (found,) = space_of(settings=[setting]).dimensions
    assert (found.log, found.whole) == (is_log, False)


@pytest.mark.parametrize(
    ("spec", "choices"),
    [
        ("transformer:dropout=0..0.3/4", (0.0, 0.1, 0.2, 0.3)),
        ("transformer:layers=2..6/3", (2, 4, 6)),
        ("transformer:norm=all", ("layer", "rms")),
        ("transformer:tie=all", (False, True)),
        ("transformer:soft_cap=none,15", ("none", 15.0)),
        ("lstm:layers=none,units='256,128',512", ("256,128", "512")),
        ({"name": "lstm", "layers": [1, None, 1]}, (1, "none")),
    ],
)
def test_a_list_a_grid_and_all_are_choices(spec, choices):
    space = space_of(models=spec)
    (found,) = space.dimensions
    assert found.choices == choices
    for each in choices:  # each is what the configuration takes
        option = configured(space, {found.key: each}).model.options[found.option]
        plain = ",".join(map(str, option)) if isinstance(option, list) else option
        assert plain == (None if each == "none" else each)


def test_an_option_that_has_the_value_all_is_asked_for_that_value(plugin_site):
    plugin_site.add("textgen-ring", MODELS)
    space = space_of(models="ring:scope=all,turns=0.5..1")
    assert [each.option for each in space.dimensions] == ["turns"]
    assert configured(space, {"model.ring.turns": 1}).model.options["scope"] == "all"


def test_of_several_models_only_the_options_of_the_chosen_one_vary():
    space = space_of(models=["lstm:units=128..256", "transformer:layers=2..4,tie=all"])
    assert [(each.key, each.choices) for each in space.choices] == [
        ("model", ("lstm", "transformer"))
    ]
    of = {each: space.dimensions_of({"model": each}) for each in ("lstm", "transformer")}
    assert [each.key for each in of["lstm"]] == ["model.lstm.units"]
    assert [each.key for each in of["transformer"]] == [
        "model.transformer.layers",
        "model.transformer.tie",
    ]
    assert {each.of for each in of["transformer"]} == {"model/transformer"}
    assert space.count == 129 + 3 * 2


def test_two_specs_of_one_model_are_told_apart_by_what_is_fixed_else_by_number():
    models = ["lstm:layers=1", "lstm:layers=2,units=64..128", "lstm:layers=1,units=8..16"]
    space = space_of(models=models)
    assert space.choices[0].choices == ("lstm:layers=1", "lstm:layers=2", "lstm:layers=1 (2)")
    values = {"model": "lstm:layers=2", "model.lstm:layers=2.units": 70}
    assert configured(space, values).model.options["units"] == [70]


def test_an_instance_is_a_fixed_candidate_and_one_of_no_plugin_is_refused():
    trainer = next(each for each in discover().of_kind("tokenizer") if each.name == "bpe").cls
    space = space_of(tokenizers=[trainer(vocabulary_size=700), "character"])
    chosen = configured(space, {"tokenizer": space.choices[0].choices[0]}).tokenizer
    assert chosen.options["vocabulary_size"] == 700
    (fault,) = faults_of(models=Net())
    assert "No plugin offers Net" in fault


def test_a_space_is_as_large_as_its_choices_and_endless_between_two_ends():
    assert space_of(models="lstm:units=1..10,tie=all,layers=1").count == 20
    assert space_of(models="lstm:dropout=0..0.5").count == math.inf


def test_a_space_comes_back_from_toml_and_json_as_it_was():
    space = space_of(
        models=["lstm:units=128..1024,tie=all", "lstm:dropout=0..0.5,layers=2", "transformer"],
        tokenizers=["character", "bpe:vocabulary_size=300,1000"],
        settings=["training.learning_rate=0.001..0.02", "training.patience=none,3"],
    )
    table = space.as_table()
    assert from_table(tomllib.loads(tomli_w.dumps(table))) == space
    assert from_table(json.loads(json.dumps(table))) == space


@pytest.mark.parametrize(
    "damage",
    [
        {"model": []},
        {"model": "lstm"},
        {"model": [{}]},
        {"vary": {"training.average": {"low": 0.5}}},
        {"vary": {"training.average": {"low": 0.5, "high": 0.1, "log": False}}},
        {"vary": {"training.average": {"low": 0, "high": 1, "log": True}}},
        {"vary": {"training.average": {"low": "a", "high": 1, "log": False}}},
        {"vary": {"training.average": {"choices": []}}},
        {"vary": {"training.average": {"choices": "ab"}}},
        {"vary": {"training.average": 1}},
    ],
)
def test_a_damaged_table_of_a_space_is_refused(damage):
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        from_table(damage)


# ---- what is installed, and what nobody said --------------------------------------------------


def test_every_installed_component_is_tried_a_third_partys_too_and_what_fails_is_named(plugin_site):
    plugin_site.add("textgen-ring", MODELS)
    plugin_site.add("textgen-broken", "raise RuntimeError('no luck')")
    space = space_of(models="lstm:units=64..128", try_kinds=read_kinds("model,tokenizer"))
    assert [(each.key, set(each.choices)) for each in space.choices] == [
        ("tokenizer", {"bpe", "character", "word"}),
        ("model", {"lstm", "transformer", "ring"}),
    ]
    assert any("fussy is not tried" in each and "file is needed" in each for each in space.notes)
    assert any("textgen-broken 1.0 (main) failed" in each for each in space.notes)
    values = {"tokenizer": "bpe", "model": "ring"}
    assert configured(space, values).model.label == "ring"
    values["model"] = "transformer"
    assert configured(space, values).model.options["convolution"] == 4  # the recipe's


def test_two_plugins_with_one_name_are_both_tried(plugin_site):
    for each in ("textgen-ring", "textgen-wheel"):
        plugin_site.add(each, MODELS.replace('"fussy": Fussy', ""))
    space = space_of(try_kinds=["model"])
    assert {"textgen-ring/ring", "textgen-wheel/ring"} < set(space.choices[0].choices)
    assert configured(space, {"model": "textgen-wheel/ring"}).model.name == "ring"
    assert from_table(space.as_table()) == space


def test_without_a_space_what_usually_matters_varies_around_the_recipe():
    assert varied(space_of()) == {
        "model.transformer.layers": "2..8 (log)",
        "model.transformer.heads": "2..8 (log)",
        "model.transformer.feed_forward": "256..1024 (log)",
        "model.transformer.dropout": "0..0.5",
        "training.learning_rate": "0.002..0.032 (log)",
        "training.weight_decay": "0.01..1 (log)",
    }


def test_a_candidate_that_is_given_twice_is_refused():
    twice = ["lstm:units=8..16", "transformer", "lstm:units=8..16"]
    with pytest.raises(ComponentError, match=r"lstm is given twice with the same options"):
        space_of(models=twice)
    other = space_of(models=["lstm:units=8..16", "lstm:units=8..32"])
    assert len(other.choices[0].choices) == 2


def test_a_vocabulary_varies_by_default_only_where_the_recipe_names_its_size():
    sized = varied(space_of(tokenizers="bpe:minimum_frequency=2", recipe="classic"))
    assert not any("vocabulary" in key for key in sized)
    word = varied(space_of(tokenizers="word"))
    assert [each for each in word if "vocabulary" in each] == ["tokenizer.word.vocabulary_size"]


def test_what_is_fixed_stays_in_the_default_space_and_rules_of_a_plugin_hold(plugin_site):
    plugin_site.add("textgen-ring", MODELS)
    space = space_of(
        models="lstm:units=256", tokenizers="character", settings={"training.weight_decay": 0.1}
    )
    assert list(varied(space)) == [
        "model.lstm.layers",
        "model.lstm.dropout",
        "training.learning_rate",
    ]
    assert configured(space, lowest(space)).model.options["units"] == [256]
    ring = varied(space_of(models="ring"))  # its width may be 64 at most: 12..96 is none
    assert [each for each in ring if each.startswith("model")] == []


# ---- samplers ---------------------------------------------------------------------------------


def test_samplers_are_a_chain_with_one_more_link_for_the_installed_ones():
    space = read_sampler_space(
        discover(), ["temperature:0.5..1.5", "nucleus:p=0.7..1"], try_installed=True
    )
    assert [each.key for each in space.choices] == ["sampler_3"]
    assert not {"temperature", "nucleus"} & set(space.choices[0].choices)
    values = {"sampler.temperature.t": 1.2, "sampler_2.nucleus.p": 0.9, "sampler_3": "min-p"}
    assert space.arguments(values) == (
        {
            "sampler": [
                {"name": "temperature", "t": 1.2},
                {"name": "nucleus", "p": 0.9},
                {"name": "min-p"},
            ]
        },
        {},
    )
    assert from_table(space.as_table()) == space


# ---- faults -----------------------------------------------------------------------------------


def test_every_fault_is_named_at_once_also_those_of_what_is_fixed():
    found = faults_of(
        models=["lstm:units=0..10,dropout=0.5..1.0", "lsmt:layers=1..2"],
        tokenizers="bpe:vocabulary_size=300-4000",
        settings=["training.learning_rate=0..1", "training.epoch=3", "training.clip_norm=-1"],
        recipe="fats",
    )
    assert len(found) == 8
    for each in (
        "units cannot be '0' (--model, 0..10)",
        "dropout cannot be '1.0' (--model, 0.5..1.0)",
        "Unknown model: 'lsmt'",
        "vocabulary_size cannot be '300-4000'",
        "learning_rate cannot be '0' (--set, 0..1)",
        "Unknown option of training: 'epoch'",
        "clip_norm cannot be '-1'",
        "Unknown recipe: 'fats'",
    ):
        assert sum(each in fault for fault in found) == 1


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("lstm:layers=4..2", "it ends below its start"),
        ("lstm:layers=1..2.5", "a whole number"),
        ("lstm:layers=1..2/3", "1.5"),
        ("lstm:layers=1..9/1", "1 value"),
        ("lstm:units=1..1000/1000", "1000 values"),
        ("lstm:units=" + ",".join(map(str, range(1, 102))), "101 values"),
        ("lstm:dropout=0..1e400", "an end that is no number"),
        ("lstm:units=1..99999999999", "ends up to 1,000,000,000"),
        ("lstm:tie=0..1", "a list as false,true, or all"),
        ("lstm:initialiser=a..b", "glorot, uniform"),
        ("lstm:units=all", "To vary it: LOW..HIGH"),
        ("lstm:dropout=0,0.1..0.5", "0.1..0.5"),
        ("lstm,transformer", "--model again for each"),
        ("lstm:units='256,128',layers=3", "2 sizes for 3 layers"),
    ],
)
def test_a_range_that_cannot_be_is_refused_with_the_reason(spec, message):
    (fault,) = faults_of(models=spec)
    assert message in fault
    assert len(fault.splitlines()) <= 3


def test_one_mistake_in_many_values_is_not_named_for_each():
    assert len(faults_of(models="lstm:dropout=2..3/100")) == 3


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.minutes=1..3", "how long a trial is trained"),
        ("training.epochs=2,3", "how long a trial is trained"),
        ("corpus.letter_case=all", "different texts"),
        ("evaluation.stride=none,50", "scored in different ways"),
        ("generation.samples=1..3", "no influence on the score"),
    ],
)
def test_what_would_make_scores_unequal_or_not_change_them_cannot_vary(setting, message):
    (fault,) = faults_of(settings=[setting])
    assert message in fault


def test_settings_with_commas_of_their_own_are_left_as_they_are():
    space = space_of(
        settings=[
            "corpus.split=80,10,10",
            "generation.prompt=One, two",
            "training.profile=20,25",
            "training.average=0..0.9",
        ]
    )
    run = configured(space, {"training.average": 0.5})
    assert (run.corpus.split, run.training.profile) == ((80, 10, 10), (20, 25))
    assert run.generation.prompt == "One, two"


def test_only_what_is_wrong_at_both_ends_is_refused_before_the_search():
    assert space_of(models="transformer:head_size=32..33").dimensions
    assert "even head_size" in faults_of(models="transformer:head_size=31,33")[0]


def test_a_search_in_which_nothing_could_vary_is_refused():
    fixed = ["training.learning_rate=0.01", "training.weight_decay=0"]
    model = "lstm:units=8,layers=1,dropout=0"
    (fault,) = faults_of(models=model, tokenizers="character", settings=fixed)
    assert "Nothing varies" in fault


def test_only_kinds_that_a_search_chooses_can_be_tried():
    assert read_kinds(["sampler, model", "model"]) == ("model", "sampler")
    with pytest.raises(ConfigurationError, match="metric"):
        read_kinds("model,metric")
