"""The order of the packages, what each may import, and what no source may do."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from architecture import CORE, Import, calls, imports, names_and_texts, parse, sources

import textgen_core
from textgen_core.runs.directory import InRun, RunDirectory

ROOT = Path(__file__).parent.parent
CORE_SOURCES = sources(ROOT / CORE)
PLUGIN_SOURCES = sources(ROOT / "plugins")
PLUGINS = {path.name for path in (ROOT / "plugins").iterdir() if (path / "__init__.py").is_file()}

HEAVY = {"tensorflow", "keras"}
# Where TensorFlow or Keras may be imported at module level: these packages work with tensors.
TENSOR_PACKAGES = {
    "models/",
    "generation/tensorflow_runtime",
    "generation/transforming",
    "programs/conversion",
    "programs/infinities",
    "programs/model_program",
    "programs/sampler_program",
    "evaluation/measuring",
    "evaluation/scoring",
    "explore/inspection",
    "training/",
    "testing/",
}
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
FORBIDDEN_CALLS = {
    "eval",
    "exec",
    "compile",
    "__import__",
    "load_model",
    "load_weights",
    "model_from_json",
    "model_from_config",
    "deserialize_keras_object",
    "enable_unsafe_deserialization",
}

# Who may encode a text: the door, what encodes splits, which are cleaned already, and the checks of
# tokenizers. All else has `LanguageModel.read` or `TextInput.read`.
ENCODERS = (
    "data/tokenizer",
    "data/text_input",
    "data/token_bytes",
    "data/token_files",
    "data/windowed_encoding",
    "testing/",
)
ENCODING = {"encode", "encode_batch", "encode_batch_fast", "encode_with_spans"}

Check = Callable[[str, ast.Module], Iterator[str]]


def in_core(path: Path) -> str:
    """Return a file's name within the core without its ending, such as `data/batches`."""
    return path.relative_to(ROOT / CORE).with_suffix("").as_posix()


def package_of(name: str) -> str:
    """Return the package of a file or module within the core: its first part."""
    return re.split(r"[/.]", name)[0]


def packages_in_order(text: str) -> list[str]:
    """Return the packages that the table of docs/architecture.md lists, from the ground up."""
    table = text.partition("| package |")[2].partition("\n\n")[0]
    return [name.rstrip("/") for name in re.findall(r"^\| `([^`]+)` \|", table, flags=re.MULTILINE)]


PACKAGES = packages_in_order((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))


# ---- the checks: each takes a file's name and its syntax, and yields what is wrong -------------


def imports_of_packages_below(name: str, tree: ast.Module) -> Iterator[str]:
    """A package imports only packages above it."""
    own = PACKAGES.index(package_of(name))
    for each in imports(tree):
        target = imported_package(each)
        if target is None or target == package_of(name):
            continue
        if target not in PACKAGES:
            yield f"{name}:{each.line} imports {target}, which the table does not list"
        elif PACKAGES.index(target) > own:
            yield f"{name}:{each.line} imports {target}, which is below it"


# What writes text with a trained model, scores it or looks into it.
INFERENCE = (
    *("generation/", "evaluation/", "explore/"),
    *("pipeline/opened_run", "pipeline/run_writing", "pipeline/assembly"),
)


def training_in_inference(name: str, tree: ast.Module) -> Iterator[str]:
    """What uses a trained model imports nothing of what trains one, and the other way round."""
    if name.startswith(INFERENCE):
        yield from (f"{name}: {each}" for each in imports_of("training", tree))
    if name.startswith("training/"):
        yield from (f"{name}: {each}" for each in imports_of("generation", tree))


def imports_of(package: str, tree: ast.Module) -> list[str]:
    """Return what is imported of a package."""
    return [each.module for each in imports(tree) if imported_package(each) == package]


def imported_package(each: Import) -> str | None:
    """Return the package that an import goes to, None if it leaves the core."""
    if each.module.startswith("."):
        return "a relative module"
    if each.package != CORE:
        return None
    inner = each.module.partition(".")[2] or each.name
    return package_of(inner) or "the whole package"


def mentions_of_plugins(name: str, tree: ast.Module) -> Iterator[str]:
    """The core names no plugin package; hooks of the same names are declared in `hookspecs`."""
    if name == "hookspecs":
        return
    for text in names_and_texts(tree):
        for plugin in sorted(PLUGINS):
            if re.search(rf"\b{plugin}\b", text):
                yield f"{name} names {plugin}"


