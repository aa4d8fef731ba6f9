"""The wheel as a person installs it, with a third-party plugin beside it, and without."""

from __future__ import annotations

import importlib.util
import json
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent

import pytest
from installation import BRIEFLY, Installation, build, install

ROOT = Path(__file__).parent.parent.parent
VERSION = version("textgen-core")

pytestmark = [
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in ("build", "hatchling", "pip")),
        reason="building a wheel needs build, hatchling and pip",
    ),
]

EXAMPLE_INIT = """
from textgen_core import hookimpl
from textgen_example.components import GRUBuilder, MeanLength, Share, Unigram


@hookimpl
def textgen_tokenizers():
    return {"unigram": Unigram}


@hookimpl
def textgen_models():
    return {"gru": GRUBuilder}


@hookimpl
def textgen_samplers():
    return {"share": Share}


@hookimpl
def textgen_metrics():
    return {"mean-length": MeanLength}
"""

EXAMPLE_COMPONENTS = """
from typing import ClassVar

import attrs
from textgen_core import Figure, Metric, ModelBuilder, Sampler, TokenizerTrainer, option


@attrs.frozen
class Unigram(TokenizerTrainer):
    '''The pieces that make the text most probable.'''

    vocabulary_size: int = option(200, help="pieces at most", at_least=10)

    def train(self, texts):
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.Unigram())
        # Signs stand alone, so that no text can be spelt by the piece of a special token.
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Punctuation(),
                pre_tokenizers.Metaspace(prepend_scheme="never", split=False),
            ]
        )
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="never", split=False)
        special = ["<PAD>", "<UNK>", "<START>", "<END>"]
        trainer = trainers.UnigramTrainer(
            vocab_size=self.vocabulary_size + len(special),
            special_tokens=special,
            unk_token="<UNK>",
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return tokenizer


@attrs.frozen
class GRUBuilder(ModelBuilder):
    '''One GRU: a plain Keras model, without any of the optional methods.'''

    units: int = option(16, help="the width", at_least=1)

    def build(self, vocabulary_size, context_length):
        import keras

        token_ids = keras.Input((None,), dtype="int32")
        hidden = keras.layers.Embedding(vocabulary_size, self.units)(token_ids)
        hidden = keras.layers.GRU(self.units, return_sequences=True)(hidden)
        return keras.Model(token_ids, keras.layers.Dense(vocabulary_size)(hidden))


@attrs.frozen
class Share(Sampler):
    '''Keep the tokens that are at least a share as probable as the most probable one.'''

    share: float = option(0.1, help="the share", above=0, at_most=1)

    def transform(self, logits, history):
        import tensorflow as tf

        probabilities = tf.nn.softmax(logits)
        highest = tf.reduce_max(probabilities, axis=-1, keepdims=True)
        return tf.where(probabilities >= self.share * highest, logits, -float("inf"))


@attrs.frozen
class MeanLength(Metric):
    '''How many characters a sample has.'''

    figures: ClassVar = {"characters": Figure("neither", 0.0)}

    def measure(self, evidence):
        return {"characters": sum(map(len, evidence.samples)) / len(evidence.samples)}
"""


