"""The decoding loop over a runtime in numpy, against a writer that feeds and draws one by one."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from generation.fake_models import END, LETTERS, random_table, write_slowly
from generation.fake_runtime import Calling, FakeRuntime

from textgen_core.errors import PluginFailure
from textgen_core.generation import Generator, group_stream, plan

TABLE = random_table(end=-2.0)
A = 4  # the id of the letter a
NEVER_DRAWN = [0, 1, 2]


def generator_of(*functions, table=TABLE, labels=None, **arguments):
    samplers = [Calling(function=each) for each in functions]
    return Generator(FakeRuntime(table, **arguments), samplers, labels=labels)


def tokens_of(generation):
    return [sample.token_ids for sample in generation.samples]


def prompts_of(draws, count):
    return ["".join(draws.choices(LETTERS, k=draws.choice([0, 1, 2, 9, 31]))) for _ in range(count)]


@pytest.mark.parametrize("capacity", [None, 1, 2, 3, 5, 8, 17])
@pytest.mark.parametrize("rows", [1, 3, 8])
def test_rows_write_what_each_text_would_be_alone(monkeypatch, rows, capacity):
    monkeypatch.setattr(plan, "SMALLEST_CAPACITY", 4)
    monkeypatch.setattr(plan, "FIRST_TOKENS", 2)
    draws = random.Random(f"{rows} {capacity}")
    generator = generator_of(state_capacity=capacity, rows=rows)
    for seed in range(4):
        prompts = prompts_of(draws, draws.choice([1, 2, 3, 7])) if seed else ["", "a"]
        first = draws.choice([0, 5])
        options = {"max_new_tokens": draws.choice([1, 2, 30]) if seed else 30, "seed": seed}
        found = tokens_of(generator.generate(prompts, first_sample=first, **options))
        for sample, (prompt, tokens) in enumerate(zip(prompts, found, strict=True), start=first):
            wanted = write_slowly(TABLE, prompt, sample=sample, capacity=capacity, **options)
            assert tokens == wanted, (prompts, sample)
    assert max(generator.runtime.capacities) > min(generator.runtime.capacities)  # rows have grown
    assert generator.runtime.open == 0


def test_two_streams_of_a_generator_may_be_read_in_turns():
    generator = generator_of(state_capacity=7, rows=2)
    streams = [
        generator.stream(["ab", "abcd", "x"], max_new_tokens=40, seed=seed) for seed in (1, 2)
    ]
    for _ in itertools.zip_longest(*streams):
        pass
    for seed, stream in enumerate(streams, start=1):
        alone = generator.generate(["ab", "abcd", "x"], max_new_tokens=40, seed=seed)
        assert stream.generation().samples == alone.samples


def test_special_tokens_are_excluded_before_the_samplers():
    seen = []

    def see(logits, history):
        seen.append(logits.copy())
        return logits

    [[first, *_]] = tokens_of(generator_of(see).generate(["a"], max_new_tokens=3, seed=0))
    assert (seen[0][:, NEVER_DRAWN] == -np.inf).all()
    np.testing.assert_array_equal(seen[0][0, 3:], TABLE[(2 + A) % len(TABLE), 3:])
    assert first not in NEVER_DRAWN


def test_a_sampler_sees_as_many_tokens_as_count_and_zeros_after_them():
    seen = []

    def see(logits, history):
        ids, length = history.token_ids.copy(), history.length.copy()
        seen.append((ids, length, history.prompt_length.copy()))
        return logits

    table = TABLE.copy()
    table[:, END] = -np.inf
    found = generator_of(see, table=table).generate(["", "abcde"], max_new_tokens=8, seed=0)
    texts = [[2, *found.samples[0].token_ids], [2, 4, 5, 6, 7, 8, *found.samples[1].token_ids]]
    for step, (ids, length, prompt_length) in enumerate(seen):
        assert prompt_length.tolist() == [1, 6]
        assert length.tolist()[1] == max(6, 1 + step)  # what is still read counts already
        for row, text in enumerate(texts):
            if step < 8 or row == 1:
                assert length[row] >= prompt_length[row]
                assert ids[row, : length[row]].tolist() == text[: length[row]]
                assert not ids[row, max(length[row], prompt_length[row]) :].any()


def test_an_end_at_once_leaves_a_text_of_one_token():
    table = np.full_like(TABLE, -50.0)
    table[:, END] = 0.0
    found = generator_of(table=table, rows=4).generate(["", "abc"], max_new_tokens=10**6, seed=0)
    assert tokens_of(found) == [(END,), (END,)]
    assert [sample.stopped_by for sample in found.samples] == ["end", "end"]


@pytest.mark.parametrize("chunk", [1, 2, 3, 50])
def test_a_stop_string_may_lie_in_several_chunks(monkeypatch, chunk):
    monkeypatch.setattr(group_stream, "FIRST_CHUNK", chunk)
    monkeypatch.setattr(group_stream, "LARGEST_CHUNK", chunk)
    generator = generator_of(table=random_table(end=-30.0))
    [plain] = generator.generate([""], max_new_tokens=40, seed=0).samples
    stop = plain.text[5:9]
    for prompts in ([""], ["", "ab"]):
        stream = generator.stream(prompts, max_new_tokens=40, seed=0, stop=[stop])
        pieces = [piece.text for piece in stream if piece.sample == 0]
        sample = stream.generation().samples[0]
        assert "".join(pieces) == sample.text == plain.text[: plain.text.index(stop)]
        assert sample.stopped_by == "stop"


# ---- faults --------------------------------------------------------------------------------------


def broken(number, token=A, row=0, at=5):
    """A sampler that returns a number that is none, for one token of one row of some length."""

    def transform(logits, history):
        logits = logits.copy()
        if row < len(logits) and history.length[row] == at:
            logits[row, token] = number
        return logits

    return transform


def exclude_all(logits, history):
    return np.where((history.length == 5)[:, None], np.float32(-np.inf), logits)


def as_before(logits, history):
    return logits.copy()


def repaired(logits, history):
    return np.where(np.isfinite(logits), logits, np.float32(-np.inf))


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("faulty", "problem"),
    [
        (broken(np.nan), "returned logits that are NaN or"),
        (broken(np.inf), "returned logits that are NaN or"),
        (exclude_all, "excluded every token"),
        (broken(1.0, token=0), "gave a finite logit to a token that was excluded"),
    ],
)
def test_a_fault_is_named_with_the_sampler_wherever_it_stands(faulty, problem, place, rows):
    chain = [as_before, as_before, as_before]
    chain[place] = faulty
    labels = [f"number {each}" for each in range(3)]
    generator = generator_of(*chain, labels=labels)
    stream = generator.stream(["a"] * rows, max_new_tokens=30, seed=0)
    with pytest.raises(PluginFailure, match=f"The sampler number {place} {problem}"):
        list(stream)
    assert generator.runtime.open == 0
    for sample in stream.generation().samples:  # <START> and a are read: three were drawn
        assert len(sample.token_ids) in (3, 4) or sample.stopped_by == "end"


def test_a_fault_that_a_later_sampler_covers_up_is_named_too():
    for number, after in ((np.nan, repaired), (np.inf, repaired)):
        generator = generator_of(as_before, broken(number), after, labels=["x", "bad", "z"])
        with pytest.raises(PluginFailure, match="The sampler bad returned logits"):
            generator.generate(["a"], max_new_tokens=30, seed=0)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("token", [0, A, END])
def test_a_models_logit_that_is_no_number_is_the_models_fault(number, token):
    table = TABLE.copy()
    table[(2 + A) % len(table), token] = number
    generator = generator_of(repaired, table=table)
    with pytest.raises(PluginFailure, match="The model returned logits that are NaN or"):
        generator.generate(["", "a", "abc"], max_new_tokens=30, seed=0)


def test_a_fault_in_a_row_without_a_text_of_its_own_is_none():
    generator = generator_of(broken(np.nan, row=2, at=5), broken(np.inf, row=3, at=3), rows=4)
    found = generator.generate(["a", "abc"], max_new_tokens=30, seed=0)
    assert tokens_of(found) == tokens_of(
        generator_of().generate(["a", "abc"], max_new_tokens=30, seed=0)
    )


def test_a_fault_while_a_prompt_is_still_read_is_none():
    table = TABLE.copy()
    table[(2 + A) % len(table)] = np.nan  # after <START>a
    generator = generator_of(table=table)
    found = generator.generate(["", "abc"], max_new_tokens=1, seed=0)
    assert len(found.samples[1].token_ids) == 1


def test_a_fault_of_one_text_comes_after_what_the_others_wrote_before_it():
    generator = generator_of(broken(np.nan, row=1, at=7), table=random_table(end=-30.0))
    stream = generator.stream(["a", "b", "c"], max_new_tokens=50, seed=0)
    with pytest.raises(PluginFailure):
        list(stream)
    lengths = [len(sample.token_ids) for sample in stream.generation().samples]
    assert lengths == [6, 5, 6]  # the faulty token itself is none


def test_a_models_logits_of_another_shape_are_named():
    with pytest.raises(PluginFailure, match=r"logits of shape \(1, 29\) for the next token"):
        generator_of(table=TABLE[:, 1:]).generate(["a"], max_new_tokens=3, seed=0)