def imports_beyond_the_surface(name: str, tree: ast.Module) -> Iterator[str]:
    """A plugin imports what `textgen_core` exports, and no other plugin."""
    own = package_of(name)
    for each in imports(tree):
        if each.package in PLUGINS - {own} or each.module.startswith("."):
            yield f"{name}:{each.line} imports {each.module}"
        elif each.package == CORE and not each.for_types_only:
            exported = each.module == CORE and each.name in textgen_core.__all__
            if not exported:
                yield f"{name}:{each.line} imports {each.module} {each.name}"


def tensors_outside_their_packages(name: str, tree: ast.Module) -> Iterator[str]:
    """TensorFlow and Keras are imported at module level only where tensors are at home."""
    if name in TENSOR_PACKAGES or f"{package_of(name)}/" in TENSOR_PACKAGES:
        return
    for each in imports(tree):
        if each.package in HEAVY and each.at_module_level and not each.for_types_only:
            yield f"{name}:{each.line} imports {each.module}"


# Where files are opened that belong to no run, or are just being made.
OPENS_OTHERS = {
    "cli/editor": "a text in an editor",
    "cli/output": "the null device",
    "cli/startup": "the null device",
    "config/sources": "recipes, and the user's own configuration",
    "corpus/": "the user's texts",
    "data/token_files": "the cache",
    "evaluation/review": "a sheet that the user names",
    "explore/picture": "a page that the user names",
    "export/": "its own files, and what it writes for somebody else",
    "formatting/languages": "its own catalogues",
    "generation/trace": "a trace that the user names",
    "models/devices": "what the system says of itself",
    "runs/corpus_files": "the user's texts, for their hashes",
    "runs/packing": "an archive, and the user's texts that come along",
    "runs/unpacking": "an archive, and the files of a new run",
    "pipeline/search/clock": "the locks of a study's processes",
    "pipeline/search/journal": "the journal of a study, to drop its unfinished line",
    "pipeline/playing": "the page that was just written, and a browser for it",
    "registry/": "metadata of distributions",
    "runs/cache": "the cache",
    "runs/door": "the door itself",
    "runs/files": "what is written anew, and renamed to its name",
    "runs/made_here": "notes in the user's state folder",
    "runs/lock": "the lock, by the rules of the door",
    "runs/making": "locks in the cache",
    "scaffold/": "a new plugin",
    "testing/": "what the kit makes itself",
}
OPENING = {
    "open",
    "fdopen",
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "from_file",
    "fromfile",
    "load",
    "load_file",
    "memmap",
    "safe_open",
}
LOOKING = r"(?:is_file|is_dir|exists|iterdir|glob|rglob|unlink|rename|touch)"
ENTRIES = "|".join(name for name, each in vars(RunDirectory).items() if isinstance(each, InRun))


def ways_around_the_door(name: str, tree: ast.Module) -> Iterator[str]:
    """A file of a run is opened, and looked for, through `runs/door` alone."""
    for called in calls(tree):
        module, _, function = called.rpartition(".")
        opens = function in OPENING and (module or function == "open")
        if opens and not name.startswith(tuple(OPENS_OTHERS)):
            yield f"{name} calls {called}"
        if re.search(rf"\.(?:{ENTRIES})\.{LOOKING}$", called) and name != "runs/lock":
            yield f"{name} calls {called}"


def dangerous_code(name: str, tree: ast.Module) -> Iterator[str]:
    """Nothing is unpickled or executed, and no Keras deserializer sees a file."""
    for each in imports(tree):
        if each.package in FORBIDDEN_MODULES or each.name in FORBIDDEN_CALLS:
            own = each.package == CORE
            if not own:
                yield f"{name}:{each.line} imports {each.module} {each.name}"
    for called in calls(tree):
        module, _, function = called.rpartition(".")
        bare = not module and function in FORBIDDEN_CALLS - {"load_weights"}
        of_keras = bool(module) and function in FORBIDDEN_CALLS - {"compile", "eval", "exec"}
        if bare or of_keras:
            yield f"{name} calls {called}"
    for node in ast.walk(tree):
        given = node.value if isinstance(node, ast.keyword) and node.arg == "allow_pickle" else None
        if given is not None and ast.unparse(given) != "False":
            yield f"{name} allows pickles"


