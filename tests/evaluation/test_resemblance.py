"""How far written text is from real text: figures by brute force, texts that are near or far."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from textgen_core.corpus.reading.course import as_path
from textgen_core.evaluation.resemblance import FIGURES, SIDES, RealText, Ruler, slope_of_zipf

TEXTS = 4  # of a page
SIZE = 400


def pages_of(text: str, size: int = SIZE) -> list[list[str]]:
    """Return the pages of a text: each of pieces from all over it."""
    pieces = [text[at : at + size] for at in range(0, len(text) - size, size)]
    count = len(pieces) // TEXTS
    return [pieces[at : count * TEXTS : count] for at in range(count)]


@pytest.fixture(scope="module")
def book() -> str:
    return as_path("course:en").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def halves(book: str) -> tuple[RealText, list[list[str]]]:
    """Return what one half of the pages of a text is like, and the other half."""
    training, held_out = book[:38_000], book[38_000:]
    ruler = Ruler.for_text([held_out], "en", [training])
    pages = pages_of(held_out)
    return RealText.of(pages[::2], ruler), pages[1::2]


def test_every_figure_is_on_one_side_and_measured() -> None:
    measured = Ruler(language="en").measure(["One. Two."])
    assert sorted(measured) == sorted(FIGURES) == sorted(itertools.chain(*SIDES.values()))


def test_figures_of_a_small_page_are_those_counted_by_hand() -> None:
    page = ["a cat a cat. The end", "a cat\na cat"]
    ruler = Ruler(language="en", known={hash(each) for each in ("a", "cat", ("a", "cat"))})
    found = ruler.measure(page)
    # a cat a cat . The end: five pairs of six are different; a cat a cat: two of three.
    assert found["rep_2"] == pytest.approx((1 / 6 + 1 / 3) / 2)
    assert found["rep_3"] == pytest.approx(0.0)
    assert found["distinct_1"] == pytest.approx(5 / 11)
    # a cat, cat a, cat ., . The, The end; the second text has the first two again.
    assert found["distinct_2"] == pytest.approx(5 / 9)
    assert found["sentence_ends"] == pytest.approx(1 / 10)
    assert found["line_ends"] == pytest.approx(1 / len("".join(page)))
    assert found["word_length"] == pytest.approx((4 * 1 + 6 * 3) / 10)
    assert found["new_words"] == pytest.approx(2 / 10)
    assert found["new_pairs"] == pytest.approx(1 - 4 / 9)


def test_repetition_and_distinct_n_are_those_of_a_brute_force_count() -> None:
    draw = random.Random(3)
    page = [" ".join(draw.choices("abcd", k=draw.randint(5, 30))) for _ in range(TEXTS)]
    found = Ruler(language="en").measure(page)
    for n in (2, 3, 4):
        shares = []
        for text in page:
            words = text.split()
            ngrams = [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
            before = [each in ngrams[:at] for at, each in enumerate(ngrams)]
            shares.append(sum(before) / len(before))
        assert found[f"rep_{n}"] == pytest.approx(np.mean(shares))
    pairs = [pair for text in page for pair in itertools.pairwise(text.split())]
    assert found["distinct_2"] == pytest.approx(len(set(pairs)) / len(pairs))


@pytest.mark.parametrize("slope", [0.5, 1.0, 1.7])
def test_the_slope_of_an_exact_power_law_is_its_exponent(slope: float) -> None:
    assert slope_of_zipf(1000 / np.arange(1, 200) ** slope) == pytest.approx(slope)


def test_the_slope_is_that_of_weighted_least_squares() -> None:
    counts = [9, 5, 5, 2, 1, 1, 1]
    x, y = np.log(np.arange(1, 8)), np.log(counts)
    weights = np.sqrt(1 / np.arange(1, 8))  # polyfit squares them
    assert slope_of_zipf(counts) == pytest.approx(-np.polyfit(x, y, 1, w=weights)[0])


def test_other_text_of_the_same_book_comes_out_near_0(
    halves: tuple[RealText, list[list[str]]],
) -> None:
    real, others = halves
    assert real.compare(others).distance < 0.5
    assert real.compare(others[:8]).distance < 0.7


def test_chance_is_taken_off_so_that_other_real_pages_are_at_0_on_average(book: str) -> None:
    ruler = Ruler(language="en")
    measured = RealText.of(pages_of(book), ruler).measured
    draw, squares = np.random.default_rng(1), []
    for _ in range(100):
        order = draw.permutation(len(measured))
        real = RealText(ruler=ruler, measured=measured[order[10:]], finest=1e-9)
        squares.append(real._squares(measured[order[:10]])[:10].mean())
    assert abs(np.mean(squares)) < 0.1


def _shuffled(page: list[str]) -> list[str]:
    draw = random.Random(1)
    return [" ".join(draw.sample(words := text.split(" "), len(words))) for text in page]


def _looped(page: list[str]) -> list[str]:
    return [(text[:60] * SIZE)[:SIZE] for text in page]


def _one_text_again_and_again(page: list[str]) -> list[str]:
    return [page[0]] * len(page)


def _letters(page: list[str]) -> list[str]:
    draw = random.Random(1)
    return ["".join(draw.sample(text, len(text))) for text in page]


def _without_ends(page: list[str]) -> list[str]:
    return [text.replace(".", ",").replace("!", ",").replace("?", ",") for text in page]


def _nothing(page: list[str]) -> list[str]:
    return [" " for _ in page]


@pytest.mark.parametrize(
    ("spoil", "side", "least"),
    [
        (_shuffled, "phrases", 1.0),
        (_looped, "repetition", 10.0),
        (_one_text_again_and_again, "diversity", 5.0),
        (_letters, "words", 3.0),
        (_without_ends, "sentences", 1.0),
        (_nothing, "words", 3.0),
    ],
)
def test_spoiled_text_is_far_and_its_side_says_why(
    halves: tuple[RealText, list[list[str]]], spoil, side: str, least: float
) -> None:
    real, others = halves
    usual, found = real.compare(others), real.compare([spoil(page) for page in others])
    assert found.distance > usual.distance + 0.5
    assert found.sides[side] > max(least, 2 * usual.sides[side])


def test_what_is_copied_from_the_training_text_has_too_few_new_phrases(
    book: str, halves: tuple[RealText, list[list[str]]]
) -> None:
    real, _ = halves
    copied = real.compare(pages_of(book[:38_000]))
    assert copied.figures["new_words"] == pytest.approx(0, abs=0.02)  # words cut at the ends
    assert copied.sides["phrases"] > 2


def test_half_loops_and_half_real_text_differ_in_their_spread(
    halves: tuple[RealText, list[list[str]]],
) -> None:
    real, others = halves
    mixed = [_looped(page) if place % 2 else page for place, page in enumerate(others)]
    assert real.compare(mixed).distance > 5


def test_without_training_text_nothing_counts_as_new(book: str) -> None:
    ruler = Ruler.for_text([book[:20_000]], "en")
    assert not ruler.known
    assert ruler.measure([book[:400]])["new_words"] == 0.0


@pytest.mark.parametrize(
    ("text", "by_line"),
    [
        ("def area(width, height):\n    return width * height\n" * 30, True),
        ("anna: hi\nben: hello there\n" * 60, True),
        ("The sun rose. They went on. It was cold!\n" * 30, False),
        ("太阳升起来了。他们继续走。天气很冷。" * 30, False),
    ],
)
def test_code_and_chats_end_sentences_with_lines_and_chinese_has_marks(
    text: str, by_line: bool
) -> None:
    ruler = Ruler.for_text([text], "zh" if "太" in text else "en")
    assert ruler.by_line == by_line
    page = ruler.measure([text[:400]])
    assert 0 < page["sentence_ends"] < 0.4
    assert page["distinct_1"] < 1


def test_text_without_spaces_is_measured_like_any_other() -> None:
    draw = random.Random(2)
    signs = "的一是不了人我在有他这中大来上国个到说们"
    text = "".join(draw.choices(signs, k=24_000))
    pages = pages_of(text)
    real = RealText.of(pages[::2], Ruler.for_text([text], "zh"))
    assert real.compare(pages[1::2]).distance < 0.6
    assert real.compare([_looped(page) for page in pages[1::2]]).distance > 5


def test_a_spread_needs_two_pages() -> None:
    with pytest.raises(ValueError, match="two pages"):
        RealText.of([["One."]], Ruler(language="en"))
