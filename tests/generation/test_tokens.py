"""Pieces that carry their tokens, and prompts that are token ids."""

from __future__ import annotations

import numpy as np
import pytest
from generation.fake_runtime import Calling, FakeRuntime
from generation.letter_tokenizer import LETTERS, build_tokenizer
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from textgen_core.data.tokenizer import END, START
from textgen_core.errors import UsageError
from textgen_core.generation import GenerationOptions, Generator
from textgen_core.generation.sample import SampleWriter, TextStream

A = 4  # the id of the letter "a"


def ids_of(text):
    return [A + LETTERS.index(letter) for letter in text]


def random_table():
    size = build_tokenizer().get_vocab_size()
    return np.random.default_rng(1).normal(0, 2, (size, size)).astype(np.float32)


def keeping(count):
    """A sampler that keeps the likeliest tokens, in numpy."""

    def keep(logits, history):
        least = np.sort(logits, axis=1)[:, -count, None]
        return np.where(logits >= least, logits, np.float32(-np.inf))

    return Calling(function=keep)


@pytest.fixture(scope="module")
def generator():
    return Generator(FakeRuntime(random_table()), [keeping(5)])


def pieces_of(generator, prompts, **options):
    stream = generator.stream(prompts, max_new_tokens=20, seed=3, **options)
    return list(stream), stream.generation()


@pytest.mark.parametrize("options", [{"tokens": True}, {"alternatives": 3}])
def test_the_tokens_of_pieces_are_those_of_the_sample_and_join_to_its_text(generator, options):
    pieces, generation = pieces_of(generator, ["abc", "d"], **options)
    for number, sample in enumerate(generation.samples):
        own = [piece for piece in pieces if piece.sample == number]
        tokens = [token for piece in own for token in piece.tokens]
        assert [token.token_id for token in tokens] == list(sample.token_ids)
        assert [token.log_probability for token in tokens] == list(sample.log_probabilities)
        assert "".join(token.text for token in tokens) == sample.text
        assert [piece.text for piece in own] == [
            "".join(token.text for token in piece.tokens) for piece in own
        ]
        assert [piece.stopped_by for piece in own] == [None] * (len(own) - 1) + [sample.stopped_by]


def test_pieces_carry_no_tokens_unless_they_are_asked_for(generator):
    pieces, generation = pieces_of(generator, ["abc"])
    assert {piece.tokens for piece in pieces} == {()}
    plain = pieces_of(generator, ["abc"], alternatives=2)[1]
    assert plain.samples == generation.samples


def test_alternatives_come_with_each_token_and_say_what_every_sampler_kept(generator):
    pieces, generation = pieces_of(generator, ["abc"], alternatives=7)
    tokens = [token for piece in pieces for token in piece.tokens]
    for token, step in zip(tokens, generation.trace.samples[0].steps, strict=True):
        assert [each.token_id for each in token.alternatives] == [
            each.token_id for each in step.alternatives
        ]
        values = [each.log_probability for each in token.alternatives]
        assert values == sorted(values, reverse=True)
        likely = {each.token_id: each for each in token.alternatives}
        if token.token_id in likely:
            assert likely[token.token_id].kept == (True,)
            assert likely[token.token_id].log_probability == token.log_probability
        drawable = [each for each in token.alternatives if each.token_id not in (0, 1, 2)]
        assert sum(each.kept[0] for each in drawable) <= 5
        assert all(each.kept == (False,) for each in token.alternatives if each not in drawable)


def build_writer(stop, max_new_tokens=100):
    options = GenerationOptions(max_new_tokens=max_new_tokens, seed=0, stop=stop, tokens=True)
    return SampleWriter("p", [START], build_tokenizer(), options)


@given(
    text=st.text("abc", max_size=12),
    stop=st.lists(st.text("abc", min_size=1, max_size=3), max_size=3),
    ends=st.booleans(),
    sizes=st.lists(st.integers(1, 4), min_size=12, max_size=12),
)
def test_a_stop_string_cuts_text_and_tokens_at_the_same_place(text, stop, ends, sizes):
    writer = build_writer(tuple(stop), max_new_tokens=max(1, len(text) + ends))
    token_ids = [*ids_of(text), *([END] if ends else [])]
    shown, tokens = "", []
    for size in sizes:
        shown += writer.push(token_ids[:size], [-1.0] * size)
        token_ids = token_ids[size:]
        tokens += writer.take_tokens()
        joined = "".join(token.text for token in tokens)
        assert joined == shown
    places = [place for each in stop if (place := text.find(each)) >= 0]
    found = [text.find(each) + len(each) for each in stop if each in text]
    if places:  # the stop string that is complete first decides, and of those the earliest
        first = min(found)
        cut = min(text.find(each) for each in stop if text[:first].find(each) >= 0)
        assert (shown, [token.token_id for token in tokens]) == (text[:cut], ids_of(text[:cut]))
    else:
        assert [token.token_id for token in tokens] == [*ids_of(text), *([END] if ends else [])]


def pairs_tokenizer():
    """Tokens of one and of two letters, so that a stop string may lie inside of one."""
    names = ["<PAD>", "<UNK>", "<START>", "<END>", "a", "b", "ab", "bc"]
    model = models.BPE({name: number for number, name in enumerate(names)}, [], unk_token="<UNK>")
    tokenizer = Tokenizer(model)
    tokenizer.add_special_tokens(names[:4])
    tokenizer.decoder = decoders.Fuse()
    return tokenizer


