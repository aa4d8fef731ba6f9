"""What is found in a model: known vectors and logits, and what a model offers badly or not."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from explore.looked_into import LETTERS, VECTORS, A, B, C, E, F, ShownModel, explorer
from generation.fake_models import AdvancingSumModel, TableModel, random_table

from textgen_core.errors import PluginFailure, RunDirectoryError, UsageError

# ---- neighbours and analogies -------------------------------------------------------------------


def test_the_nearest_come_first_and_special_tokens_and_the_word_itself_never():
    found = explorer().neighbours("a").neighbours
    assert [each.token for each in found] == ["b", "e", "c", "f", "d"]
    cosine = 1 / math.sqrt(1.01)
    expected = [cosine, math.sqrt(0.5), 0.0, 0.0, -1.0]
    assert [each.similarity for each in found] == pytest.approx(expected, abs=1e-6)
    assert [each.token_id for each in explorer().neighbours("a", count=2).neighbours] == [B, E]


def test_a_word_of_several_tokens_lies_at_their_mean():
    found = explorer().neighbours("ac")
    assert found.word.tokens == ("a", "c")
    assert found.word.token_ids == (A, C)
    vector, of_e = np.array([1.0, 1.5]), np.array([1.0, 1.0])
    expected = vector @ of_e / np.linalg.norm(vector) / np.linalg.norm(of_e)
    assert found.neighbours[0].token == "e"
    assert found.neighbours[0].similarity == pytest.approx(expected, abs=1e-6)
    assert {each.token for each in found.neighbours} == set("bdef")


def test_a_vector_of_length_zero_is_near_to_nothing():
    assert {each.similarity for each in explorer().neighbours("f").neighbours} == {0.0}


def test_an_analogy_is_second_minus_first_plus_third_and_leaves_all_three_out():
    # Directions: c - a + b is nearly c, for a and b lie nearly alike.
    found = explorer().analogy("a", "c", "b")
    assert [word.text for word in found.words] == ["a", "c", "b"]
    assert {each.token for each in found.answers} == set("def")
    a, c, b = (VECTORS[each] / np.linalg.norm(VECTORS[each]) for each in (A, C, B))
    wanted = c - a + b
    expected = wanted @ VECTORS[E] / np.linalg.norm(wanted) / np.linalg.norm(VECTORS[E])
    assert found.answers[0].token == "e"
    assert found.answers[0].similarity == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("word", ["", "x", "東", "\ufffd"])
def test_a_word_that_the_tokenizer_cannot_hold_is_told(word):
    with pytest.raises(UsageError, match="holds no token" if not word else "never seen"):
        explorer().neighbours(word)
    with pytest.raises(UsageError):
        explorer().analogy("a", "b", word)


@pytest.mark.parametrize("count", [0, -3])
def test_no_tokens_cannot_be_asked_for(count):
    for ask in (
        lambda: explorer().neighbours("a", count),
        lambda: explorer().analogy("a", "b", "c", count),
        lambda: explorer().temperature("a", count=count),
    ):
        with pytest.raises(UsageError, match="at least 1"):
            ask()


def test_a_model_that_shows_no_embeddings_is_told_by_its_name():
    with pytest.raises(UsageError, match="'shown' does not show its token embeddings"):
        explorer(TableModel(random_table(LETTERS))).neighbours("a")


@pytest.mark.parametrize(
    ("vectors", "error", "words"),
    [
        (VECTORS[1:], PluginFailure, r"shape \(9, 2\)"),
        (VECTORS[:, 0], PluginFailure, r"shape \(10,\)"),
        (VECTORS * math.nan, RunDirectoryError, "not all numbers are finite"),
    ],
)
def test_embeddings_that_are_none_are_refused(vectors, error, words):
    with pytest.raises(error, match=words):
        explorer(ShownModel(vectors=vectors)).neighbours("a")


# ---- attention ----------------------------------------------------------------------------------


def test_attention_is_of_start_and_the_text_s_tokens():
    found = explorer().attention("abc")
    assert found.tokens == ("<START>", "a", "b", "c")
    assert found.token_ids[1:] == (A, B, C)
    assert (found.layers, found.heads, found.left_out) == (2, 2, 0)
    np.testing.assert_allclose(found.shares[0, 0, 3], [0.25] * 4)
    np.testing.assert_allclose(found.shares[1, 1, 3], [1, 0, 0, 0])


def test_of_a_text_longer_than_the_windows_the_last_tokens_are_taken():
    found = explorer(context_length=4).attention("abcdef")
    assert found.tokens == ("c", "d", "e", "f")
    assert found.left_out == 3
    assert found.shares.shape == (2, 2, 4, 4)


def test_what_the_tokenizer_has_never_seen_is_named():
    found = explorer().attention("aЖb")
    assert found.unknown == ("Ж",)
    assert found.tokens == ("<START>", "a", "<UNK>", "b")


def test_an_empty_text_has_no_attention():
    with pytest.raises(UsageError, match="holds no token"):
        explorer().attention("")


def test_a_model_without_attention_is_told_by_its_name():
    with pytest.raises(UsageError, match="'shown' has no attention"):
        explorer(TableModel(random_table(LETTERS))).attention("ab")


def faulty(change):
    class Faulty(ShownModel):
        def attention(self, token_ids):
            return change(super().attention(token_ids))

    return Faulty()


def raising(shares):
    raise KeyError("heads")


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda shares: shares[0], PluginFailure, r"shape \(2, 3, 3\)"),
        (lambda shares: shares[:0], PluginFailure, r"shape \(0, 2, 3, 3\)"),
        (lambda shares: shares[..., 1:], PluginFailure, r"shape \(2, 2, 3, 2\)"),
        (lambda shares: 0.9 * shares, PluginFailure, "sum is off by 0.1"),
        (lambda shares: tf.reverse(shares, [3]), PluginFailure, "of what comes later"),
        (lambda shares: 2 * shares - tf.eye(3), PluginFailure, "a share of -"),
        (lambda shares: math.nan * shares, RunDirectoryError, "not all numbers are finite"),
        (raising, PluginFailure, "raised KeyError"),
    ],
)
def test_what_is_no_attention_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        explorer(faulty(change)).attention("ab")


def test_the_json_has_the_layers_and_heads_that_were_chosen():
    found = explorer().attention("ab")
    value = found.as_json()
    assert (value["layers"], value["heads"]) == ([1, 2], [1, 2])
    assert np.array(value["attention"]).shape == (2, 2, 3, 3)
    chosen = found.as_json([2], [2])
    assert (chosen["layers"], chosen["heads"]) == ([2], [2])
    assert chosen["attention"] == [[[[1, 0, 0], [1, 0, 0], [1, 0, 0]]]]


# ---- temperature --------------------------------------------------------------------------------


def test_the_distribution_is_the_softmax_of_the_logits_over_the_temperature():
    table = random_table(LETTERS, seed=3)
    found = explorer(TableModel(table)).temperature("ab", (0.5, 1, 2), count=7)
    logits = table[B].astype(np.float64)
    for at in found.temperatures:
        weights = np.exp(logits / at.temperature)
        weights[:3] = 0  # <PAD>, <UNK> and <START> are never drawn
        expected = weights / weights.sum()
        for each in at.tokens:
            assert each.probability == pytest.approx(expected[each.token_id], rel=1e-6)
        assert sum(each.probability for each in at.tokens) == pytest.approx(1)
        held = expected[3:]
        assert at.entropy == pytest.approx(-(held * np.log2(held)).sum(), rel=1e-6)
        assert at.choices == pytest.approx(2**at.entropy)


def test_every_temperature_lists_the_same_tokens_in_the_same_order():
    found = explorer(TableModel(random_table(LETTERS))).temperature("f", (0.01, 1, 100), count=4)
    orders = [[each.token_id for each in at.tokens] for at in found.temperatures]
    assert orders[0] == orders[1] == orders[2]
    for at in found.temperatures:
        probabilities = [each.probability for each in at.tokens]
        assert probabilities == sorted(probabilities, reverse=True)


def test_even_logits_leave_as_many_choices_as_there_are_tokens_to_draw():
    at = explorer(ShownModel()).temperature("a", (1,)).temperatures[0]
    assert at.choices == pytest.approx(7)  # six letters and <END>
    assert at.entropy == pytest.approx(math.log2(7))


def test_the_lowest_temperature_leaves_one_choice_and_no_overflow():
    table = 1000 * random_table(LETTERS)
    at = explorer(TableModel(table)).temperature("a", (0.01,)).temperatures[0]
    assert at.tokens[0].probability == pytest.approx(1)
    assert at.entropy == 0
    assert at.choices == 1


def test_an_empty_text_is_the_beginning_of_one():
    table = random_table(LETTERS)
    at = explorer(TableModel(table)).temperature("", (1,), count=1).temperatures[0]
    assert at.tokens[0].token_id == 3 + int(np.argmax(table[2, 3:]))


@pytest.mark.parametrize("temperature", [0, -1, math.nan, math.inf, 0.001, 1e9])
def test_a_temperature_that_cannot_be_used_is_told(temperature):
    with pytest.raises(UsageError, match=r"0\.01 to 100"):
        explorer().temperature("a", (1, temperature))


def test_a_long_text_is_what_a_prompt_of_that_length_leaves_in_the_state():
    table, text = random_table(LETTERS), "abcdef" * 5
    found = explorer(AdvancingSumModel(table, state_capacity=8)).temperature(text, (1,), count=1)
    ids = [2, *(A + LETTERS.index(each) for each in text)]
    held = []
    for each in ids:
        held = [*(held if len(held) < 8 else held[4:]), each]
    expected = table[sum(held) % len(table)]
    assert found.temperatures[0].tokens[0].token_id == 3 + int(np.argmax(expected[3:]))
    assert found.left_out == len(ids) - len(held)


def test_a_text_of_any_length_is_fed_in_pieces_to_a_model_that_holds_all():
    table, text = random_table(LETTERS), "abcdef" * 400
    model = AdvancingSumModel(table)
    found = explorer(model).temperature(text, (1,), count=1)
    total = 2 + sum(A + LETTERS.index(each) for each in text)
    assert found.temperatures[0].tokens[0].token_id == 3 + int(np.argmax(table[total % 10, 3:]))
    assert found.left_out == 0
    assert max(model.fed) <= 1024
    assert sum(model.fed) == len(text) + 1


def test_logits_that_are_not_finite_are_told():
    with pytest.raises(RunDirectoryError, match="not all numbers are finite"):
        explorer(TableModel(math.nan * random_table(LETTERS))).temperature("a")


def test_a_model_that_raises_is_named():
    class Raising(TableModel):
        def call(self, token_ids, training=False):
            raise ValueError("no such layer")

    with pytest.raises(PluginFailure, match="The model 'shown' raised"):
        explorer(Raising(random_table(LETTERS))).temperature("a")


def test_the_findings_are_plain_values_for_json():
    neighbours = explorer().neighbours("ab", count=1).as_json()
    assert neighbours["word"] == "ab"
    assert neighbours["tokens"] == ["a", "b"]
    assert neighbours["token_ids"] == [A, B]
    assert set(neighbours["neighbours"][0]) == {"token", "token_id", "similarity"}
    analogy = explorer().analogy("a", "b", "c", count=1).as_json()
    assert analogy["words"] == ["a", "b", "c"]
    assert set(analogy["answers"][0]) == {"token", "token_id", "similarity"}
    after = explorer().temperature("f", (2,), count=1).as_json()
    assert set(after["temperatures"][0]) == {"temperature", "entropy", "choices", "tokens"}
    assert set(after["temperatures"][0]["tokens"][0]) == {"token", "token_id", "probability"}
    assert F == 9