# The door to the terminal; and a process whose stdout is a pipe to the one that started it.
DOOR = ("cli/output", "cli/console")
NO_TERMINAL = ("testing/fresh_process",)
# What redirects a stream, or empties it, and writes nothing to it.
HANDLES_STREAMS = ("registry/discovery", "cli/startup", "cli/__init__")
STREAMS = ("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__")
PRINTS = {"print", "pprint", "echo", "secho", "prompt", "confirm", "print_exc", "print_exception"}
CONSOLES = ("console", "_progress", "_results", "stdout(")  # of the door, how their names end


def prints_around_the_door(name: str, tree: ast.Module) -> Iterator[str]:
    """What reaches a terminal goes through `cli/output` and `cli/console`, made harmless."""
    if name in (*DOOR, *NO_TERMINAL):
        return
    for each in imports(tree):
        of_libraries = each.package in ("rich", "typer") and not each.for_types_only
        if of_libraries and each.name in {*PRINTS, "Console"}:
            yield f"{name}:{each.line} imports {each.module} {each.name}"
    for node in ast.walk(tree):
        taken = ast.unparse(node) if isinstance(node, (ast.Attribute, ast.Call)) else ""
        if taken.startswith(("os.write(1,", "os.write(2,")):
            yield f"{name}:{node.lineno} calls {taken}"  # type: ignore[attr-defined]
        if taken in STREAMS and name not in HANDLES_STREAMS:
            yield f"{name}:{node.lineno} takes {taken}"  # type: ignore[attr-defined]
    for called in calls(tree):
        owner, _, function = called.rpartition(".")
        of_door = function == "print" and owner.rstrip(")").endswith(CONSOLES)
        writes = called.startswith(tuple(f"{e}.write" for e in STREAMS))
        if writes or (function in {*PRINTS, "Console"} and not of_door):
            yield f"{name} calls {called}"


COMMAND = re.compile(
    r"(textgen (run|resume|generate|score|evaluate|explore|analyze|report)\b[^\n`]*|\bcd|--logdir)"
    " $"
)


def unquoted_paths_in_commands(name: str, tree: ast.Module) -> Iterator[str]:
    """What is put into a command that a message shows is quoted for the shell."""
    for node in ast.walk(tree):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for before, value in itertools.pairwise(parts):
            shown = isinstance(value, ast.FormattedValue) and isinstance(before, ast.Constant)
            if shown and COMMAND.search(str(before.value)):  # type: ignore[attr-defined]
                quoted = ast.unparse(value.value)  # type: ignore[attr-defined]
                if not quoted.startswith("shell_word("):
                    yield f"{name}:{node.lineno} shows {quoted} in a command"


def text_encoded_around_the_door(name: str, tree: ast.Module) -> Iterator[str]:
    """Text is encoded for a model only where it was cleaned as the model's corpus was."""
    if name.startswith(ENCODERS):
        return
    for each in imports(tree):
        if each.module == f"{CORE}.data.tokenizer" and each.name in ENCODING:
            yield f"{name}:{each.line} imports {each.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ENCODING:
            owner = ast.unparse(node.value)
            if node.attr != "encode" or "tokenizer" in owner.lower():
                yield f"{name}:{node.lineno} uses {owner}.{node.attr}"
        if isinstance(node, ast.keyword) and node.arg == "add_special_tokens":
            yield f"{name}:{node.value.lineno} encodes with add_special_tokens"


# ---- they hold ----------------------------------------------------------------------------------


def faults(check: Check, files: Mapping[str, ast.Module]) -> list[str]:
    return [fault for name, tree in files.items() for fault in check(name, tree)]


CORE_FILES = {in_core(path): parse(path) for path in CORE_SOURCES}
PACKAGE_FILES = {name: tree for name, tree in CORE_FILES.items() if not name.startswith("__")}
PLUGIN_FILES = {
    path.relative_to(ROOT / "plugins").with_suffix("").as_posix(): parse(path)
    for path in PLUGIN_SOURCES
}


