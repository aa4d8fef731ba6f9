"""A run whose sampler comes from a plugin that is no longer there: what needs it, and what not."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.commands import TINY, Result, run_lines
from fake_plugins import Site, sampler_source

MISSED = "needs the sampler 'own' of textgen-example 1.2.3, which "


@pytest.fixture
def told(
    plugin_site: Site, tmp_path: Path, small_corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> list[Result]:
    """Return what the commands that open such a run say of it."""
    plugin_site.add("textgen-example", sampler_source("own"), version="1.2.3")
    monkeypatch.setenv("PYTHONPATH", str(plugin_site.folder))
    (made,) = run_lines(
        [["run", str(small_corpus), *TINY, "--sampler", "own", "--out", "made"]], tmp_path
    )
    assert made.returncode == 0, made.stderr
    monkeypatch.delenv("PYTHONPATH")
    lines = [
        ["generate", "made"],
        ["generate", "made", "--sampler", "greedy"],
        ["score", "made", str(small_corpus)],
        ["evaluate", "made"],
        ["resume", "made", "--epochs", "1"],
    ]
    return run_lines(lines, tmp_path)


def test_only_what_uses_a_missing_sampler_is_refused_and_the_rest_warns(told: list[Result]) -> None:
    written, written_otherwise, scored, evaluated, resumed = told
    for refused in (written, evaluated, resumed):
        assert refused.returncode == 4
        assert f"Error: made {MISSED}is not installed." in refused.stderr
        assert (
            "Install it, if you trust its author: pip install textgen-example==1.2.3"
            in refused.stderr
        )
        assert refused.stdout == ""
    for done in (written_otherwise, scored):
        assert done.returncode == 0, done.stderr
        assert f"Warning: made {MISSED}is not installed." in done.stderr
        assert done.stdout
