"""What a run was made with, and whether this installation can open it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from fake_components import BUNDLED, Cut, Plain, component, plugin, registry

from textgen_core.config import Configuration, configure
from textgen_core.errors import RunDirectoryError
from textgen_core.layers import NO_RECIPE
from textgen_core.manifest import changed_files, describe_run, load_configuration
from textgen_core.registry import Component, Registry
from textgen_core.run_directory import RunDirectory, write_json, write_toml

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
    assert warnings == (f"{tmp_path} was made with textgen-core 1.0; installed is 2.0.",)


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
            "textgen plugins list",
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
    with pytest.raises(RunDirectoryError, match=r"run\.toml cannot be used"):
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
