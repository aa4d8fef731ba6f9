"""What a plan recommends and says, by sizes and forecasts that are given."""

from __future__ import annotations

import attrs
import pytest

from textgen_core.pipeline.planning.budget import Pace
from textgen_core.pipeline.planning.law import Forecast, forecast
from textgen_core.pipeline.planning.measuring import SizeFacts, TextFacts, case_of
from textgen_core.pipeline.planning.plan import Choice, Plan
from textgen_core.pipeline.planning.sizes import SIZES
from textgen_core.pipeline.planning.words import expect, format_choice, options_of_run, table_of

TEXT = TextFacts(
    train_bytes=80_000,
    train_tokens=40_000,
    held_out_bytes=10_000,
    held_out_tokens=5_000,
    vocabulary=504,
    counts=2.0,
    xz=2.2,
    uniform=4.9,
    counts_bytes=1_000_000,
)
PACE = Pace(step_seconds=0.2, step_tokens=2_048, compiling=20.0)


def facts_of(name: str, *, fits: bool = True) -> SizeFacts:
    (size,) = [each for each in SIZES if each.name == name]
    return SizeFacts(size=size, parameters=10, memory_bytes=1, disk_bytes=1, pace=PACE, fits=fits)


def plan_of(losses: dict[str, float], *, too_large: str = "", passes: float = 3.0, outside=()):
    sizes = tuple(facts_of(name, fits=name != too_large) for name in losses)
    choices = tuple(
        Choice(
            facts=each,
            minutes=3.0,
            steps=700,
            passes=passes,
            forecast=Forecast(
                bits_per_byte=loss, low=loss - 0.04, high=loss + 0.04, network=2.1, outside=outside
            ),
        )
        for each, loss in zip(sizes, losses.values(), strict=True)
    )
    return Plan(text=TEXT, sizes=sizes, choices=choices)


@pytest.mark.parametrize(
    ("losses", "too_large", "best"),
    [
        ({"small": 1.80, "medium": 1.90, "large": 1.95}, "", "small"),
        ({"small": 1.897, "medium": 1.90, "large": 1.95}, "", "medium"),  # hardly worse
        ({"small": 1.95, "medium": 1.90, "large": 1.80}, "", "large"),
        ({"small": 1.95, "medium": 1.90, "large": 1.80}, "large", "medium"),
        ({"medium": 1.90, "LSTM": 1.50}, "", "medium"),  # shown, not offered
    ],
)
def test_the_best_that_fits_is_recommended(losses, too_large, best):
    plan = plan_of(losses, too_large=too_large)
    assert plan.recommended(3.0).facts.size.name == best
    assert plan.as_json()["recommended"][0]["size"] == best


def test_a_run_of_the_recipes_own_size_needs_no_model():
    small, medium = plan_of({"small": 1.8, "medium": 1.9}), plan_of({"medium": 1.9})
    assert options_of_run(medium.recommended(3.0)) == ["--minutes", "3"]
    assert options_of_run(small.recommended(3.0)) == [
        *("--model", "transformer:layers=2,heads=2,feed_forward=256", "--minutes", "3")
    ]


def test_the_table_has_a_row_for_each_size_and_marks_one():
    head, *rows = table_of(plan_of({"small": 1.8, "medium": 1.9}))
    assert head[-1] == "3 min"
    assert [row[-1] for row in rows[:2]] == ["1.80 ±0.04*", "1.90 ±0.04 "]
    assert rows[-1][-1] == "700"


def test_what_to_expect_is_said_with_its_interval():
    said = expect(plan_of({"medium": 1.9}), 3.0)
    assert "expect 1.90 bits per byte (1.86 to 1.94), 0.10 better than n-grams alone." in said
    assert "guess" not in said


def test_little_gain_many_passes_and_the_unmeasured_are_said():
    assert "hardly begun" in expect(plan_of({"medium": 1.99}), 3.0)
    assert "read 40 times" in expect(plan_of({"medium": 1.9}, passes=40.0), 3.0)
    assert "No run had a training of this length" in expect(
        plan_of({"medium": 1.9}, outside=("seen",)), 3.0
    )


def test_a_run_says_which_size_it_chose_and_what_the_others_would_come_to():
    said = format_choice(plan_of({"small": 1.8, "medium": 1.9, "large": 1.95}), 3.0)
    assert "the small one" in said
    assert "1.90 medium, 1.95 large" in said


def test_steps_fill_the_time_that_compiling_leaves():
    pace = Pace(step_seconds=0.1, step_tokens=2_048, compiling=20.0)
    # Ten a second, in 60 s but 4 % for events and 20 s for compiling.
    assert pace.steps(1.0) == pytest.approx(376, abs=1)
    assert pace.steps(0.01) == 1
    assert pace.seconds(pace.steps(10.0)) == pytest.approx(600, rel=0.01)


def test_more_steps_than_a_machine_word_counts_are_forecast():
    facts = attrs.evolve(facts_of("medium"), parameters=900_000)
    found = forecast(case_of(facts, TEXT, PACE.steps(1e99)))
    assert 0 < found.bits_per_byte < TEXT.counts