def test_every_package_stands_once_in_the_table_and_every_line_has_a_package() -> None:
    assert len(set(PACKAGES)) == len(PACKAGES)
    assert set(PACKAGES) == {package_of(name) for name in PACKAGE_FILES}


def test_a_package_imports_only_packages_above_it() -> None:
    assert faults(imports_of_packages_below, PACKAGE_FILES) == []


def test_inference_imports_nothing_of_training_nor_training_of_generation() -> None:
    assert faults(training_in_inference, PACKAGE_FILES) == []


def test_the_core_names_no_plugin_package() -> None:
    assert {"textgen_tokenizers", "textgen_models", "textgen_samplers"} <= PLUGINS
    assert faults(mentions_of_plugins, CORE_FILES) == []


def test_hookspecs_imports_no_plugin() -> None:
    packages = {each.package for each in imports(CORE_FILES["hookspecs"])}
    assert not packages & PLUGINS


def test_plugins_import_the_public_surface_alone_and_never_each_other() -> None:
    assert faults(imports_beyond_the_surface, PLUGIN_FILES) == []


def test_no_modules_of_a_plugin_import_each_other_not_even_for_types() -> None:
    assert circle(PLUGIN_FILES) == ()
    planted = {
        "a/one": "def f():\n    import a.two",
        "a/two": "from a.three import x",
        "a/three": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a.one import y",
    }
    trees = {name: ast.parse(source) for name, source in planted.items()}
    assert circle(trees) == ("a.one", "a.two", "a.three", "a.one")
    del trees["a/two"]
    assert circle(trees) == ()


def circle(files: Mapping[str, ast.Module]) -> tuple[str, ...]:
    """Return the modules of a circle of imports, the first also last; empty if there is none."""
    named = {name.removesuffix("/__init__").replace("/", "."): name for name in files}
    done: set[str] = set()

    def below(path: tuple[str, ...]) -> tuple[str, ...]:
        if path[-1] in path[:-1]:
            return path[path.index(path[-1]) :]
        found_here = list(imports(files[named[path[-1]]]))
        full = {f"{each.module}.{each.name}" for each in found_here} & named.keys()
        whole = {each.module for each in found_here if f"{each.module}.{each.name}" not in full}
        targets = full | (whole & named.keys())
        for target in sorted(targets - done):
            if found := below((*path, target)):
                return found
        done.add(path[-1])
        return ()

    return next(filter(None, (below((name,)) for name in named)), ())


def test_tensorflow_is_imported_only_in_the_packages_of_tensors() -> None:
    assert faults(tensors_outside_their_packages, CORE_FILES) == []


def test_nothing_is_unpickled_executed_or_deserialized() -> None:
    assert faults(dangerous_code, {**CORE_FILES, **PLUGIN_FILES}) == []


def test_the_files_of_a_run_are_opened_through_one_door() -> None:
    assert faults(ways_around_the_door, CORE_FILES) == []
    opening = {name for name, tree in CORE_FILES.items() if any(map(opens, calls(tree)))}
    stale = [each for each in OPENS_OTHERS if not any(name.startswith(each) for name in opening)]
    assert stale == []


def opens(called: str) -> bool:
    return called.rpartition(".")[2] in OPENING


def test_nothing_is_printed_around_the_door_to_the_terminal() -> None:
    assert set(DOOR) | set(NO_TERMINAL) | set(HANDLES_STREAMS) <= CORE_FILES.keys()
    assert faults(prints_around_the_door, {**CORE_FILES, **PLUGIN_FILES}) == []


def test_paths_in_commands_are_quoted() -> None:
    assert faults(unquoted_paths_in_commands, {**CORE_FILES, **PLUGIN_FILES}) == []


# ---- and they would fail ----------------------------------------------------------------------

