"""What a run was made with, and whether this installation can open it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from fake_components import BUNDLED, Cut, Plain, component, plugin, registry

from textgen_core.config.resolve import Configuration, configure
from textgen_core.config.sources import NO_RECIPE
from textgen_core.errors import RunDirectoryError
from textgen_core.registry.registry import Component, Registry, install_command
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json, write_json, write_toml
from textgen_core.runs.manifest import (
    changed_files,
    check_settings,
    describe_run,
    load_configuration,
    settings_to_keep,
)

OWN = component("sampler", "own", Plain, "textgen-example")
FILES = [{"path": "a.txt", "size": 3, "sha256": "aa"}]


def made(folder: Path, every: Registry, **arguments: Any) -> tuple[RunDirectory, Configuration]:
    """Write the two files of a run that was made with a registry."""
    given = {"tokenizer": "letters", "model": "net", **arguments}
    configuration = configure(given, every, recipe=NO_RECIPE)
    run = RunDirectory(folder)
    write_toml(run.configuration, configuration.as_table())
    manifest = describe_run(
        configuration, files=FILES, machine={"cores": 2}, model={"parameters": 5}
    )
    write_json(run.manifest, manifest)
    return run, configuration


def changed(run: RunDirectory, **changes: Any) -> None:
    write_json(run.manifest, {**json.loads(run.manifest.read_text()), **changes})


def test_the_manifest_names_provider_and_version_of_every_component(tmp_path: Path) -> None:
    run, _ = made(tmp_path, registry(OWN), sampler="own", seed=7)
    manifest = json.loads(run.manifest.read_text())
    assert {
        "kind": "sampler",
        "name": "own",
        "distribution": "textgen-example",
        "version": "1.0",
    } in (manifest["components"])
    assert [each["kind"] for each in manifest["components"]] == [
        "tokenizer",
        "model",
        "sampler",
        "metric",
    ]
    assert manifest["corpus"] == FILES
    assert manifest["seed"] == 7
    assert manifest["versions"]["textgen-core"] != "not installed"
    assert manifest["machine"] == {"cores": 2}
    assert manifest["model"] == {"parameters": 5}


def test_a_run_is_opened_with_the_configuration_that_it_was_made_with(tmp_path: Path) -> None:
    run, configuration = made(tmp_path, registry(OWN), sampler=["own", "cut:0.5"], minutes=2)
    assert load_configuration(run, registry(OWN)) == (configuration, ())


def test_a_run_that_was_interrupted_before_its_manifest_can_be_opened(tmp_path: Path) -> None:
    run, configuration = made(tmp_path, registry())
    run.manifest.unlink()
    assert load_configuration(run, registry()) == (configuration, ())


def test_another_version_of_a_plugin_is_warned_about_once(tmp_path: Path) -> None:
    run, _ = made(tmp_path, registry())
    newer = tuple(attrs.evolve(each, plugin=plugin(version="2.0")) for each in BUNDLED)
    _, warnings = load_configuration(run, registry(bundled=newer))
    assert warnings == (
        f"{tmp_path} was made with textgen-core 1.0; installed is 2.0. "
        "Restore it: pip install textgen-core==1.0",
    )


def test_a_version_that_nobody_knows_is_not_asked_of_pip(tmp_path: Path) -> None:
    unknown = attrs.evolve(OWN, plugin=attrs.evolve(OWN.plugin, version="unknown"))
    run, _ = made(tmp_path, registry(unknown), sampler="own")
    _, warnings = load_configuration(run, registry(OWN))
    assert warnings == (f"{tmp_path} was made with textgen-example unknown; installed is 1.0.",)
    with pytest.raises(RunDirectoryError) as caught:
        load_configuration(run, registry())
    advice = "Install it, if you trust its author: pip install textgen-example ("
    assert caught.value.advice.startswith(advice)


STRANGE = [
    ("x; curl example.org | sh", "1.0"),
    ("--target=https://example.org", "1.0"),
    ("textgen-x --target https://example.org", "1.0"),
    ("x\n", "1.0"),
    ("$(id)", "1.0"),
    ("\u212aelvin", "1.0"),
    ("x" * 200, "1.0"),
    ("textgen-x", "1.0; curl example.org"),
    ("textgen-x", "1.0 --target x"),
    ("textgen-x", "latest"),
    ("textgen-x @ https://example.org/x.whl", "1.0"),
    ("textgen-core", "1.0 $(id)"),
]


def test_no_advice_is_made_of_a_strangers_words(tmp_path: Path) -> None:
    run, _ = made(tmp_path, registry(OWN), sampler="own")
    manifest = read_json(run.manifest)
    for distribution, version in STRANGE:
        changed = {"distribution": distribution, "version": version}
        components = [
            {**each, **(changed if each["name"] == "own" else {})}
            for each in manifest["components"]
        ]
        write_json(run.manifest, {**manifest, "components": components})
        with pytest.raises(RunDirectoryError, match="which is") as caught:
            load_configuration(run, registry())
        assert (caught.value.allowed, caught.value.advice) == ("", ""), changed


def test_versions_of_every_valid_form_are_asked_of_pip() -> None:
    for version in ("1.0", "1.0rc1", "2024.1.post2", "1!2.0", "1.0+local.1", "1.0.dev3"):
        assert install_command("textgen-x", version) == f"pip install textgen-x=={version}"
    assert install_command("Text_gen.x", "unknown") == "pip install Text_gen.x"


# ---- settings that a resumed run has to keep --------------------------------------------------


def edited(run: RunDirectory, old: str, new: str) -> Configuration:
    """Change run.toml as a person does, and return what it then says."""
    text = run.configuration.read_text()
    assert old in text
    run.configuration.write_text(text.replace(old, new))
    return load_configuration(run, registry())[0]


def test_a_run_that_nobody_touched_goes_on(tmp_path: Path) -> None:
    run, _ = made(tmp_path, registry(), minutes=2, batch_size=5, learning_rate=0.1 + 0.2)
    check_settings(run, load_configuration(run, registry())[0], "float32")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("batch_size = 32", "batch_size = 8", "training.batch_size was 32, now 8"),
        ("seed = 1", "seed = 2", "seed was 1, now 2"),
        ("sequence_length = 100", "sequence_length = 50", "data.sequence_length was 100, now 50"),
        ('optimizer = "adam"', 'optimizer = "sgd"', 'training.optimizer was "adam", now "sgd"'),
        ("clip_norm = 1.0", 'clip_norm = "none"', 'training.clip_norm was 1.0, now "none"'),
        ('letter_case = "keep"', 'letter_case = "lower"', "corpus.letter_case"),
        ("80.0,", "70.0,\n    20.0,", "corpus.split"),
        ('stream_length = "none"', "stream_length = 64", 'data.stream_length was "none", now 64'),
    ],
)
def test_a_setting_that_makes_it_another_run_is_refused_and_named(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    run, _ = made(tmp_path, registry())
    if old == "80.0,":
        configuration = edited(run, "80.0,\n    10.0,", "70.0,\n    20.0,")
    else:
        configuration = edited(run, old, new)
    with pytest.raises(RunDirectoryError) as caught:
        check_settings(run, configuration, "float32")
    assert told in caught.value.problem
    assert str(run.configuration) in caught.value.allowed
    assert f"textgen run --config {run.configuration}" in caught.value.advice
    assert str(caught.value).count("\n") == 2


def test_every_setting_that_differs_is_named_at_once(tmp_path: Path) -> None:
    run, _ = made(tmp_path, registry())
    edited(run, "batch_size = 32", "batch_size = 8")
    configuration = edited(run, "seed = 1", "seed = 2")
    with pytest.raises(RunDirectoryError, match=r"seed was .*; training\.batch_size was"):
        check_settings(run, configuration, "float32")


def test_an_option_of_a_component_is_held_too(tmp_path: Path) -> None:
    every = registry(OWN)
    run, configuration = made(tmp_path, every)
    kept = settings_to_keep(configuration)
    assert kept["model.name"] == "net"
    options = [name for name in kept if name.startswith(("model.", "tokenizer."))]
    changed(run, settings={**kept, options[0]: "another"})
    with pytest.raises(RunDirectoryError, match=options[0]):
        check_settings(run, configuration, "float32")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("max_new_tokens = 200", "max_new_tokens = 5"),
        ("prompts = 50", "prompts = 3"),
        ("checkpoint_seconds = 300.0", "checkpoint_seconds = 5.0"),
        ("epochs = 10", "epochs = 3"),
        ("epochs = 10", "minutes = 3"),
        ("patience = 3", "patience = 30"),
        ('profile = "none"', "profile = [3, 4]"),
        ("files = []", 'files = ["moved.txt"]'),
    ],
)
def test_what_makes_it_no_other_run_may_change(tmp_path: Path, old: str, new: str) -> None:
    run, _ = made(tmp_path, registry())
    check_settings(run, edited(run, old, new), "float32")


def test_another_arithmetic_is_refused(tmp_path: Path) -> None:
    run, configuration = made(tmp_path, registry())
    changed(run, model={"precision": "bfloat16"})
    check_settings(run, configuration, "bfloat16")
    with pytest.raises(RunDirectoryError, match=r"precision was bfloat16.*float32"):
        check_settings(run, configuration, "float32")


def test_a_setting_that_came_later_and_a_run_from_before_are_not_held(tmp_path: Path) -> None:
    run, configuration = made(tmp_path, registry())
    kept = settings_to_keep(configuration)
    del kept["training.halve_after"]
    changed(run, settings=kept)
    check_settings(run, configuration, "float32")
    changed(run, settings=None)
    check_settings(run, attrs.evolve(configuration, seed=9), "float32")


@pytest.mark.parametrize("damage", [{"settings": 5}, {"settings": []}, {"model": 5}])
def test_settings_that_are_damaged_are_refused_in_words(
    tmp_path: Path, damage: dict[str, Any]
) -> None:
    run, configuration = made(tmp_path, registry())
    changed(run, **damage)
    with pytest.raises(RunDirectoryError, match="damaged"):
        check_settings(run, configuration, "float32")


def without_own(*plugins: Any) -> Registry:
    return attrs.evolve(registry(), plugins=(plugin(), *plugins))


@pytest.mark.parametrize(
    ("plugins", "state", "advice"),
    [
        ([], "is not installed", "pip install textgen-example==1.0"),
        (
            [plugin("textgen_example", "2.0")],
            "is installed as 2.0 and no longer offers it",
            "pip install textgen-example==1.0",
        ),
        (
            [plugin("textgen-example", status="failed", error="ImportError: no")],
            "failed to load: ImportError: no",
            "pip install textgen-example==1.0",
        ),
        (
            [plugin("textgen-example", status="disabled")],
            "is disabled",
            "TEXTGEN_PLUGINS_DISABLE",
        ),
    ],
)
def test_a_missing_plugin_is_named_with_the_command_that_brings_it_back(
    tmp_path: Path, plugins: list[Any], state: str, advice: str
) -> None:
    run, _ = made(tmp_path, registry(OWN), sampler="own")
    with pytest.raises(RunDirectoryError) as caught:
        load_configuration(run, without_own(*plugins))
    assert f"needs the sampler 'own' of textgen-example 1.0, which {state}." in caught.value.problem
    assert advice in caught.value.advice
    assert caught.value.exit_code == 4


def test_what_is_missing_and_will_not_be_used_is_warned_about_and_left_out(tmp_path: Path) -> None:
    run, _ = made(tmp_path, registry(OWN), sampler="own")
    configuration, (warning,) = load_configuration(run, without_own(), used=("metric",))
    assert configuration.missing == ("sampler",)
    assert configuration.samplers == ()
    assert "needs the sampler 'own' of textgen-example 1.0, which is not installed." in warning
    assert "pip install textgen-example==1.0" in warning
    with pytest.raises(RunDirectoryError, match="which is not installed"):
        load_configuration(run, without_own(), used=("sampler",))


@pytest.mark.parametrize("kind", ["tokenizer", "model"])
def test_tokenizer_and_model_are_always_needed(tmp_path: Path, kind: str) -> None:
    run, _ = made(tmp_path, registry())
    manifest = json.loads(run.manifest.read_text())
    for needed in manifest["components"]:
        if needed["kind"] == kind:
            needed["distribution"] = "textgen-gone"
    write_json(run.manifest, manifest)
    with pytest.raises(RunDirectoryError, match=f"needs the {kind} .* of textgen-gone"):
        load_configuration(run, registry(), used=())


def test_a_namesake_of_another_distribution_does_not_take_the_place(tmp_path: Path) -> None:
    run, _ = made(tmp_path, registry(OWN), sampler="own")
    other = component("sampler", "own", Cut, "textgen-other")
    with pytest.raises(RunDirectoryError, match=r"textgen-example .*, which is not installed"):
        load_configuration(run, registry(other))


@pytest.mark.parametrize("newcomer", ["textgen-other", "textgen-core"])
def test_a_namesake_that_came_later_changes_nothing(tmp_path: Path, newcomer: str) -> None:
    run, configuration = made(tmp_path, registry(OWN), sampler="own:")
    later: Component = component("sampler", "own", Cut, newcomer)
    opened, _ = load_configuration(run, registry(later, OWN))
    assert opened.samplers == configuration.samplers


def test_two_namesakes_of_one_run_stay_apart(tmp_path: Path) -> None:
    both = registry(OWN, component("sampler", "own", Cut, "textgen-other"))
    run, configuration = made(
        tmp_path, both, sampler=["textgen-other/own:0.5", "textgen-example/own"]
    )
    assert load_configuration(run, both)[0] == configuration


def test_a_run_with_a_class_that_no_plugin_provides_says_how_to_open_it(tmp_path: Path) -> None:
    @attrs.frozen
    class Mine(Plain):
        pass

    run, _ = made(tmp_path, registry(), sampler=Mine())
    with pytest.raises(RunDirectoryError, match="Mine, which no plugin provides") as caught:
        load_configuration(run, registry())
    assert "Register" in caught.value.advice


@pytest.mark.parametrize(
    "components",
    [None, 5, {}, [5], ["kind"], [{"kind": "model"}], [{"kind": 1, "name": 2, "distribution": 3,
                                                        "version": 4}]],
)  # fmt: skip
def test_a_damaged_manifest_is_refused_in_words(tmp_path: Path, components: Any) -> None:
    run, _ = made(tmp_path, registry())
    changed(run, components=components)
    with pytest.raises(RunDirectoryError, match="is damaged"):
        load_configuration(run, registry())


@pytest.mark.parametrize("content", ["", "[]", "5", "{"])
def test_a_manifest_that_is_no_table_is_refused_in_words(tmp_path: Path, content: str) -> None:
    run, _ = made(tmp_path, registry())
    run.manifest.write_text(content)
    with pytest.raises(RunDirectoryError, match=r"manifest\.json"):
        load_configuration(run, registry())


@pytest.mark.parametrize(
    "content", ["", "[model", 'model = "nothing"', "seed = -1", "[training]\nepochs = 0\n"]
)
def test_a_damaged_run_toml_is_a_fault_of_the_run_directory(tmp_path: Path, content: str) -> None:
    run, _ = made(tmp_path, registry())
    run.configuration.write_text(content)
    with pytest.raises(RunDirectoryError, match=r"run\.toml cannot be (used|read)"):
        load_configuration(run, registry())


def test_a_missing_run_toml_is_a_fault_of_the_run_directory(tmp_path: Path) -> None:
    run, _ = made(tmp_path, registry())
    run.configuration.unlink()
    with pytest.raises(RunDirectoryError):
        load_configuration(run, registry())


def test_changed_files_are_those_that_came_went_or_differ() -> None:
    manifest = {"corpus": [{"path": each, "sha256": "1"} for each in "abc"]}
    found = [{"path": "a", "sha256": "1"}, {"path": "b", "sha256": "2"}]
    assert changed_files(manifest, [*found, {"path": "d", "sha256": "1"}]) == ("b", "c", "d")
    assert changed_files(manifest, manifest["corpus"]) == ()


@pytest.mark.parametrize("corpus", [None, 5, [5], [{"path": "a"}]])
def test_a_manifest_without_its_corpus_is_damaged(corpus: Any) -> None:
    with pytest.raises(RunDirectoryError, match="damaged"):
        changed_files({"corpus": corpus}, [])
