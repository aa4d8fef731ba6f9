"""What the documentation promises: it builds, its commands parse, its recipe works.

Its plugins are tested in test_tutorials.py and test_example.py.
"""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from pages import DOCS, FENCE, OF_PLUGIN_PAGES, PAGES, captioned

from textgen_core import (
    Metric,
    ModelBuilder,
    Sampler,
    TokenizerTrainer,
    Tracker,
    TrackerSession,
    hookspecs,
)
from textgen_core.cli import app
from textgen_core.components import options_of
from textgen_core.config.resolve import configure
from textgen_core.config.settings import SECTIONS
from textgen_core.registry.discovery import discover
from textgen_core.registry.registry import KINDS, Registry
from textgen_core.testing import checks_for

Command = Callable[..., subprocess.CompletedProcess[str]]


# ---- reading the pages ----------------------------------------------------------------------


def command_lines(text: str) -> Iterator[list[str]]:
    """Yield the arguments of every `textgen ...` in the bash blocks of a page."""
    for block in FENCE.finditer(text):
        if block["info"] not in ("bash", "sh", "console"):
            continue
        for line in block["body"].replace("\\\n", " ").splitlines():
            program = line.strip().removeprefix("$ ").rpartition("| ")[2]
            words = shlex.split(program, comments=True)
            if words[:1] == ["textgen"]:
                yield words[1:]


def inline_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of every inline `textgen COMMAND ...`, up to a placeholder's brackets."""
    prose = FENCE.sub("", text)
    for found in re.finditer(r"`textgen ([a-z][^`\n]*)`", prose):
        yield shlex.split(found[1])


def every_command_line() -> list[Any]:
    lines = [
        pytest.param(words, id=f"{page.relative_to(DOCS)}: {' '.join(words)}")
        for page in PAGES
        for words in command_lines(page.read_text(encoding="utf-8"))
    ]
    assert len(lines) > 30, "the pages' commands were not found"
    return lines


PROGRAM: Any = typer.main.get_command(app)


def parse(words: list[str]) -> tuple[str, dict[str, Any]]:
    """Parse arguments as the program does, without running; return the command and its values.

    Raises the program's own usage error.
    """
    command = PROGRAM
    context = command.make_context("textgen", list(words))
    while hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        if not rest:
            break
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
    return command.name, context.params


# ---- commands -------------------------------------------------------------------------------


@pytest.mark.parametrize("words", every_command_line())
def test_every_command_line_in_a_code_block_parses(words: list[str]) -> None:
    name, _ = parse(words)
    assert name in words


@pytest.mark.parametrize(
    "words", [["run", "--no-such-option"], ["sing"], ["generate", "--samples", "many"]]
)
def test_a_command_line_that_the_program_refuses_does_not_parse(words: list[str]) -> None:
    with pytest.raises(typer.TyperException):
        parse(words)


@pytest.fixture(scope="module")
def registry() -> Registry:
    return discover()


