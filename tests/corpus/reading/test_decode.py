from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tarfile
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from textgen_core.corpus.reading.decode import Undecodable, check_encoding, decode_blocks
from textgen_core.errors import ConfigurationError, CorpusError

TEXT = "Once upon a time, there was a text.\n" * 20


def decode_text(data: bytes, encoding: str, name: str, block: int = 1 << 20):
    notes: list[str] = []
    blocks = (data[start : start + block] for start in range(0, len(data), block))
    return "".join(decode_blocks(blocks, encoding, name, notes)), notes


def zipped(name: str, content: str = "x") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return buffer.getvalue()


@given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\ufeff")))
def test_utf8_text_comes_back_exactly(text):
    try:
        assert decode_text(text.encode("utf-8"), "utf-8", "a") == (text, [])
    except CorpusError as error:  # a text may begin like a file format
        assert "is a" in error.problem or "compressed" in error.problem


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_a_corpus_error(data):
    try:
        text, _ = decode_text(data, "utf-8", "a")
    except CorpusError as error:
        assert len(str(error).splitlines()) == 3
    else:
        assert "\0" not in text
        text.encode("utf-8")


def test_a_byte_order_mark_is_dropped_and_said():
    text, notes = decode_text(b"\xef\xbb\xbfabc", "utf-8", "a.txt")
    assert text == "abc"
    assert notes == ["a.txt: dropped the byte order mark at its start."]


def test_a_few_nuls_are_dropped_and_said():
    text, notes = decode_text(b"\0" + TEXT.encode() + b"\0", "utf-8", "a.txt")
    assert text == TEXT
    assert notes == ["a.txt: dropped 2 NUL characters."]


def test_more_than_one_nul_in_a_hundred_bytes_is_binary():
    decode_text(b"x" * 99 + b"\0", "utf-8", "a")
    with pytest.raises(CorpusError, match=r"a is binary: 2 % of it is NUL"):
        decode_text(b"x" * 98 + b"\0\0", "utf-8", "a")


def test_latin_1_is_refused_with_byte_offset_line_and_setting():
    with pytest.raises(Undecodable) as caught:
        decode_text("Zeile\ncafé".encode("latin-1"), "utf-8", "a.txt")
    error = caught.value.with_guess()
    assert error.problem == "a.txt is not utf-8: byte 0xE9 at offset 9 (line 2)."
    assert error.allowed == "It looks like cp1252."
    assert error.advice == (
        "Read it as that: --set corpus.encoding=cp1252, or detect it per file: "
        "--set corpus.encoding=auto"
    )
    assert error.exit_code == 3


def test_the_setting_reads_what_it_names():
    assert decode_text("café".encode("cp1252"), "cp1252", "a") == ("café", [])
    assert decode_text("Привет".encode("koi8-r"), "koi8-r", "a") == ("Привет", [])


def test_a_file_cut_inside_a_character_is_told_so():
    with pytest.raises(CorpusError, match="it ends inside a character, at offset 2"):
        decode_text(b"\xc3\xa9\xe2\x82", "utf-8", "a")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_wide_text_with_a_mark_is_named(encoding):
    data = TEXT.encode(encoding)
    with pytest.raises(Undecodable, match="starts with that byte order mark") as caught:
        decode_text(data, "utf-8", "a")
    assert f"--set corpus.encoding={encoding}," in caught.value.with_guess().advice
    assert decode_text(data, encoding, "a") == (TEXT, [])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_text_without_a_mark_is_named(encoding):
    data = TEXT.encode(encoding)
    kind = encoding[:6].upper()
    with pytest.raises(Undecodable, match=f"{kind} without a byte order mark") as caught:
        decode_text(data, "utf-8", "a")
    assert f"--set corpus.encoding={encoding}," in caught.value.with_guess().advice
    assert decode_text(data, encoding, "a") == (TEXT, [])


def test_wide_text_of_nuls_is_binary_too():
    with pytest.raises(CorpusError, match="binary"):
        decode_text("a\0b".encode("utf-16"), "utf-16", "a")


DISGUISED = {
    "gzip": gzip.compress(TEXT.encode()),
    "bzip2": bz2.compress(TEXT.encode()),
    "xz": lzma.compress(TEXT.encode()),
    "tar archive": tarred(),
    "PDF": b"%PDF-1.7\n...",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "zip archive": zipped("a.txt"),
    "Word document": zipped("word/document.xml"),
    "EPUB": zipped("mimetype", "application/epub+zip"),
}


@pytest.mark.parametrize("kind", DISGUISED)
def test_a_known_format_in_disguise_is_named_for_what_it_is(kind):
    data = DISGUISED[kind]
    for encoding in ("utf-8", "latin-1"):
        with pytest.raises(CorpusError, match=kind) as caught:
            decode_text(data, encoding, "book.txt")
        assert caught.value.advice