PLANTED: list[tuple[Check, str, str]] = [
    (
        imports_of_packages_below,
        "registry/parsing",
        "from textgen_core.config.resolve import configure",
    ),
    (imports_of_packages_below, "registry/parsing", "from textgen_core import config"),
    (imports_of_packages_below, "registry/parsing", "import textgen_core.pipeline"),
    (
        imports_of_packages_below,
        "registry/parsing",
        "def f():\n    from textgen_core.cli import main",
    ),
    (imports_of_packages_below, "registry/parsing", "from . import config"),
    (imports_of_packages_below, "registry/parsing", "from textgen_core.helpers import x"),
    (imports_of_packages_below, "data/token_files", "import textgen_core.evaluation.scoring"),
    (imports_of_packages_below, "registry/parsing", "import textgen_core"),
    (
        training_in_inference,
        "pipeline/opened_run",
        "from textgen_core.training.checkpoint import load_weights",
    ),
    (training_in_inference, "generation/loop", "from textgen_core import training"),
    (training_in_inference, "explore/explorer", "def f():\n    import textgen_core.training.step"),
    (
        training_in_inference,
        "training/step",
        "from textgen_core.generation.loop import UNCOMPILABLE",
    ),
    (mentions_of_plugins, "config/resolve", "import textgen_models"),
    (mentions_of_plugins, "config/resolve", "from textgen_models.lstm import LSTMBuilder"),
    (mentions_of_plugins, "config/resolve", "def f():\n    import textgen_samplers.nucleus"),
    (mentions_of_plugins, "registry/discovery", "load('textgen_metrics')"),
    (mentions_of_plugins, "registry/discovery", "x = f'{a} textgen_metrics.bleu'"),
    (mentions_of_plugins, "registry/registry", "def textgen_tokenizers(): ..."),
    (
        imports_beyond_the_surface,
        "textgen_models/lstm",
        "from textgen_core.components import option",
    ),
    (imports_beyond_the_surface, "textgen_models/lstm", "import textgen_core"),
    (imports_beyond_the_surface, "textgen_models/lstm", "from textgen_core import components"),
    (imports_beyond_the_surface, "textgen_models/lstm", "import textgen_samplers"),
    (imports_beyond_the_surface, "textgen_models/lstm", "from . import dropout"),
    (
        imports_beyond_the_surface,
        "textgen_models/lstm",
        "if TYPE_CHECKING:\n    pass\nelse:\n    import textgen_core.registry.parsing",
    ),
    (tensors_outside_their_packages, "registry/parsing", "import tensorflow as tf"),
    (tensors_outside_their_packages, "data/token_files", "from keras import layers"),
    (tensors_outside_their_packages, "evaluation/figures", "import tensorflow.math"),
    (tensors_outside_their_packages, "cli/run", "try:\n    import keras\nexcept ImportError: ..."),
    (tensors_outside_their_packages, "report/page", "class A:\n    import keras"),
    (ways_around_the_door, "report/records", "path.read_text(encoding='utf-8')"),
    (ways_around_the_door, "training/loop", "with open(run.metrics) as file: ..."),
    (ways_around_the_door, "runs/weights", "safetensors.numpy.load_file(path)"),
    (ways_around_the_door, "data/tokenizer", "tokenizers.Tokenizer.from_file(str(path))"),
    (ways_around_the_door, "pipeline/api", "os.open(path, os.O_RDONLY)"),
    (ways_around_the_door, "pipeline/api", "self._directory.manifest.is_file()"),
    (ways_around_the_door, "runs/files", "run.checkpoints.glob('step-*')"),
    (
        text_encoded_around_the_door,
        "explore/words",
        "from textgen_core.data.tokenizer import START, encode",
    ),
    (text_encoded_around_the_door, "cli/score", "ids = run.tokenizer.encode(text).ids"),
    (text_encoded_around_the_door, "cli/score", "t.encode(text, add_special_tokens=False)"),
    (text_encoded_around_the_door, "generation/generator", "f = tokenizer.encode\nf(text)"),
    (text_encoded_around_the_door, "pipeline/api", "x.encode_batch([text])"),
    (dangerous_code, "data/token_files", "import pickle"),
    (dangerous_code, "data/token_files", "def f():\n    from pickle import loads"),
    (dangerous_code, "registry/parsing", "x = eval(text)"),
    (dangerous_code, "registry/parsing", "exec(text)"),
    (dangerous_code, "pipeline/opened_run", "keras.models.load_model(path)"),
    (dangerous_code, "pipeline/opened_run", "from keras.models import load_model"),
    (dangerous_code, "pipeline/opened_run", "model.load_weights(path)"),
    (dangerous_code, "pipeline/opened_run", "keras.saving.deserialize_keras_object(x)"),
    (dangerous_code, "data/token_files", "np.load(path, allow_pickle=True)"),
    (unquoted_paths_in_commands, "runs/weights", "f'Train it: textgen resume {run.path}'"),
    (unquoted_paths_in_commands, "runs/weights", "f'textgen run --config {run.path} --epochs 2'"),
    (unquoted_paths_in_commands, "runs/weights", "f'cd {folder}'"),
    (prints_around_the_door, "report/page", "print(text)"),
    (prints_around_the_door, "cli/run", "typer.echo(text)"),
    (prints_around_the_door, "cli/run", "def f():\n    from typer import secho"),
    (prints_around_the_door, "cli/run", "sys.stdout.write(text)"),
    (prints_around_the_door, "cli/startup", "sys.stderr.write(text)"),
    (prints_around_the_door, "cli/run", "print(text, file=sys.stderr)"),
    (prints_around_the_door, "cli/terminal", "from rich.console import Console"),
    (prints_around_the_door, "cli/terminal", "rich.console.Console().print(text)"),
    (prints_around_the_door, "cli/run", "traceback.print_exc()"),
    (prints_around_the_door, "data/token_files", "os.write(2, text)"),
    (prints_around_the_door, "textgen_models/lstm", "print(text)"),
]


