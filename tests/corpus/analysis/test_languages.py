from __future__ import annotations

from collections import Counter

import pytest

from textgen_core.components.words import count_scripts
from textgen_core.corpus.analysis.blocks import iterate_blocks
from textgen_core.corpus.analysis.languages import detect_language, languages_in_slices
from textgen_core.corpus.analysis.vocabulary import VocabularyCounter
from textgen_core.corpus.analysis.words import WordSampler, slices_of, split_words
from textgen_core.corpus.text import word_pattern

TEXTS = {
    "en": "It was the best of times, it was the worst of times, and that is not what they said.",
    "de": "Es ist nicht leicht, das zu sagen, und die Frau wusste auch nicht, was sie mit dem tat.",
    "fr": "Il est dans le jardin avec une amie qui ne vient pas pour nous, et les fleurs sont là.",
    "es": "El niño que vive en la casa no tiene más que un perro, y los vecinos lo saben muy bien.",
    "pt": "O menino não tem mais do que um cão, e os vizinhos da rua são uma família para você.",
    "it": "Il ragazzo che vive nella casa non è più qui, e della madre si sa anche di meno.",
    "nl": "Het is niet wat ik dacht, maar de man die voor het huis zat wordt ook bewaakt.",
    "pl": "To jest dom, który się nie podoba, ale po co go kupować, jak był tak drogi od początku.",
    "ru": "Он был не в том доме, что и она, но это всё, что я знал, и так было только один раз.",
    "uk": "Він був не в тому домі, що й вона, але це все, що я знав, і так було від початку.",
    "zh": "今天天气很好，我们去公园。",
    "ja": "今日は天気がいいので、公園へ行きます。",
    "ko": "오늘은 날씨가 좋습니다.",
    "el": "Σήμερα ο καιρός είναι καλός.",
    "ar": "هذا هو البيت الذي كان في المدينة على البحر.",
    "fa": "این خانه‌ای است که در شهر بود و برای ما آن را ساختند.",
    "hi": "यह एक घर है और वह शहर में था।",
    "th": "วันนี้อากาศดีมาก",
    "he": "היום מזג האוויר טוב",
}


@pytest.mark.parametrize("language", TEXTS)
def test_a_text_tells_its_language(language):
    text = TEXTS[language]
    counts = Counter(word_pattern().findall(text))
    assert detect_language(count_scripts(Counter(text)), counts) == language


@pytest.mark.parametrize("text", ["", "1 2 3", "xyzzy plugh"])
def test_a_text_that_tells_nothing_is_read_by_the_rules_of_english(text):
    counts = Counter(word_pattern().findall(text))
    assert detect_language(count_scripts(Counter(text)), counts) == "en"


def test_a_part_in_another_language_is_found():
    text = "\n".join([TEXTS["en"]] * 80 + [TEXTS["de"]] * 20)
    vocabulary, sampler = VocabularyCounter(), WordSampler()
    for block in iterate_blocks([text]):
        found = split_words(block)
        sampler.add(found, vocabulary.add(found.words)[0])
    words = sampler.finish(vocabulary.finish().names)
    ids = words.ids[words.ids != 0]
    assert languages_in_slices(words, slices_of(ids, 10), "Latin") == ("en",) * 8 + ("de",) * 2
    assert languages_in_slices(words, slices_of(ids, 10), "Thai") == ("",) * 10