@pytest.mark.parametrize("encoding", ["no-such", "rot13", "hex", "a\0b", "", "undefined"])
def test_an_encoding_that_is_none_is_a_configuration_error(encoding):
    with pytest.raises(ConfigurationError, match=r"corpus\.encoding"):
        check_encoding(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "latin-1", "utf-16", "gb18030", "shift_jis"])
def test_encodings_of_text_are_allowed(encoding):
    check_encoding(encoding)


def test_an_encoding_without_offsets_still_gives_a_corpus_error():
    with pytest.raises(CorpusError, match="is not idna"):
        decode_text(b"xn--\xff", "idna", "a")


BLOCKS = st.integers(1, 7)


@given(
    text=st.text(alphabet="aé漢\n😀", max_size=40),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-32-le", "gb18030", "utf-7", "utf-8-sig"]),
    block=BLOCKS,
)
def test_text_is_the_same_however_the_bytes_come(text, encoding, block):
    data = text.encode(encoding)
    assert decode_text(data, encoding, "a", block) == decode_text(data, encoding, "a")


@given(
    before=st.text(alphabet="aé漢\n😀", max_size=20),
    wrong=st.sampled_from([b"\xff", b"\xe9 ", b"\xe6\xbc", b"\x80"]),
    after=st.text(alphabet="aé\n", max_size=20),
    block=BLOCKS,
)
def test_the_first_wrong_byte_is_named_wherever_blocks_end(before, wrong, after, block):
    data = before.encode() + wrong + after.encode()
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        first = error.start
    with pytest.raises(CorpusError) as caught:
        decode_text(data, "utf-8", "a", block)
    assert f"offset {first}" in caught.value.problem
    if "line" in caught.value.problem:
        assert f"(line {data[:first].count(10) + 1})" in caught.value.problem


@pytest.mark.parametrize("encoding", ["shift_jis", "euc_jp", "gb18030", "big5", "cp1252", "utf-16"])
def test_other_codecs_name_the_offset_too(encoding):
    good = "ab\n" * 5
    data = good.encode(encoding) + (b"\x00\xdc" if encoding == "utf-16" else b"\x81")
    with pytest.raises(UnicodeDecodeError) as caught:
        data.decode(encoding)
    for block in (1, 3, 1000):
        with pytest.raises(Undecodable, match=f"offset {caught.value.start}"):
            decode_text(data, encoding, "a", block)


def test_the_guess_is_made_from_the_lines_around_the_wrong_byte():
    text = "only letters of English here\n" * 30_000
    data = text.encode() + "où est le café ?\n".encode("cp1252") + text.encode()
    with pytest.raises(Undecodable) as caught:
        decode_text(data, "utf-8", "a", 1 << 16)
    sample = caught.value.sample
    assert len(sample) <= 1 << 17
    assert sample.startswith(b"only")
    assert sample.endswith(b"here\n")
    assert caught.value.guess == "cp1252"


def test_a_mark_alone_is_no_text():
    assert decode_text(b"\xef\xbb\xbf", "utf-8", "a", 1)[0] == ""


def test_nuls_are_counted_over_the_whole_file():
    data = b"\0" * 20 + b"x" * 3000
    assert decode_text(data, "utf-8", "a", 100)[0] == "x" * 3000
    with pytest.raises(CorpusError, match="binary"):
        decode_text(data[:1000], "utf-8", "a", 100)


def test_undecodable_bytes_among_nuls_are_binary_first():
    with pytest.raises(CorpusError, match="binary"):
        decode_text(b"ab\0\0\xff", "utf-8", "a")


def test_random_bytes_are_no_text_in_another_encoding():
    for seed in range(20):
        for size in (200, 3000):
            noise = random.Random(seed).randbytes(size).replace(b"\0", b"")
            with pytest.raises(CorpusError, match="control characters") as caught:
                decode_text(noise, "utf-8", "a")
            assert not isinstance(caught.value, Undecodable)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "un café à l'été\f\r\n"),
        ("koi8-r", "вечер на мосту\n"),
        ("cp866", "вечер на мосту\n\x1a"),
        ("gb18030", "河流穿过村庄\n"),
        ("shift_jis", "川は村を流れる\n"),
        ("big5", "河流穿過村莊\n"),
        ("euc-kr", "강은 마을을 지난다\n"),
    ],
)
def test_text_in_another_encoding_is_not_binary(encoding, text):
    for times in (1, 200):
        with pytest.raises(Undecodable):
            decode_text((text * times).encode(encoding), "utf-8", "a")
