from __future__ import annotations

import keras
import numpy as np
import pytest
from generation.fake_models import (
    END,
    LETTERS,
    AdvancingSumModel,
    SumModel,
    TableModel,
    language_model,
    random_table,
    table_of,
    write_slowly,
)
from generation.fake_samplers import Alphabetical, EndAfter, NoRepeat, Only, Returning

from textgen_core.errors import PluginFailure, UsageError
from textgen_core.generation import Generator, group_stream, unknown_characters
from textgen_core.generation.options import SHORT
from textgen_core.models.language_model import LanguageModel


def texts(generation):
    return [sample.text for sample in generation.samples]


@pytest.fixture(scope="module")
def table():
    return random_table()


@pytest.fixture(scope="module")
def generator(table):
    return Generator(language_model(SumModel(table)), [])


@pytest.fixture(scope="module")
def alphabet():
    """Writes abcdef round and round."""
    return Generator(language_model(TableModel(table_of("abcdef"))), [])


def test_the_text_is_that_of_feeding_and_drawing_one_by_one(table):
    generator = Generator(language_model(AdvancingSumModel(table)), [])
    generation = generator.generate(["abc"] * 3, max_new_tokens=60, seed=7)
    for index, sample in enumerate(generation.samples):
        expected = write_slowly(table, "abc", max_new_tokens=60, seed=7, sample=index)
        assert sample.token_ids == expected


@pytest.mark.parametrize("capacity", [1, 2, 7, 16])
def test_a_full_state_begins_again_from_its_last_half(table, capacity):
    for model in (AdvancingSumModel(table, state_capacity=capacity), SumModel(table)):
        generator = Generator(language_model(model, context_length=capacity), [])
        for prompt in ("", "abcdef", "abcdefghijklmnopqrstuvwxyzabcde"):
            expected = write_slowly(table, prompt, max_new_tokens=50, seed=1, capacity=capacity)
            [sample] = generator.generate([prompt], max_new_tokens=50, seed=1).samples
            assert sample.token_ids == expected, (type(model), prompt)


def test_a_model_that_is_run_again_writes_what_its_state_would(table):
    keras.utils.set_random_seed(1)  # with other weights it may write one letter all the time
    inputs = keras.Input((None,), dtype="int32")
    embedding, recurrent = keras.layers.Embedding(30, 8), keras.layers.GRU(8, return_sequences=True)
    output = keras.layers.Dense(30, kernel_initializer=keras.initializers.RandomNormal(0, 2, 1))
    plain = keras.Model(inputs, output(recurrent(embedding(inputs))))
    embedding.embeddings.assign(table[:, :8])

    class Advancing(keras.Model):
        state_capacity = 10

        def initial_state(self, batch_size):
            return keras.ops.zeros((batch_size, 8))

        def advance(self, token_ids, state):
            hidden = recurrent(embedding(token_ids), initial_state=state)
            return output(hidden), hidden[:, -1]

    arguments = {"max_new_tokens": 40, "seed": 3}
    prompts = ["", "abc", "the quick brown fox jumps over"]
    found = [
        Generator(language_model(model, context_length=10), []).generate(prompts, **arguments)
        for model in (plain, Advancing())
    ]
    assert texts(found[0]) == texts(found[1])
    assert len({*texts(found[0])}) == 3


def test_the_same_seed_writes_the_same_text_and_another_seed_another(generator):
    first = generator.generate(["ab"], max_new_tokens=40, seed=5)
    assert texts(generator.generate(["ab"], max_new_tokens=40, seed=5)) == texts(first)
    assert texts(generator.generate(["ab"], max_new_tokens=40, seed=6)) != texts(first)


def test_samples_of_one_prompt_differ(generator):
    assert len(set(texts(generator.generate(["ab"] * 5, max_new_tokens=30, seed=0)))) == 5


def test_a_sample_is_the_same_alone_and_in_any_batch(generator):
    prompts = ["", "abcdefghij", "xy", "ab"]
    together = generator.generate(prompts, max_new_tokens=30, seed=2)
    for index, prompt in enumerate(prompts):
        alone = generator.generate([prompt], max_new_tokens=30, seed=2, first_sample=index)
        assert alone.samples == (together.samples[index],)


