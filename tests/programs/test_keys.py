"""What a program's key depends on: all that the program is made from, and nothing else."""

import importlib
import itertools
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from data.letters import letter_tokenizer

from textgen_core.components import options_of
from textgen_core.programs import keys
from textgen_core.programs.keys import model_key, sampler_key
from textgen_core.registry.discovery import discover
from textgen_core.registry.registry import Component, Plugin
from textgen_core.registry.selection import ResolvedComponent

SIZES = {"vocabulary_size": 65, "rows": 1}
SAMPLER = """
    from pathlib import Path

    import attrs

    from textgen_core import Sampler, option

    @attrs.frozen(kw_only=True)
    class Cut(Sampler):
        share: float = option(0.5, help="", traced=True)
        tokens: int = option(3, help="")
        words: tuple[str, ...] = option((), help="")
        file: Path | None = option(None, help="")

        def transform(self, logits, history):
            return logits

    @attrs.frozen(kw_only=True)
    class Bound(Cut):
        def bind(self, tokenizer):
            return self
"""


LOADED = keys.LOADED_NS / 1e9  # seconds


def write(path, text, time_of_it=LOADED - 1_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    os.utime(path, (time_of_it, time_of_it))
    return path


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A plugin, which was there before the process, as a package and as a single module."""
    for name in ("cutting/__init__.py", "cutting/inner/cut.py", "cut_alone.py"):
        write(tmp_path / name, SAMPLER if name != "cutting/__init__.py" else "")
    write(tmp_path / "cutting/inner/other.py", "")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in ("cutting", "cutting.inner", "cutting.inner.cut", "cut_alone"):
        sys.modules.pop(name, None)


def sampler(name="Cut", module="cutting.inner.cut", **options):
    return getattr(importlib.import_module(module), name)(**options)


def key_of(sampler, **changed):
    given = {"inputs": ["share"], "tokenizer": letter_tokenizer(), "capacity": None, **SIZES}
    return sampler_key(sampler, **{**given, **changed})


def model(weights="0" * 64, name="cut", distribution="cutting", version="1.0", **options):
    instance = sampler(**options)  # whatever has options serves
    plugin = Plugin(distribution=distribution, version=version, module="cutting.inner.cut")
    component = Component(kind="model", name=name, cls=type(instance), plugin=plugin)
    resolved = ResolvedComponent(component=component, instance=instance, reference=name)
    return lambda **changed: model_key(
        resolved, weights, **{"context_length": 64, **SIZES, **changed}
    )


def test_every_ingredient_of_a_sampler_changes_its_key_and_no_traced_value_does(package):
    base = key_of(sampler())
    assert base is not None
    assert base == key_of(sampler(share=0.7), tokenizer=letter_tokenizer("xyz"))
    changed = [
        key_of(sampler(tokens=4)),
        key_of(sampler(words=("a",))),
        key_of(sampler(words=("a", "b"))),
        key_of(sampler(words=("a, b",))),
        key_of(sampler(share=0.7), inputs=[]),
        key_of(sampler(share=0.1 + 0.2), inputs=[]),
        key_of(sampler(share=0.3), inputs=[]),
        key_of(sampler(), rows=8),
        key_of(sampler(), vocabulary_size=66),
        key_of(sampler(), capacity=4_096),
        key_of(sampler(), capacity=8_192),
        key_of(sampler("Bound")),
        key_of(sampler("Bound"), tokenizer=letter_tokenizer("xyz")),
        key_of(sampler(module="cut_alone")),
    ]
    assert None not in changed
    assert len({base, *changed}) == len(changed) + 1


def test_every_ingredient_of_a_model_changes_its_key(package):
    base = model()()
    assert base == model()()
    changed = [
        model(weights="1" * 64)(),
        model(name="other")(),
        model(distribution="other")(),
        model(version="1.1")(),
        model(tokens=4)(),
        model(share=0.7)(),
        model()(vocabulary_size=66),
        model()(context_length=65),
        model()(rows=8),
    ]
    assert None not in changed
    assert len({base, *changed, key_of(sampler(), inputs=[])}) == len(changed) + 2


def test_the_versions_the_machine_and_the_format_change_every_key(package, monkeypatch):
    found = [key_of(sampler())]

    def changed(what, value):
        with monkeypatch.context() as patch:
            patch.setattr(*what, value)
            keys._surroundings.cache_clear()
            found.append(key_of(sampler()))
        keys._surroundings.cache_clear()

    version = keys.importlib.metadata.version
    for name in ("textgen-core", "tensorflow", "keras", "ai-edge-litert"):
        patched = lambda asked, name=name: "9" if asked == name else version(asked)  # noqa: E731
        changed((keys.importlib.metadata, "version"), patched)
    changed((keys.platform, "machine"), lambda: "another")
    changed((keys, "FORMAT"), 0)
    assert None not in found
    assert len(set(found)) == 7
    assert key_of(sampler()) == found[0]


def test_a_distribution_that_is_missing_is_none(monkeypatch):
    def missing(name):
        raise keys.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(keys.importlib.metadata, "version", missing)
    assert keys._version("keras") == "none"


def fresh_key(folder):
    """Return the key in a new process, which imports the code as it is now."""
    code = """
from data.letters import letter_tokenizer
from cutting.inner.cut import Cut
from textgen_core.programs.keys import sampler_key
print(sampler_key(Cut(), [], tokenizer=letter_tokenizer(), vocabulary_size=9, rows=1, capacity=1))
"""
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join([str(folder), tests, *filter(None, sys.path)])
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return found.stdout.strip()


def test_an_author_who_edits_a_file_never_gets_the_program_of_the_old_one(package):
    before = key_of(sampler()), key_of(sampler(module="cut_alone"))
    assert None not in before
    edits = itertools.count(1)

    def keys_after(path, text=SAMPLER):
        write(package / path, text, LOADED - 1_000 + next(edits))
        return key_of(sampler()), key_of(sampler(module="cut_alone"))

    other = keys_after("cutting/inner/other.py", "x = 1")
    assert other[0] not in before and other[1] == before[1]
    same_size = keys_after("cutting/inner/other.py", "x = 2")
    assert same_size[0] not in (before[0], other[0])
    new_file = keys_after("cutting/inner/new.py", "")
    assert new_file[0] != same_size[0]
    alone = keys_after("cut_alone.py")
    assert alone[0] == new_file[0] and alone[1] != before[1]
    assert keys_after("cutting/notes.txt", "nothing") == alone
    assert keys_after("cutting/__pycache__/cut.py", "nothing") == alone


def test_a_file_written_since_it_was_imported_gives_no_key_until_it_is_imported_again(package):
    before = fresh_key(package)
    assert key_of(sampler()) is not None
    write(package / "cutting/inner/cut.py", SAMPLER + "    # edited", time.time())
    assert key_of(sampler()) is None
    assert len({"None", before, fresh_key(package)}) == 3
    write(package / "cutting/inner/cut.py", SAMPLER, time.time() + 1_000)  # a clock that is wrong
    assert key_of(sampler()) is not None


def test_a_file_that_an_option_names_counts_by_its_size_and_time(package):
    path = write(package / "words.txt", "a")
    first = key_of(sampler(file=path))
    write(path, "b", LOADED - 999)
    assert len({None, key_of(sampler()), first, key_of(sampler(file=path))}) == 4
    path.unlink()
    assert key_of(sampler(file=path)) is None
    assert key_of(sampler(file=package)) is None  # a folder, of whose files nothing is known


def test_what_cannot_be_told_gives_no_key(package):
    class Local(type(sampler())):
        pass

    from_nowhere = type("FromNowhere", (type(sampler()),), {"__module__": "__notebook__"})
    assert key_of(Local()) is None
    assert key_of(from_nowhere()) is None
    assert key_of(sampler(words=(object(),))) is None


def test_a_base_class_of_another_package_counts_too(package, monkeypatch):
    write(package / "derived.py", "from cutting.inner.cut import Cut\nclass Own(Cut): pass")
    own = sampler("Own", "derived")
    before = key_of(own)
    object.__setattr__(own, "mine", np.arange(3))  # a class on top of one of attrs may have more
    assert len({None, before, key_of(own)}) == 3
    write(package / "cutting/inner/other.py", "x = 1", LOADED - 10)
    assert key_of(sampler("Own", "derived")) not in (None, before)
    sys.modules.pop("derived")


def test_values_that_differ_are_never_written_alike():
    values = [
        None, True, 1, 1.0, "1", "None", 0.3, 0.1 + 0.2, -0.0, 0.0, float("inf"),
        (1,), ("1",), ((1,),), (1, 2), {"a": 1}, {1: "a"}, {"1": "a"}, [["a", 1]],
        np.float32(0.5), np.float64(0.5), np.arange(2), np.arange(2.0), np.zeros((1, 2)),
    ]  # fmt: skip
    written = [keys.json.dumps(keys._plain(each), sort_keys=True) for each in values]
    assert len(set(written)) == len(values)
    assert keys._plain((1, "a")) == keys._plain([1, "a"])


def test_every_bundled_sampler_and_model_has_a_key():
    registry = discover({"TEXTGEN_PLUGINS_ONLY": "textgen-core"})
    for each in registry.of_kind("sampler"):
        instance = each.cls()
        inputs = [option.name for option in options_of(each.cls) if option.rules.traced]
        assert key_of(instance, inputs=inputs), each.name
    for each in registry.of_kind("model"):
        chosen = ResolvedComponent(component=each, instance=each.cls(), reference=each.name)
        assert model_key(chosen, "", context_length=64, **SIZES), each.name