def test_a_text_comes_with_its_tokens_which_wait_while_a_part_of_them_may_be_a_stop_string():
    options = GenerationOptions(max_new_tokens=9, seed=0, stop=["bb"], tokens=True)
    writer = SampleWriter("", [START], pairs_tokenizer(), options)
    assert writer.push([4, 6], [-1.0, -2.0]) == "a"  # of "ab" the second letter may begin "bb"
    assert [token.text for token in writer.take_tokens()] == ["a"]
    assert writer.push([4], [-3.0]) == "aba"
    assert [token.text for token in writer.take_tokens()] == ["ab", "a"]


def test_a_token_that_a_stop_string_begins_in_is_cut():
    options = GenerationOptions(max_new_tokens=9, seed=0, stop=["bb"], tokens=True)
    writer = SampleWriter("", [START], pairs_tokenizer(), options)
    assert writer.push([4, 6, 7], [-1.0, -2.0, -3.0]) == "aa"
    assert [(token.token_id, token.text) for token in writer.take_tokens()] == [(4, "a"), (6, "a")]
    assert not writer.is_open


def bytes_tokenizer():
    names = ["<PAD>", "<UNK>", "<START>", "<END>", *(f"<0x{byte:02X}>" for byte in range(256))]
    model = models.BPE({name: number for number, name in enumerate(names)}, [], unk_token="<UNK>")
    tokenizer = Tokenizer(model)
    tokenizer.add_special_tokens(names[:4])
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


def bytes_of(text):
    return [4 + byte for byte in text.encode()]


def test_tokens_of_one_character_come_together_once_it_is_whole():
    options = GenerationOptions(max_new_tokens=5, seed=0, tokens=True)
    writer = SampleWriter("", [START], bytes_tokenizer(), options)
    euro = bytes_of("€")
    writer.push(euro[:2], [-1.0, -1.0])
    assert writer.take_tokens() == []
    writer.push(euro[2:], [-1.0])
    assert [token.text for token in writer.take_tokens()] == ["", "", "€"]


def test_a_character_that_a_prompt_of_ids_begins_is_written_to_its_end():
    stream = TextStream(bytes_tokenizer(), [START, *bytes_of("a€")[:3]])
    assert stream.push(bytes_of("€")[2:]) == "€"


def test_token_ids_are_fed_as_they_are_and_write_what_their_text_writes(generator):
    of_text = generator.generate(["abc"], max_new_tokens=20, seed=3)
    of_ids = generator.generate([ids_of("abc")], max_new_tokens=20, seed=3)
    assert of_ids.samples == of_text.samples
    begun = generator.generate([[START, *ids_of("abc")]], max_new_tokens=20, seed=3)
    assert begun.samples == of_text.samples
    assert generator.stream(["abc", ids_of("abc")], max_new_tokens=1, seed=3).prompts == (
        "abc",
        "abc",
    )


@pytest.mark.parametrize("wrong", [0, -1, 10_000, True, 4.0, "a", None])
def test_ids_that_the_vocabulary_does_not_have_are_refused(generator, wrong):
    size = generator.runtime.reader.vocabulary_size
    with pytest.raises(UsageError, match="token id") as refused:
        generator.stream([[A, wrong]], max_new_tokens=1, seed=0)
    assert refused.value.allowed == f"Allowed: whole numbers from 1 to {size - 1}, the vocabulary."


def test_a_bias_is_added_before_the_samplers_and_changes_no_log_probability(generator):
    greedy = Generator(FakeRuntime(random_table()), [keeping(1)])
    forced = greedy.generate(["abc"], max_new_tokens=5, seed=0, bias={A + 2: 1000.0})
    assert forced.samples[0].text == "ccccc"
    assert all(value < 0 for value in forced.samples[0].log_probabilities)
    banned = greedy.generate(["abc"], max_new_tokens=50, seed=0, bias={A + 2: -1000.0})
    assert "c" not in banned.samples[0].text


def test_a_group_that_is_given_turns_writes_what_it_writes_at_once(generator):
    whole = generator.generate(["abcabcabc" * 8], max_new_tokens=40, seed=5)
    stream = generator.stream(["abcabcabc" * 8], max_new_tokens=40, seed=5, tokens=True)
    (group,) = stream.groups
    pieces, turns = [], 0
    while group.is_open:
        pieces += group.take_turn(1e-9)
        turns += 1
    group.release()
    assert turns > 6  # the prompt took some of them
    assert "".join(piece.text for piece in pieces) == whole.samples[0].text
    assert group.samples() == whole.samples
    assert pieces[-1].stopped_by == whole.samples[0].stopped_by


def test_a_group_that_is_abandoned_writes_not_one_token_more(generator):
    stream = generator.stream(["abc"], max_new_tokens=1000, seed=5)
    (group,) = stream.groups
    asked = iter([False] * 5)
    group.take_turn(10.0)
    group.take_turn(10.0, lambda: next(asked, True))
    assert len(group.samples()[0].token_ids) <= 1 + 5