@pytest.mark.parametrize(("first", "largest"), [(1, 1), (3, 3), (1000, 1000)])
def test_a_sample_is_the_same_in_chunks_of_any_size(generator, monkeypatch, first, largest):
    expected = generator.generate(["ab", "abcd"], max_new_tokens=30, seed=2)
    monkeypatch.setattr(group_stream, "FIRST_CHUNK", first)
    monkeypatch.setattr(group_stream, "LARGEST_CHUNK", largest)
    found = generator.generate(["ab", "abcd"], max_new_tokens=30, seed=2)
    assert found.samples == expected.samples


@pytest.mark.parametrize(
    ("prompts", "new_tokens", "compiled_with"),
    [(["ab"], SHORT, "graph"), (["ab"], SHORT + 1, "xla"), (["ab"] * 2, SHORT // 2 + 1, "xla")],
)
def test_a_short_text_for_once_is_written_by_a_graph_and_is_the_same(
    generator, prompts, new_tokens, compiled_with
):
    found = generator.generate(prompts, max_new_tokens=new_tokens, seed=2, compile="auto")
    assert found.compiled_with == compiled_with
    expected = generator.generate(prompts, max_new_tokens=new_tokens, seed=2)
    assert expected.compiled_with == "xla"
    assert texts(found) == texts(expected)
    for one, other in zip(found.samples, expected.samples, strict=True):
        assert one.log_probabilities == pytest.approx(other.log_probabilities, abs=1e-5)


def test_a_longer_text_begins_as_a_shorter_one(generator):
    shorter = generator.generate(["ab"], max_new_tokens=10, seed=2)
    longer = generator.generate(["ab"], max_new_tokens=200, seed=2)
    assert texts(longer)[0].startswith(texts(shorter)[0])


def test_pieces_joined_are_the_whole_text(generator, monkeypatch):
    monkeypatch.setattr(group_stream, "LARGEST_CHUNK", 10)
    stream = generator.stream(["ab", "xyz"], max_new_tokens=50, seed=0, first_sample=3)
    pieces = list(stream)
    generation = stream.generation()
    assert len(pieces) > 4
    for index, sample in enumerate(generation.samples, start=3):
        assert "".join(piece.text for piece in pieces if piece.sample == index) == sample.text
        assert sample.text


def test_a_stream_left_early_tells_what_was_written(generator):
    stream = generator.stream(["ab"], max_new_tokens=100, seed=0)
    piece = next(stream)
    [sample] = stream.generation().samples
    assert sample.text == piece.text
    assert len(sample.token_ids) < 100


def test_a_text_ends_at_the_end_token():
    generator = Generator(language_model(TableModel(table_of("abc#"))), [])
    [sample] = generator.generate([""], max_new_tokens=10, seed=0, compile="graph").samples
    assert (sample.text, sample.stopped_by) == ("abc", "end")
    assert sample.token_ids == (4, 5, 6, END)


def test_a_text_ends_at_its_length(alphabet):
    [sample] = alphabet.generate(["c"], max_new_tokens=10, seed=0, compile="graph").samples
    assert (sample.text, sample.stopped_by) == ("defabcdefa", "length")


def test_a_text_ends_before_a_stop_string_that_spans_tokens(alphabet):
    generation = alphabet.generate(
        ["a", "d"], max_new_tokens=20, seed=0, compile="graph", stop=["efa", "zz"]
    )
    assert texts(generation) == ["bcd", ""]
    assert [sample.stopped_by for sample in generation.samples] == ["stop", "stop"]
    assert [len(sample.token_ids) for sample in generation.samples] == [6, 3]


def test_a_stop_string_in_the_prompt_does_not_count(alphabet):
    [sample] = alphabet.generate(
        ["abc"], max_new_tokens=9, seed=0, compile="graph", stop=["abc"]
    ).samples
    assert sample.text == "def"


def test_special_tokens_are_never_drawn():
    table = np.zeros((7, 7), np.float32)
    table[:, :3] = 50.0
    generator = Generator(language_model(TableModel(table), "abc"), [])
    generation = generator.generate([""] * 20, max_new_tokens=30, seed=0, compile="graph")
    drawn = {token for sample in generation.samples for token in sample.token_ids}
    assert drawn == {3, 4, 5, 6}
    assert generation.samples[0].log_probabilities[0] < -45


def test_a_sampler_sees_the_prompt_and_what_was_written():
    generator = Generator(
        language_model(TableModel(np.zeros((30, 30), np.float32))), [EndAfter(count=20), NoRepeat()]
    )
    generation = generator.generate(
        ["abc", "", "vwxyz"], max_new_tokens=30, seed=0, compile="graph"
    )
    for sample in generation.samples:
        assert sample.stopped_by == "end"
        letters = sample.prompt + sample.text
        assert len(sample.text) == 20
        assert len(set(letters)) == len(letters)


def test_a_sampler_with_a_state_begins_with_the_first_new_token_of_each_row():
    generator = Generator(
        language_model(TableModel(np.zeros((30, 30), np.float32))), [Alphabetical(first=4)]
    )
    generation = generator.generate(["", "xyzxyz", "q"], max_new_tokens=8, seed=0, compile="graph")
    assert texts(generation) == [LETTERS[:8]] * 3


def test_a_sampler_that_leaves_no_token_is_named_with_its_label(table):
    generator = Generator(
        language_model(TableModel(table)), [Only(ids=(0,))], labels=["only (mine)"]
    )
    with pytest.raises(PluginFailure, match=r"The sampler only \(mine\) excluded every token"):
        generator.generate(["a"], max_new_tokens=3, seed=0, compile="graph")


def test_a_fault_after_the_end_of_a_text_is_none():
    # After <END> nothing may follow, and the sampler leaves nothing.
    table = table_of("ab#")
    table[END] = -np.inf
    generator = Generator(language_model(TableModel(table)), [])
    generation = generator.generate(
        ["", "b", "a"], max_new_tokens=5, seed=0, compile="graph", stop=["zz"]
    )
    assert texts(generation) == ["ab", "", "b"]


def test_a_fault_after_a_stop_string_is_none(monkeypatch):
    monkeypatch.setattr(group_stream, "FIRST_CHUNK", 50)
    table = table_of("abcde")
    table[LETTERS.index("d") + 4] = np.nan
    generator = Generator(language_model(TableModel(table)), [])
    generation = generator.generate(
        ["a", "e"], max_new_tokens=30, seed=0, compile="graph", stop=["c"]
    )
    assert texts(generation) == ["b", "ab"]
    with pytest.raises(PluginFailure, match="The model returned logits that are NaN"):
        generator.generate(["a", "e"], max_new_tokens=30, seed=0, compile="graph", stop=["e"])


def test_a_sampler_is_called_by_its_class_without_a_label(table):
    generator = Generator(language_model(TableModel(table)), [Returning(number=1.0)])
    with pytest.raises(PluginFailure, match="The sampler Returning gave a finite logit"):
        generator.generate(["a"], max_new_tokens=3, seed=0, compile="graph")


def test_a_second_call_does_not_compile_again(table):
    generator = Generator(language_model(AdvancingSumModel(table, state_capacity=8)), [])
    first = generator.generate(["ab"], max_new_tokens=40, seed=0)
    second = generator.generate(["abcd"], max_new_tokens=50, seed=1)
    assert first.compile_seconds > 0
    assert second.compile_seconds == 0
    for generation in (first, second):
        assert generation.tokens_per_second > 0
        assert 0 < generation.seconds_to_first_token < 5


def test_what_the_tokenizer_has_never_seen_is_told(generator):
    generation = generator.generate(["aÄbÄ", "7"], max_new_tokens=3, seed=0)
    assert generation.unknown_characters == ("Ä", "7")
    assert unknown_characters(generator.runtime.reader.tokenizer, ["abc"]) == ()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"prompts": []}, "There is no prompt"),
        ({"prompts": "abc"}, "a single text"),
        ({"stop": "abc"}, "a single text"),
        ({"stop": ["a", ""]}, "stop string is empty"),
        ({"max_new_tokens": 0}, "max_new_tokens is 0"),
        ({"compile": "eager"}, "compile is 'eager'"),
    ],
)
def test_values_that_cannot_be_used_are_refused(generator, arguments, problem):
    with pytest.raises(UsageError, match=problem):
        generator.generate(**{"prompts": ["a"], "max_new_tokens": 1, "seed": 0, **arguments})


def test_logits_of_half_precision_are_drawn_from(table):
    class HalfModel(TableModel):
        def call(self, token_ids, training=False):
            return keras.ops.cast(super().call(token_ids), "bfloat16")

    model = LanguageModel(
        model=HalfModel(table), tokenizer=language_model(None).tokenizer, context_length=16
    )
    [sample] = Generator(model, []).generate(["a"], max_new_tokens=20, seed=0).samples
    assert len(sample.token_ids) > 0