@pytest.mark.parametrize(("check", "name", "source"), PLANTED)
def test_a_planted_violation_is_found(check: Check, name: str, source: str) -> None:
    assert list(check(name, ast.parse(source)))


ALLOWED: list[tuple[Check, str, str]] = [
    (
        imports_of_packages_below,
        "config/resolve",
        "from textgen_core.registry.parsing import convert",
    ),
    (
        imports_of_packages_below,
        "data/token_files",
        "from textgen_core.data.windowed_encoding import x",
    ),
    (imports_of_packages_below, "registry/parsing", "import os, keras"),
    (training_in_inference, "pipeline/training", "from textgen_core.training.loop import train"),
    (training_in_inference, "training/step", "from textgen_core.models.devices import x"),
    (mentions_of_plugins, "config/resolve", '"""Docs may speak of textgen_models."""'),
    (mentions_of_plugins, "registry/discovery", "name.removeprefix('textgen_')"),
    (
        imports_beyond_the_surface,
        "textgen_models/lstm",
        "from textgen_core import option, hookimpl",
    ),
    (imports_beyond_the_surface, "textgen_models/lstm", "from textgen_models.dropout import drop"),
    (
        imports_beyond_the_surface,
        "textgen_models/lstm",
        "if TYPE_CHECKING:\n    from textgen_core.components import Outcome",
    ),
    (tensors_outside_their_packages, "training/step", "import tensorflow as tf"),
    (tensors_outside_their_packages, "registry/parsing", "def f():\n    import tensorflow"),
    (tensors_outside_their_packages, "registry/parsing", "if TYPE_CHECKING:\n    import keras"),
    (ways_around_the_door, "report/records", "read_text(path)"),
    (ways_around_the_door, "pipeline/api", "is_there(run.manifest) and path.exists()"),
    (text_encoded_around_the_door, "cli/score", "data = text.encode('utf-8')"),
    (text_encoded_around_the_door, "explore/explorer", "ids = model.read(text).token_ids"),
    (dangerous_code, "pipeline/opened_run", "load_weights(run, step, model)"),
    (dangerous_code, "registry/parsing", "re.compile('x')"),
    (dangerous_code, "data/token_files", "np.load(path, allow_pickle=False)"),
    (unquoted_paths_in_commands, "runs/weights", "f'{run.path}: textgen resume {shell_word(p)}'"),
    (prints_around_the_door, "cli/run", "show_line(text)"),
    (prints_around_the_door, "cli/terminal", "self._progress.print(text)"),
    (prints_around_the_door, "cli/startup", "sys.stderr.flush()"),
]


@pytest.mark.parametrize(("check", "name", "source"), ALLOWED)
def test_what_is_allowed_is_not_taken_for_a_violation(check: Check, name: str, source: str) -> None:
    assert list(check(name, ast.parse(source))) == []


def test_the_order_comes_from_the_table_of_the_docs() -> None:
    table = "| package | x |\n|---|---|\n| `a` | first |\n| `b/` | `c` |\n\n| `d` | another |"
    assert packages_in_order(table) == ["a", "b"]
    assert PACKAGES[0] == "formatting"
    assert PACKAGES[-1] == "cli"
