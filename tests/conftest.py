"""What several tests share: the real command, a small text, and a folder of fake plugins."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from fake_plugins import Site
from hypothesis import settings
from tiers import STALE_ENTRIES, is_slow, rank, stale_entries

# The same examples every time, and no deadline: a busy machine is no fault.
settings.register_profile("textgen", deadline=None, derandomize=True)
settings.load_profile("textgen")

Command = Callable[..., subprocess.CompletedProcess[str]]

_NOUNS = [
    "harbour",
    "lantern",
    "keeper",
    "river",
    "orchard",
    "miller",
    "winter",
    "letter",
    "kettle",
    "garden",
    "ferry",
]
_VERBS = ["watches", "follows", "remembers", "carries", "mends", "forgets", "greets", "paints"]
_PLACES = ["by the mill", "under the bridge", "near the sea", "in the old barn", "on the hill"]


TESTS = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the slow tests, leave them out unless they were asked for, and begin with the longest.

    `-m` asks for them (`-m slow`), and so does the name of their file or a test's id.
    """
    named = {config.invocation_params.dir / arg.partition("::")[0] for arg in config.args}
    if TESTS in named or TESTS.parent in named:
        config.stash[STALE_ENTRIES] = stale_entries(items)
    slow = {item for item in items if is_slow(item)}
    for item in slow:
        item.add_marker(pytest.mark.slow)
    if not config.option.markexpr:
        unasked = {item for item in slow if item.path not in named}
        config.hook.pytest_deselected(items=list(unasked))
        items[:] = [item for item in items if item not in unasked]
    items.sort(key=rank)


@pytest.fixture(scope="session", autouse=True)
def notes_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep what the tests note of their runs out of the user's state folder."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("state")
        patch.setenv("TEXTGEN_STATE", str(folder))
        yield folder


@pytest.fixture
def textgen_command(tmp_path: Path) -> Command:
    """Return a function that runs `textgen` as a person does, in an empty working directory.

    `textgen_command(*args, stdin=None, env={}, cwd=None) -> CompletedProcess[str]`: the cache is
    private to the test, and `env` is laid over this process's environment.
    """

    def run(
        *args: str | Path,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        directory = cwd or tmp_path / "work"
        directory.mkdir(exist_ok=True)
        inherited = {key: text for key, text in os.environ.items() if not _is_ours(key)}
        own = {"TEXTGEN_CACHE": str(tmp_path / "cache"), "COLUMNS": "100", "NO_COLOR": "1"}
        own["TEXTGEN_STATE"] = os.environ["TEXTGEN_STATE"]
        given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            [sys.executable, "-m", "textgen_core", *map(str, args)],
            env={**inherited, **own, **(env or {})},
            cwd=directory,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
            **given,
        )

    return run


def _is_ours(variable: str) -> bool:
    return variable.startswith(("TEXTGEN_", "_TEXTGEN_"))


@pytest.fixture
def small_corpus(tmp_path: Path) -> Path:
    """Return the path of a text of some 6 KB, the same every time, in paragraphs."""
    draw = random.Random(7)
    paragraphs = [
        " ".join(
            f"The {draw.choice(_NOUNS)} {draw.choice(_VERBS)} the {draw.choice(_NOUNS)} "
            f"{draw.choice(_PLACES)}."
            for _ in range(6)
        )
        for _ in range(20)
    ]
    path = tmp_path / "small.txt"
    path.write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def plugin_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """Return an empty folder on the path, into which a test writes distributions."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    site = Site(folder)
    yield site
    site.forget()
