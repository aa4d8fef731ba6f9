"""The two tiers of tests: which are slow, and which files run first.

Whatever is not listed in SLOW is quick, and runs by default. Every area keeps an end-to-end test in
the quick tier: a run and its resumption (`cli/test_run_command.py`), generation and scoring
(`cli/test_run_use.py`), a report (`report/`), a plugin (`docs/test_tutorials.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

STALE_ENTRIES = pytest.StashKey[Sequence[str]]()  # where pytest's configuration keeps them

# How the id of a test begins, within tests/, and why it is slow. `FILE@FIXTURE`: the tests of a file
# that use a fixture.
SLOW = {
    "cli/test_bad_input.py@results": "commands on runs in twenty kinds of disrepair",
    "cli/test_broken_plugins.py::test_beside_all_twelve_help_and_a_run": "a run beside all of them",
    "cli/test_explore.py@results": "explores an LSTM and a Transformer in thirty ways",
    "cli/test_hostile_corpora.py@runs": "a run of every odd text",
    "cli/test_interrupted_writing.py": "commands that are interrupted",
    "cli/test_missing_plugins.py": "runs whose plugin has gone",
    "cli/test_plugins_check.py@checked": "the conformance kit as a command",
    "corpus/reading/test_any_bytes.py::test_any_file_can_be_analysed": "10,000 random files",
    "docs/test_course.py::test_every_command_of_the_course": "all commands of the course",
    "docs/test_documentation.py::test_the_site_builds": "Sphinx",
    "docs/test_example.py": "builds and installs the example",
    "docs/test_tutorials.py::test_the_tests_of_the_page_pass[epsilon]": "the tests of a page",
    "docs/test_tutorials.py::test_the_tests_of_the_page_pass[gru]": "the tests of a page",
    "docs/test_tutorials.py::test_the_tests_of_the_page_pass[wordpiece]": "the tests of a page",
    "evaluation/test_diagnosed_runs.py": "trains models until they fail as described",
    "packaging/": "builds wheels and installs them",
    "test_benchmarks.py": "tests of the benchmarks, not of textgen",
    "training/test_exact_resume.py": "runs stopped again and again",
    "training/test_killed_command.py": "commands that are killed",
    "training/test_recompute.py::test_the_compiled_step_needs_a_third_less_memory": "memory",
}

# The longest files of both tiers, the longest first: last, one of them would keep a core waiting.
FIRST = (
    "docs/test_course.py",
    "training/test_exact_resume.py",
    "packaging/test_scaffold.py",
    "cli/test_hostile_corpora.py",
    "training/test_killed_command.py",
    "test_combinations.py",
    "pipeline/test_api.py",
    "cli/test_run_command.py",
    "cli/test_bad_input.py",
    "training/test_gradient_accumulation.py",
    "generation/test_generator.py",
    "cli/test_broken_plugins.py",
    "testing/test_bundled.py",
    "training/test_recompute.py",
    "cli/test_run_use.py",
    "training/test_step.py",
    "cli/test_explore.py",
    "plugins/textgen_models/test_contract.py",
    "docs/test_tutorials.py",
)


def is_slow(item: pytest.Item) -> bool:
    """Whether a test belongs to the slow tier."""
    return any(_is_of(entry, item) for entry in SLOW)


def rank(item: pytest.Item) -> int:
    """Return the place of a test's file in the order of execution."""
    return next((place for place, file in enumerate(FIRST) if _is_of(file, item)), len(FIRST))


def stale_entries(items: Sequence[pytest.Item]) -> list[str]:
    """Return the entries of SLOW and FIRST that stand for none of all the tests."""
    return [entry for entry in (*SLOW, *FIRST) if not any(_is_of(entry, item) for item in items)]


def _is_of(entry: str, item: pytest.Item) -> bool:
    start, _, fixture = entry.partition("@")
    within_tests = item.nodeid.removeprefix("tests/")
    return within_tests.startswith(start) and fixture in ("", *getattr(item, "fixturenames", ()))
