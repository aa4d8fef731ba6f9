"""What was decoded wrongly once is repaired line by line; all other choices stay the author's."""

from __future__ import annotations

import sys

import pytest

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.cleaning import repair
from textgen_core.corpus.cleaning.clean import clean_corpus
from textgen_core.corpus.cleaning.repair import repair_lines
from textgen_core.corpus.documents import Corpus
from textgen_core.errors import ConfigurationError


def test_wrongly_decoded_letters_and_entities_are_repaired_and_lines_counted():
    assert repair_lines("schÃ¶n\nplain\nâ€œaâ€\x9d &amp; b\n") == ("schön\nplain\n“a” & b\n", 2)


@pytest.mark.parametrize(
    "text", ["ﬁ “curly” ｗｉｄｅ", "e\u0301 stays two", "a\r\nb\rc é", "\x1b[1m é", "<p>&amp;</p>"]
)
def test_quotes_ligatures_line_ends_and_the_unicode_form_stay(text):
    assert repair_lines(text) == (text, 0)


def test_it_is_a_setting_and_says_what_it_did():
    corpus = clean_corpus(Corpus(documents=("schÃ¶n\n", "gut\n")), CorpusSettings(repair="ftfy"))
    assert corpus.documents == ("schön\n", "gut\n")
    assert corpus.notes == ("Repair: 1 line repaired by ftfy, decoded wrongly once.",)


def test_without_its_library_it_is_an_error_that_says_how_to_install_it(monkeypatch):
    repair.load_ftfy.cache_clear()
    monkeypatch.setitem(sys.modules, "ftfy", None)
    with pytest.raises(ConfigurationError, match="ftfy") as caught:
        clean_corpus(Corpus(documents=("plain",)), CorpusSettings(repair="ftfy"))
    assert caught.value.advice == "Install it: pip install 'textgen-core[ftfy]'"
