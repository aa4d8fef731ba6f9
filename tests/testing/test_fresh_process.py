"""A process in which nothing of a component was imported, as often as one is asked for."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from textgen_core.testing import ConformanceFault, fresh_process
from textgen_core.testing.fresh_process import run_fresh


@pytest.fixture
def cls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type:
    """Return a class of a module that a test writes, and may write again."""
    write(tmp_path, "first")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("a_module_of_their_own").Own  # type: ignore[misc]
    del sys.modules["a_module_of_their_own"]


def write(folder: Path, content: str) -> None:
    source = f"class Own: pass\nprint('a line of its own')\ncontent = {content!r}\n"
    (folder / "a_module_of_their_own.py").write_text(source, encoding="utf-8")


def found(cls: type, code: str, given: Any = None, **options: Any) -> Any:
    return run_fresh(cls, f"import os, sys\nfound = {code}", given, **options)


def test_each_request_sees_the_module_as_it_is_and_nothing_of_earlier_ones(
    cls: type, tmp_path: Path
) -> None:
    assert found(cls, "module.content, sys.modules.setdefault('a_trace', None)") == ["first", None]
    write(tmp_path, "another")
    assert found(cls, "module.content, 'a_trace' in sys.modules") == ["another", False]


def test_it_has_this_processs_environment_folder_and_what_is_given(
    cls: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_VARIABLE", "ü")
    monkeypatch.chdir(tmp_path)
    code = "os.environ['A_VARIABLE'], os.getcwd(), given, os.getpid()"
    *seen, pid = found(cls, code, given={"a": [1]})
    assert seen == ["ü", str(tmp_path), {"a": [1]}]
    assert pid != os.getpid()


def test_it_has_keras_as_textgen_needs_it(cls: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("KERAS_HOME", "/home/of/another/program")
    backend, home = found(cls, "os.environ['KERAS_BACKEND'], os.environ['KERAS_HOME']")
    assert backend == "tensorflow"
    assert not Path(home).exists()


def test_the_hash_seed_decides_the_order_of_a_set(cls: type) -> None:
    orders = [found(cls, "[*{*'abcdefgh'}]", hash_seed=seed) for seed in ("1", "1", "2")]
    assert orders[0] == orders[1] != orders[2]


def test_what_ends_a_process_is_a_fault_and_the_next_request_is_answered(cls: type) -> None:
    for code, words in (
        ("os._exit(3)", "exit code 3"),
        ("os.kill(os.getpid(), 9)", "exit code -9"),
        ("sys.exit('enough')", "SystemExit: enough"),
        ("1 / 0", "ZeroDivisionError"),
    ):
        with pytest.raises(ConformanceFault, match=words):
            found(cls, code)
    assert found(cls, "1 + 1") == 2


def test_what_is_stuck_is_ended(cls: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh_process, "SECONDS", 0.5)
    with pytest.raises(ConformanceFault, match=r"0\.5 s"):
        found(cls, "__import__('time').sleep(60)", hash_seed="3")


def test_without_forks_each_request_has_an_interpreter_of_its_own(
    cls: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fresh_process, "_FORKS", False)
    first, second = (found(cls, "os.getpid()", hash_seed="4") for _ in range(2))
    assert first != second
    with pytest.raises(ConformanceFault, match="it ended"):
        found(cls, "os._exit(3)", hash_seed="4")