@pytest.mark.parametrize("words", every_command_line())
def test_every_setting_and_component_of_a_command_line_exists(
    words: list[str], registry: Registry
) -> None:
    name, given = parse(words)
    if name == "analyze":
        configure({}, registry, settings=given["settings"] or ())
    if name not in ("run", "generate"):
        return
    keys = ("tokenizer", "model", "sampler", "metric", "tracker", "epochs", "minutes", "split")
    arguments = {key: given.get(key) or None for key in keys}
    for key, value in arguments.items():
        if any(name in str(value) for name in OF_PLUGIN_PAGES):
            arguments[key] = None  # checked with the plugin itself
    recipe = given.get("recipe")
    configure(
        arguments,
        registry,
        recipe=None if str(recipe).endswith(".toml") else recipe,
        settings=given.get("settings") or (),
        flags=True,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_command_in_the_prose_exists(page: Path) -> None:
    for words in inline_commands(page.read_text(encoding="utf-8")):
        assert words[0] in PROGRAM.commands, f"textgen {' '.join(words)}"


# ---- the site -------------------------------------------------------------------------------


def test_the_site_builds_without_warnings_and_links_that_lead_nowhere(tmp_path: Path) -> None:
    pytest.importorskip("sphinx")
    built = subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-W", "--keep-going", "-b", "html"),
            *("-d", tmp_path / "doctrees", DOCS, tmp_path / "site"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    for page in PAGES:
        assert (tmp_path / "site" / page.relative_to(DOCS).with_suffix(".html")).is_file()


def test_every_page_has_one_title() -> None:
    for page in PAGES:
        prose = FENCE.sub("", page.read_text(encoding="utf-8"))
        assert len(re.findall(r"^# .", prose, re.M)) == 1, page


# ---- the generated reference ----------------------------------------------------------------


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the generated pages by name, written by a process that must stay light."""
    folder = tmp_path_factory.mktemp("reference")
    program = (
        f"import sys; sys.path.insert(0, {str(DOCS)!r})\n"
        "from pathlib import Path\n"
        "from generate_reference import write_reference\n"
        f"write_reference(Path({str(folder)!r}))\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'tokenizers'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_the_reference_has_every_setting_with_its_help(reference: dict[str, str]) -> None:
    for name, section in SECTIONS.items():
        for option in options_of(section):
            assert f"**`{name}.{option.name}`**: {option.rules.help}" in reference["settings"]


def test_the_reference_has_every_bundled_component_with_its_options(
    reference: dict[str, str],
) -> None:
    bundled = [each for each in discover().components if each.plugin.bundled]
    assert len(bundled) > 10
    for component in bundled:
        heading = f"### `{component.kind}/{component.name}`\n"
        section = reference["components"].partition(heading)[2].partition("\n### ")[0]
        assert component.summary in section
        for option in options_of(component.cls):
            assert f"**`{option.name}`**: {option.rules.help}" in section


def test_the_reference_has_every_check_of_the_kit_with_its_sentence(
    reference: dict[str, str],
) -> None:
    for kind in KINDS:
        for check in checks_for(kind):
            sentence = check.sentence.replace("<", r"\<")
            assert reference["checks"].count(f"**`{check.id}`**: {sentence}\n") == 1


def test_the_reference_has_every_command_and_flag(reference: dict[str, str]) -> None:
    for name, inner in PROGRAM.commands.items():
        assert f"## `textgen {name}`" in reference["commands"]
        for parameter in inner.params:
            assert parameter.param_type_name == "argument" or (
                parameter.opts[0] in reference["commands"]
            )


def test_the_reference_has_every_hook_with_its_signature_and_what_it_returns(
    reference: dict[str, str],
) -> None:
    hooks = {name: each for name, each in vars(hookspecs).items() if hasattr(each, "textgen_spec")}
    assert len(hooks) == 5
    for name, hook in hooks.items():
        section = reference["contracts"].partition(f"### `{name}`\n")[2].partition("\n### ")[0]
        assert f"def {name}() -> {hook.__annotations__['return']}" in section
        assert words_of(inspect.getdoc(hook) or "") in words_of(section)


def test_the_reference_has_every_member_of_the_contracts(reference: dict[str, str]) -> None:
    for base in (TokenizerTrainer, ModelBuilder, Sampler, Metric, Tracker, TrackerSession):
        section = reference["contracts"].partition(f"\n### `{base.__name__}`\n")[2]
        section = section.partition("\n### ")[0]
        for name, member in vars(base).items():
            if not name.startswith("_") and callable(member):
                assert f"#### `{name}`" in section
                assert words_of(inspect.getdoc(member) or "") in words_of(section)


def words_of(text: str) -> str:
    """Return a docstring, or the page that shows it, without what Markdown adds."""
    return " ".join(re.sub(r"[*`]|^\s*- ", "", text, flags=re.MULTILINE).split())


def test_the_reference_has_every_name_that_a_plugin_imports(reference: dict[str, str]) -> None:
    import textgen_core

    documented = reference["contracts"] + reference["python"] + reference["errors"]
    for name in set(textgen_core.__all__) - {"hookimpl"}:
        assert f"`{name}`" in documented or f"\n{name} " in documented, name


# ---- what the guides let one write ----------------------------------------------------------


def test_the_recipe_of_the_guide_can_be_used(tmp_path: Path) -> None:
    blocks = captioned(DOCS / "guides" / "settings-and-recipes.md")
    recipe = tmp_path / "poems.toml"
    recipe.write_text(blocks["poems.toml"], encoding="utf-8")
    configuration = configure({}, discover(), recipe=str(recipe))
    assert configuration.corpus.documents == "blank-line"
    assert [each.label for each in configuration.samplers] == [
        "temperature:t=0.8",
        "nucleus:p=0.95",
    ]
