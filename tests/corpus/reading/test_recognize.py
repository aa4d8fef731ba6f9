"""What bytes look like: each guess is right on a text of its kind, and random bytes give none."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from textgen_core.corpus.reading.recognize import guess_encoding, marked_encoding, unmarked_encoding

TEXTS = {
    "cp1252": "L'été dernier, à Besançon, nous étions très heureux d'être là.",
    "cp1251": "Привет, как дела? Всё хорошо.",
    "koi8_r": "Привет, как дела? Всё хорошо.",
    "cp1250": "Zażółć gęślą jaźń. Świetnie!",
    "cp932": "日本語のテキストです。今日は良い天気です。",
    "euc_jp": "日本語のテキストです。今日は良い天気です。",
    "gb18030": "今天天气很好，我们去公园散步吧。",
    "big5": "今天天氣很好，我們去公園散步吧。",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_a_sentence_is_enough(encoding):
    assert guess_encoding(TEXTS[encoding].encode(encoding)) == encoding


def test_a_sample_that_ends_inside_a_character_is_known_too():
    assert guess_encoding((TEXTS["cp932"] * 20).encode("cp932")[:-1]) == "cp932"


def test_random_bytes_look_like_nothing():
    assert guess_encoding(random.Random(3).randbytes(400)) == ""
    assert guess_encoding(b"") == "" or guess_encoding(b"").startswith("utf")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_mark_tells_the_encoding(encoding):
    assert marked_encoding("text".encode(encoding)) == encoding
    assert marked_encoding(b"text") == ""


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_nuls_tell_the_encoding_of_western_text(encoding):
    assert unmarked_encoding("Grüße an alle.".encode(encoding)) == encoding
    assert unmarked_encoding("Grüße an alle.".encode()) == ""


def test_the_library_is_imported_only_where_a_guess_is_needed(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    program = (
        "import sys, textgen_core.corpus as corpus\n"
        "from textgen_core.config.settings import CorpusSettings as S\n"
        f"corpus.read_corpus([{str(tmp_path / 'a.txt')!r}], S(encoding='auto'))\n"
        "print('charset_normalizer' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "False", result.stderr
