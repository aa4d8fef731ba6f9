"""Groups of texts written side by side in threads, and streams that end before their texts."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from generation.fake_models import END, random_table, write_slowly
from generation.fake_runtime import Calling, FakeRuntime

from textgen_core.errors import PluginFailure
from textgen_core.generation import Generator, group_stream

TABLE = random_table(end=-30.0)
PROMPTS = ["ab", "", "abcd", "x", "y", "zz", "q"]
TESTS = Path(__file__).parents[1]


def writers():
    return [each for each in threading.enumerate() if each.name.startswith("textgen-write")]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert writers() == []


def of_two(samplers=(), **arguments):
    """A generator that writes two texts in a group, and two groups side by side."""
    runtime = FakeRuntime(TABLE, rows=2, side_by_side=2, **arguments)
    return Generator(runtime, samplers)


def test_texts_are_those_of_one_after_the_other_in_the_order_of_their_prompts():
    generator = of_two()
    stream = generator.stream(PROMPTS, max_new_tokens=40, seed=3, first_sample=5)
    pieces = list(stream)
    found = stream.generation()
    assert [sample.prompt for sample in found.samples] == PROMPTS
    for number, (prompt, sample) in enumerate(zip(PROMPTS, found.samples, strict=True), start=5):
        wanted = write_slowly(TABLE, prompt, max_new_tokens=40, seed=3, sample=number)
        assert sample.token_ids == wanted
        assert "".join(piece.text for piece in pieces if piece.sample == number) == sample.text
    assert generator.runtime.open == 0
    assert found.notes == ()


def test_a_trace_has_the_texts_in_their_order():
    found = of_two().generate(PROMPTS, max_new_tokens=9, seed=3, alternatives=2)
    for sample, traced in zip(found.samples, found.trace.samples, strict=True):
        assert [step.token_id for step in traced.steps] == list(sample.token_ids)


def test_two_groups_are_written_at_the_same_time():
    meeting = threading.Barrier(2, timeout=10)

    def wait_for_the_other(logits, history):
        if (history.length < 5).all():
            meeting.wait()  # which breaks, and raises, if nobody comes
        return logits

    generator = of_two([Calling(function=wait_for_the_other)])
    generator.generate([""] * 4, max_new_tokens=8, seed=0)


def test_the_speed_is_that_of_all_texts_over_the_time_that_they_took_together():
    def take_time(logits, history):
        time.sleep(0.01)
        return logits

    start = time.perf_counter()
    found = of_two([Calling(function=take_time)]).generate([""] * 8, max_new_tokens=10, seed=0)
    seconds = time.perf_counter() - start
    # Two by two, 8 texts take four groups of 0.1 s, in two threads.
    assert 80 / seconds <= found.tokens_per_second <= 80 / 0.2


def test_an_error_of_one_group_ends_all():
    others_have_drawn = threading.Event()

    def fail_late(logits, history):
        if (history.prompt_length != 5).all() and (history.length > 20).all():
            others_have_drawn.set()
        elif (history.prompt_length == 5).any() and (history.length > 20).all():
            assert others_have_drawn.wait(60)
            raise PluginFailure("The third prompt fails.")
        return logits

    generator = of_two([Calling(function=fail_late)])
    stream = generator.stream(PROMPTS, max_new_tokens=10**6, seed=3)
    with pytest.raises(PluginFailure, match="third prompt"):
        list(stream)
    assert writers() == []
    assert generator.runtime.open == 0
    assert len(stream.generation().samples[0].text) > 0


@pytest.mark.parametrize("error", [IndexError("mine"), KeyboardInterrupt(), StopIteration("mine")])
def test_any_error_of_a_thread_is_raised_where_the_pieces_are_taken(error):
    def fail(logits, history):
        raise error

    with pytest.raises((type(error), RuntimeError)):
        of_two([Calling(function=fail)]).generate([""] * 4, max_new_tokens=3, seed=0)


@pytest.mark.parametrize("groups", [1, 2])
def test_that_groups_take_turns_is_no_lack_of_memory(groups):
    generator = Generator(FakeRuntime(TABLE, rows=2, side_by_side=groups), [])
    assert generator.generate(PROMPTS, max_new_tokens=2, seed=3).notes == ()


@pytest.mark.parametrize("rows", [1, 2])
def test_a_stream_that_is_closed_leaves_off(rows):
    generator = Generator(FakeRuntime(TABLE, rows=2, side_by_side=rows), [])
    stream = generator.stream(PROMPTS, max_new_tokens=10**6, seed=3)
    piece = next(stream)
    stream.close()
    assert writers() == []
    assert generator.runtime.open == 0
    assert list(stream) == []
    sample = stream.generation().samples[piece.sample]
    assert sample.text.startswith(piece.text)
    assert len(sample.token_ids) < 10**6


def test_a_stream_that_nobody_holds_leaves_off():
    generator = of_two()
    for _ in generator.stream(PROMPTS, max_new_tokens=10**6, seed=3):
        break
    assert writers() == []
    assert generator.runtime.open == 0


def test_a_stream_that_nobody_reads_is_not_written_without_end(monkeypatch):
    monkeypatch.setattr(group_stream, "SECONDS_OF_SEVERAL", 0.005)
    generator = of_two()
    stream = generator.stream(PROMPTS, max_new_tokens=10**6, seed=3)
    next(stream)
    before, fed, deadline = -1, generator.runtime.fed, time.monotonic() + 20
    while len(fed) != before and time.monotonic() < deadline:
        before = len(fed)
        time.sleep(0.1)
    assert len(fed) == before
    stream.close()


def test_a_group_without_a_piece_is_abandoned_too():
    table = np.full_like(TABLE, -50.0)
    table[:, END + 1] = 0.0  # a, for ever

    def fail_in_the_second_group(logits, history):
        if (history.prompt_length == 3).all() and (history.length > 9).all():
            raise PluginFailure("The second fails.")
        return logits

    runtime = FakeRuntime(table, rows=1, side_by_side=2)
    generator = Generator(runtime, [Calling(function=fail_in_the_second_group)])
    start = time.monotonic()
    with pytest.raises(PluginFailure, match="second"):  # the first may be the stop string yet
        generator.generate(["", "aa"], max_new_tokens=10**6, seed=0, stop=["a" * 10**5 + "b"])
    assert time.monotonic() - start < 10
    assert runtime.open == 0


PROGRAM = """
import sys
import numpy as np
sys.path.insert(0, {tests!r})
from generation.fake_runtime import FakeRuntime
from textgen_core.generation import Generator
runtime = FakeRuntime(np.eye(30, dtype=np.float32), rows=2, side_by_side=2)
stream = Generator(runtime, []).stream([""] * 6, max_new_tokens=10**6, seed=3)
next(stream)
"""


def test_a_program_ends_though_its_texts_are_unfinished():
    subprocess.run([sys.executable, "-c", PROGRAM.format(tests=str(TESTS))], check=True, timeout=60)
