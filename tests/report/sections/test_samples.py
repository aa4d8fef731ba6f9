from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from textgen_core.report.records import Records, Table
from textgen_core.report.sections.samples import (
    LONGEST_SAMPLE,
    MOST_FRAMES,
    MOST_LINES,
    Mask,
    describe_time_lapse,
    describe_written,
)


def row(step: int, text: str, **others: Any) -> dict[str, Any]:
    common = {"prompt": "Once", "seed": 7, "samplers": ["greedy"]}
    return {"step": step, **common, "text": text, **others}


def records(
    *rows: dict[str, Any], samples: int = 3, losses: dict[int, float] | None = None
) -> Records:
    path = Path("samples.jsonl")
    validations = [{"step": step, "validation_loss": loss} for step, loss in (losses or {}).items()]
    return Records(
        name="run",
        configuration=Table(path, {"generation": {"samples": samples}}),
        rows=tuple(Table(path, each) for each in validations),
        samples=tuple(Table(path, each) for each in rows),
    )


def written_of(records: Records) -> SimpleNamespace:
    found = describe_written(records, Mask())
    assert found is not None
    return SimpleNamespace(**found)


def lapse_of(records: Records) -> SimpleNamespace:
    found = describe_time_lapse(records, Mask())
    assert found is not None
    return SimpleNamespace(**found)


def test_the_last_rows_of_one_step_are_what_was_written():
    written = written_of(records(row(10, "a"), row(20, "b"), row(10, "c"), row(10, "d")))
    assert written.texts == ("c", "d")
    assert written.circumstances == "Written at step 10, seed 7, sampler greedy."


def test_trainings_own_sample_of_the_last_step_is_not_taken_for_a_final_one():
    written = written_of(records(row(20, "training"), row(20, "a"), row(20, "b"), samples=2))
    assert written.texts == ("a", "b")


def test_a_text_that_was_written_twice_is_shown_once():
    written = written_of(records(row(20, "same"), row(20, "same"), row(20, "b")))
    assert written.texts == ("same", "b")


def test_an_endless_text_is_cut():
    written = written_of(records(row(20, "ab" * LONGEST_SAMPLE)))
    assert len(written.texts[0]) == LONGEST_SAMPLE
    assert written.texts[0].endswith("…")


def test_the_time_lapse_compares_one_prompt_and_seed_only():
    lapse = lapse_of(
        records(row(10, "a"), row(20, "b"), row(20, "other seed", seed=8), row(30, "c"))
    )
    assert [frame.text for frame in lapse.frames] == ["a", "b", "c"]


def test_the_time_lapse_takes_what_was_written_during_training():
    lapse = lapse_of(records(row(10, "a"), row(20, "b"), row(10, "final at the best")))
    assert [(frame.step, frame.text) for frame in lapse.frames] == [("10", "a"), ("20", "b")]


def test_a_frame_tells_the_validation_loss_of_its_step():
    lapse = lapse_of(records(row(10, "a"), row(20, "b"), losses={20: 3.5}))
    assert [frame.loss for frame in lapse.frames] == ["", "3.500"]


def test_a_frame_shows_the_first_lines():
    lines = [f"line {number}" for number in range(MOST_LINES + 2)]
    lapse = lapse_of(records(row(10, "\n".join((" ", *lines))), row(20, "b")))
    assert lapse.frames[0].text == "\n".join(lines[:MOST_LINES]) + "…"


def test_a_long_time_lapse_keeps_its_first_and_last_text_and_counts_the_rest():
    lapse = lapse_of(records(*(row(step, str(step)) for step in range(1, 101))))
    assert len(lapse.frames) == MOST_FRAMES
    assert lapse.left_out == 100 - MOST_FRAMES
    assert (lapse.frames[0].text, lapse.frames[-1].text) == ("1", "100")


def test_one_step_alone_is_no_time_lapse():
    assert describe_time_lapse(records(row(10, "a"), row(10, "b")), Mask()) is None
    assert describe_time_lapse(records(), Mask()) is None
    assert describe_written(records(), Mask()) is None
