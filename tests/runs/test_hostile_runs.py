"""No run of a stranger, and no damaged one, does harm, hangs, or ends a command in a trace."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hostile import NEWEST, OLDER, VARIANTS, Variant
from hostile_runs import Opened, faults_of, make, open_all

import textgen_core as textgen

KINDS = {
    "link": "symbolic links",
    "special": "pipes, devices and folders",
    "size": "sizes",
    "terminal": "what a terminal would act on",
    "advice": "advice",
    "folder": "the current folder",
    "others": "other people's files",
    "damage": "damage",
}
SETTINGS = [
    *("data.sequence_length=16", "data.stride=16", "data.batching=stream"),
    "training.counts=2",
    *("generation.max_new_tokens=8", "generation.samples=2", "training.compile=graph"),
    *("evaluation.prompts=2", "evaluation.continuation_tokens=4"),
]

HARM = Variant(name="harm", kind="", change=lambda run, outside: None, commands=("harm",))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> list[Opened]:
    """What came of opening every variant of one good run with each of its commands."""
    if sys.platform != "linux":
        pytest.skip("only Linux tells how much memory a process had at most")
    folder = tmp_path_factory.mktemp("hostile")
    text = folder / "text.txt"
    draw = random.Random(11)
    words = ("mill", "wheel", "turns", "water", "slow", "under", "stone", "bridge", "night")
    lines = [" ".join(draw.choice(words) for _ in range(7)) for _ in range(50)]
    text.write_text(".\n".join(lines) + ".\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("cache", "state"):
            patch.setenv(f"TEXTGEN_{name.upper()}", str(folder / name))
        textgen.run(
            text,
            recipe="first",
            tokenizer="character",
            model="lstm:units=8,layers=1,embedding=8",
            epochs=3,
            batch_size=8,
            settings=SETTINGS,
            out=folder / "good",
        )
    assert all((folder / "good" / name).is_dir() for name in (NEWEST, OLDER))
    make([*VARIANTS, HARM], folder / "good", folder / "variants")
    return open_all([*VARIANTS, HARM], folder / "good", folder / "variants", text)


def test_there_are_variants_of_every_kind() -> None:
    assert {each.kind for each in VARIANTS} == KINDS.keys()
    assert len(VARIANTS) > 150
    assert len({each.folder for each in VARIANTS}) == len(VARIANTS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_run_is_opened_without_harm_or_refused_by_its_file(
    kind: str, opened: list[Opened]
) -> None:
    assert list(told(kind, opened)) == []


def told(kind: str, opened: list[Opened]) -> Iterator[str]:
    names = {each.name: each.names for each in VARIANTS if each.kind == kind}
    for each in opened:
        if each.variant in names:
            for fault in faults_of(each, names[each.variant]):
                yield f"{each.variant}, {each.command}: {fault}: {each.stderr[-200:]!r}"


def test_the_watch_sees_harm(opened: list[Opened]) -> None:
    acts = "\n".join(opened[-1].acts)
    assert opened[-1].variant == "harm"
    for act in ("outside/harmed", "it executes", "it starts", "it connects"):
        assert act in acts
    assert "it changed what lies outside" in acts


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"code": 0}, "it noticed nothing"),
        ({"code": None}, "it ended with None"),
        ({"code": 1}, "its status is 1"),
        ({"stderr": "Error: it cannot be read."}, "does not name"),
        ({"stderr": "best.json\nPlease report it"}, "it says 'report it'"),
        ({"stderr": "best.json\nTraceback (most recent call last)"}, "it says 'Traceback'"),
        ({"stderr": "best.json \x1b[2J"}, "control characters"),
        ({"stdout": "\x9b31m"}, "control characters"),
        ({"stderr": "best.json" * 1000}, "endless"),
        ({"seconds": 11}, "it took 11 s"),
        ({"megabytes": 301}, "it took 301 MB"),
        ({"acts": ("it starts 'sh'",)}, "it starts 'sh'"),
    ],
)
def test_what_a_command_does_wrong_is_a_fault(changes: dict[str, Any], fault: str) -> None:
    harmless = Opened(
        variant="",
        command="report",
        code=4,
        stdout="",
        stderr="Error: best.json is damaged.",
        seconds=1,
        megabytes=10,
        acts=(),
    )
    assert list(faults_of(harmless, r"best\.json")) == []
    assert any(
        fault in each for each in faults_of(attrs.evolve(harmless, **changes), r"best\.json")
    )
