"""How many threads a model's program is given."""

from __future__ import annotations

import pytest

from textgen_core.programs import threads
from textgen_core.programs.program import Program

PROGRAM = Program(kind="model", content=b"", inputs=(), outputs=(), about={"rows": 1})


class Steps:
    """Steps that take so long with each number of threads."""

    seconds: dict[int, float]

    def __init__(self, program, count):
        self.count = count


@pytest.mark.parametrize(
    ("cores", "seconds", "expected"),
    [
        (1, {1: 1.0}, 1),
        (2, {1: 1.0, 2: 0.6}, 2),
        (2, {1: 1.0, 2: 0.95}, 1),  # not worth it
        (2, {1: 1.0, 2: 1.4}, 1),
        (64, {1: 1.0, 4: 0.5}, 4),
    ],
)
def test_a_program_is_given_the_threads_with_which_a_step_is_soonest_over(
    monkeypatch, cores, seconds, expected
):
    monkeypatch.setattr(threads, "ModelSteps", Steps)
    monkeypatch.setattr(threads, "_seconds", lambda steps: seconds[steps.count])
    found = threads.with_threads(PROGRAM, cores)
    assert found.about == {"rows": 1, "threads": expected}