def write_project(folder: Path, name: str, release: str, files: Mapping[str, str]) -> Path:
    """Write the project of a plugin package as its author would."""
    module = name.replace("-", "_")
    (folder / module).mkdir(parents=True)
    for file, text in files.items():
        (folder / module / file).write_text(text, encoding="utf-8")
    project = f"""
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"

        [project]
        name = "{name}"
        version = "{release}"
        dependencies = ["textgen-core"]

        [project.entry-points.textgen]
        main = "{module}"
        """
    (folder / "pyproject.toml").write_text(dedent(project), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def example_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {"__init__.py": EXAMPLE_INIT, "components.py": EXAMPLE_COMPONENTS}
    folder = tmp_path_factory.mktemp("example")
    return build(write_project(folder, "textgen-example", "1.2.3", files), folder / "dist")


@pytest.fixture(scope="module")
def broken_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {"__init__.py": "raise ImportError('the cause that it names')\n"}
    folder = tmp_path_factory.mktemp("broken")
    return build(write_project(folder, "textgen-broken", "0.0.1", files), folder / "dist")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Installation:
    """Return an installation of the wheel and nothing else."""
    return install(tmp_path_factory.mktemp("alone") / "venv", wheel)


@pytest.fixture(scope="module")
def beside(
    tmp_path_factory: pytest.TempPathFactory, wheel: Path, example_wheel: Path, broken_wheel: Path
) -> Installation:
    """Return an installation with the example and the broken plugin beside the wheel."""
    return install(tmp_path_factory.mktemp("beside") / "venv", wheel, example_wheel, broken_wheel)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, beside: Installation) -> Path:
    """Return a run that was made with all four components of the example."""
    folder = tmp_path_factory.mktemp("run")
    corpus = folder / "corpus.txt"
    lines = [f"The {a} goes to the {b}, and the {b} waits.\n" for a in NOUNS for b in NOUNS]
    corpus.write_text("".join(lines), encoding="utf-8")
    done = beside.textgen(
        *("run", corpus, "--out", folder / "out", "--epochs", "1", "--quiet"),
        *("--tokenizer", "unigram:100", "--model", "gru:units=8"),
        *("--sampler", "share:share=0.2", "--metric", "mean-length"),
        *BRIEFLY,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return folder / "out"


NOUNS = ("miller", "river", "ferry", "garden", "lantern", "winter", "keeper", "orchard")


# ---- the wheel alone ----------------------------------------------------------------------------


def test_the_wheel_holds_what_runs_and_nothing_of_the_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    sources = [path for path in (ROOT / "textgen_core").rglob("*") if path.is_file()]
    sources += [path for path in (ROOT / "plugins").rglob("*") if path.is_file()]
    for path in sources:
        if path.suffix in (
            ".py",
            ".toml",
            ".txt",
            ".html",
            ".css",
            ".js",
            ".json",
            ".typed",
            ".jinja",
        ) and "mypy" not in str(path):
            own = path.relative_to(ROOT).as_posix().removeprefix("plugins/")
            assert own in names
    assert "textgen_core/config/recipes/fast.toml" in names
    assert any(name.startswith("textgen_core/report/templates/") for name in names)
    assert sum(name.endswith("py.typed") for name in names) == 6
    assert any(name.endswith("licenses/LICENSE") for name in names)
    top = {name.partition("/")[0] for name in names}
    assert top == {
        "textgen_core",
        *("textgen_tokenizers", "textgen_models", "textgen_samplers"),
        *("textgen_metrics", "textgen_trackers"),
        f"textgen_core-{VERSION}.dist-info",
    }
    assert not [name for name in names if "test_" in name or "conftest" in name]


def test_the_installed_command_is_the_wheels_own(alone: Installation) -> None:
    script = "import textgen_core, textgen_models; print(textgen_core.__file__)"
    done = alone.run([alone.python, "-P", "-c", script], alone.folder)
    assert Path(done.stdout.strip()).is_relative_to(alone.folder)
    assert alone.textgen("--version").stdout == f"textgen {VERSION}\n"


def test_every_bundled_component_is_listed_with_its_version(alone: Installation) -> None:
    text = alone.textgen("plugins")
    assert text.returncode == 0, text.stderr
    value = json.loads(alone.textgen("plugins", "--json").stdout)
    found = {(each["kind"], each["name"]) for each in value["components"]}
    assert found >= {
        *(("tokenizer", name) for name in ("character", "word", "bpe")),
        *(("model", name) for name in ("lstm", "transformer")),
        *(("sampler", name) for name in ("greedy", "temperature", "top-k", "nucleus")),
        *(("metric", name) for name in ("bleu", "diversity", "novelty", "repetition")),
        *(("tracker", name) for name in ("tensorboard", "wandb")),
    }
    assert {each["version"] for each in value["components"]} == {VERSION}
    assert {each["distribution"] for each in value["components"]} == {"textgen-core"}
    assert [each["status"] for each in value["plugins"]] == ["ok"] * 5
    for _, name in found:
        assert f"  {name} " in text.stdout


def test_the_recipes_came_along(alone: Installation) -> None:
    assert {"first", "classic", "fast"} <= set(alone.textgen("recipes").stdout.split())


# ---- with a third-party plugin -------------------------------------------------------------------


def test_the_components_of_another_package_are_listed_with_its_version(
    beside: Installation,
) -> None:
    value = json.loads(beside.textgen("plugins", "--json").stdout)
    own = [each for each in value["components"] if each["distribution"] == "textgen-example"]
    assert {(each["kind"], each["name"], each["version"]) for each in own} == {
        ("tokenizer", "unigram", "1.2.3"),
        ("model", "gru", "1.2.3"),
        ("sampler", "share", "1.2.3"),
        ("metric", "mean-length", "1.2.3"),
    }


def test_a_run_with_all_four_names_their_package_in_its_manifest(run: Path) -> None:
    components = json.loads((run / "manifest.json").read_text())["components"]
    provided = {
        (each["kind"], each["name"]): (each["distribution"], each["version"]) for each in components
    }
    for key in (
        ("tokenizer", "unigram"),
        ("model", "gru"),
        ("sampler", "share"),
        ("metric", "mean-length"),
    ):
        assert provided[key] == ("textgen-example", "1.2.3")
    assert provided["metric", "bleu"] == ("textgen-core", VERSION)


def test_a_run_with_all_four_was_trained_scored_and_reported(run: Path) -> None:
    evaluation = json.loads((run / "evaluation.json").read_text())
    assert evaluation["metrics"]["mean-length"]["characters"] > 0
    assert evaluation["loss"] > 0
    assert (run / "report.html").stat().st_size > 1000
    assert json.loads((run / "best.json").read_text())["checkpoint"].startswith("step-")


def test_a_package_that_is_gone_is_named_with_the_command_that_brings_it_back(
    alone: Installation, run: Path
) -> None:
    done = alone.textgen("generate", run)
    assert done.returncode == 4
    assert "textgen-example 1.2.3, which is not installed" in done.stderr
    assert "pip install textgen-example==1.2.3" in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert done.stdout == ""


# ---- with a plugin that does not import ---------------------------------------------------------


def test_a_package_that_does_not_import_is_named_with_its_cause(beside: Installation) -> None:
    done = beside.textgen("plugins")
    assert done.returncode == 0
    cause = "ImportError: the cause that it names"
    assert f"failed: textgen-broken 0.0.1 (main): {cause}" in done.stdout
    assert "nucleus" in done.stdout
    assert beside.textgen("--help").returncode == 0


def test_a_package_that_does_not_import_leaves_runs_alone(beside: Installation) -> None:
    planned = (
        "run",
        "--dry-run",
        "--quiet",
        "--sampler",
        "share",
    )  # whose `run` was made beside it
    done = beside.textgen(*planned)
    assert done.returncode == 0, done.stderr
    assert "share" in done.stdout
