from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import os
import random
import re
import sys
import threading
import tracemalloc
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus import documents as stored
from textgen_core.corpus import storage
from textgen_core.corpus.cleaning import recut
from textgen_core.corpus.cleaning.clean import clean_corpus
from textgen_core.corpus.reading import decode, one_file
from textgen_core.corpus.reading import source as sources
from textgen_core.corpus.reading.corpus import read_corpus
from textgen_core.corpus.reading.recognize import CONTROL_BYTES
from textgen_core.corpus.text import is_blank
from textgen_core.errors import ConfigurationError, CorpusError

DEFAULTS = CorpusSettings()


def give_stdin(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


def test_a_file_is_read_to_the_last_character(tmp_path):
    text = " Tab\there,\r\n“quotes” and 😀, no end of line"
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode())
    corpus = read_corpus([path], DEFAULTS)
    assert corpus.documents == (text,)
    assert corpus.notes == ()
    (source,) = corpus.files
    assert source.path == str(path)
    assert source.bytes == len(text.encode())
    assert source.sha256 == hashlib.sha256(text.encode()).hexdigest()


def test_files_are_documents_in_the_order_given(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    assert read_corpus([tmp_path / "b", tmp_path / "a"], DEFAULTS).documents == ("b", "a")


def test_borders_inside_a_file_make_documents(tmp_path):
    (tmp_path / "a").write_text("one\ntwo\n")
    corpus = read_corpus([tmp_path / "a"], CorpusSettings(documents="record"))
    assert corpus.documents == ("one", "two")
    assert len(corpus.files) == 1


def test_no_paths_are_the_builtin_corpus():
    corpus = read_corpus([], DEFAULTS)
    assert corpus.files[0].path == "python:pydoc_data.topics"


def test_a_single_string_is_one_path(tmp_path):
    (tmp_path / "a").write_text("x")
    assert read_corpus(str(tmp_path / "a"), DEFAULTS).documents == ("x",)


def test_standard_input_is_read_for_a_dash(monkeypatch):
    give_stdin(monkeypatch, "Grüße".encode())
    corpus = read_corpus(["-"], DEFAULTS)
    assert corpus.documents == ("Grüße",)
    assert corpus.files[0].path == "-"


def test_empty_standard_input_is_an_error(monkeypatch):
    give_stdin(monkeypatch, b"")
    with pytest.raises(CorpusError, match="standard input is empty"):
        read_corpus(["-"], DEFAULTS)


def test_a_missing_standard_input_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CorpusError, match="no standard input"):
        read_corpus(["-"], DEFAULTS)


def test_an_encoding_is_checked_even_where_no_file_needs_it():
    with pytest.raises(ConfigurationError):
        read_corpus([], CorpusSettings(encoding="no-such"))


def test_another_encoding_reads_its_files(tmp_path):
    (tmp_path / "a").write_bytes("café".encode("latin-1"))
    with pytest.raises(CorpusError, match="offset 3"):
        read_corpus([tmp_path / "a"], DEFAULTS)
    corpus = read_corpus([tmp_path / "a"], CorpusSettings(encoding="latin-1"))
    assert corpus.documents == ("café",)


@pytest.mark.parametrize(("data", "fault"), [(b"", "is empty"), (b" \n\t\n", "only whitespace")])
def test_a_lone_file_without_text_is_an_error(tmp_path, data, fault):
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(CorpusError, match=fault) as caught:
        read_corpus([tmp_path / "a.txt"], DEFAULTS)
    assert caught.value.exit_code == 3


def test_a_file_of_nothing_but_a_byte_order_mark_is_empty(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbf")
    with pytest.raises(CorpusError, match="is empty"):
        read_corpus([tmp_path / "a.txt"], DEFAULTS)


def test_among_others_a_file_without_text_is_skipped_with_a_note(tmp_path):
    for name, text in (("a", ""), ("b", " \n"), ("c", "text")):
        (tmp_path / name).write_text(text)
    corpus = read_corpus([tmp_path / name for name in "abc"], DEFAULTS)
    assert corpus.documents == ("text",)
    assert [file.path for file in corpus.files] == [str(tmp_path / "c")]
    assert corpus.notes == (
        f"Skipped {tmp_path / 'a'}: empty.",
        f"Skipped {tmp_path / 'b'}: only whitespace.",
    )


def test_only_files_without_text_are_an_error(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text("")
    with pytest.raises(CorpusError, match="The corpus is empty"):
        read_corpus([tmp_path / "a", tmp_path / "b"], DEFAULTS)


def test_a_folder_gives_its_text_and_skips_the_rest_with_a_note(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "list.text").write_text("also,text")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "noise.dat").write_bytes(b"\xff\xfe\xfd" * 9)
    corpus = read_corpus([tmp_path], DEFAULTS)
    assert corpus.documents == ("text", "also,text")
    assert corpus.notes == (
        f"Skipped {tmp_path / 'noise.dat'}, {tmp_path / 'photo.jpg'}: not text in utf-8.",
    )


def test_a_text_file_in_a_folder_that_cannot_be_read_is_no_small_matter(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    (tmp_path / "b.txt").write_bytes(b"caf\xe9")
    with pytest.raises(CorpusError, match=r"b\.txt is not utf-8"):
        read_corpus([tmp_path], DEFAULTS)


def test_a_folder_without_text_is_an_error(tmp_path):
    (tmp_path / "photo").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(CorpusError, match="none of its 1 file is text"):
        read_corpus([tmp_path], DEFAULTS)


def test_a_folder_whose_files_were_named_before_is_no_error(tmp_path):
    (tmp_path / "a.txt").write_text("text")
    corpus = read_corpus([tmp_path / "a.txt", tmp_path], DEFAULTS)
    assert corpus.documents == ("text",)
    assert corpus.notes == (f"Skipped {tmp_path / 'a.txt'}: already in the corpus.",)


def test_equal_bytes_under_two_names_are_used_twice_with_a_warning(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text("text")
    corpus = read_corpus([tmp_path / "a", tmp_path / "b"], DEFAULTS)
    assert corpus.documents == ("text", "text")
    assert "holds the same bytes as" in corpus.notes[0]


def test_what_was_dropped_from_a_file_is_said(tmp_path):
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbf" + b"text " * 50 + b"\0")
    corpus = read_corpus([tmp_path / "a"], DEFAULTS)
    assert corpus.documents == ("text " * 50,)
    assert len(corpus.notes) == 2


def test_a_compressed_file_called_txt_is_named_for_what_it_is(tmp_path):
    (tmp_path / "a.txt").write_bytes(bz2.compress(b"text"))
    with pytest.raises(CorpusError, match="compressed with bzip2") as caught:
        read_corpus([tmp_path / "a.txt"], DEFAULTS)
    assert "bunzip2" in caught.value.advice


# ---- encodings ---------------------------------------------------------------------------------

AUTO = CorpusSettings(encoding="auto")
FRENCH = "L'été dernier, à Besançon, nous étions très heureux d'être là.\n"


def write_mixed(folder: Path, names: str = "abcd") -> list[Path]:
    """Write four files in four encodings and return the paths of those that are named."""
    for name, encoding in (("a", "utf-8"), ("b", "cp1252"), ("c", "utf-16"), ("d", "utf-32-le")):
        (folder / f"{name}.txt").write_bytes((FRENCH + name).encode(encoding))
    return [folder / f"{name}.txt" for name in names]


def test_auto_reads_each_file_in_its_own_encoding_and_says_which_it_guessed(tmp_path):
    paths = write_mixed(tmp_path)
    corpus = read_corpus(paths, AUTO)
    assert corpus.documents == tuple(FRENCH + name for name in "abcd")
    assert corpus.notes == (
        f"Read as cp1252, which is a guess: {paths[1]}.",
        f"Read as utf-16, which is a guess: {paths[2]}.",
        f"Read as utf-32-le, which is a guess: {paths[3]}.",
    )
    for path, source in zip(paths, corpus.files, strict=True):
        assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert source.bytes == path.stat().st_size


def test_auto_says_nothing_of_utf8(tmp_path):
    (tmp_path / "a.txt").write_text(FRENCH, encoding="utf-8")
    assert read_corpus([tmp_path / "a.txt"], AUTO).notes == ()


def test_auto_tells_a_file_that_is_wrong_only_at_its_end_and_takes_it_once(tmp_path):
    text = "plain English\n" * 100_000 + FRENCH
    (tmp_path / "a.txt").write_bytes(text.encode("cp1252"))
    for chosen in (AUTO, CorpusSettings(encoding="auto", documents="record")):
        corpus = read_corpus([tmp_path / "a.txt"], chosen)
        joined = "" if chosen is AUTO else "\n"
        assert joined.join(corpus.documents).rstrip() == text.rstrip()


def test_auto_refuses_what_it_cannot_tell(tmp_path):
    noise = random.Random(1).randbytes(3000).translate(None, CONTROL_BYTES + b"\0")
    (tmp_path / "a.txt").write_bytes(noise)
    with pytest.raises(CorpusError, match="nor does it look like another encoding") as caught:
        read_corpus([tmp_path / "a.txt"], AUTO)
    assert "offset" in caught.value.problem
    assert len(str(caught.value).splitlines()) == 3


def test_auto_reads_standard_input_too(monkeypatch):
    data = FRENCH.encode("cp1252")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=Unseekable(data)))
    corpus = read_corpus(["-"], AUTO)
    assert corpus.documents == (FRENCH,)
    assert corpus.files[0].sha256 == hashlib.sha256(data).hexdigest()
    assert corpus.notes == ("Read as cp1252, which is a guess: standard input.",)


class Unseekable(io.BytesIO):
    def seekable(self) -> bool:
        return False

    def seek(self, *place) -> int:
        raise io.UnsupportedOperation("seek")


def test_files_of_mixed_encodings_are_named_in_one_error(tmp_path):
    with pytest.raises(CorpusError) as caught:
        read_corpus(write_mixed(tmp_path), DEFAULTS)
    assert caught.value.problem == (
        f"3 of 4 files are in another encoding: {tmp_path / 'b.txt'} (looks like cp1252), "
        f"{tmp_path / 'c.txt'} (looks like utf-16), {tmp_path / 'd.txt'} (looks like utf-32-le)."
    )
    assert caught.value.advice.endswith("--set corpus.encoding=auto")
    with pytest.raises(CorpusError, match="3 of 4 files"):
        read_corpus([tmp_path], DEFAULTS)


def test_one_odd_file_among_others_is_told_with_its_place(tmp_path):
    with pytest.raises(CorpusError) as caught:
        read_corpus(write_mixed(tmp_path, "ab"), DEFAULTS)
    assert str(caught.value).splitlines() == [
        f"{tmp_path / 'b.txt'} is not utf-8: byte 0xE9 at offset 2 (line 1).",
        "It looks like cp1252.",
        "Read each file in its own encoding: --set corpus.encoding=auto",
    ]


# ---- streams -----------------------------------------------------------------------------------


def feed(pipe: Path, data: bytes) -> threading.Thread:
    """Make a named pipe, and write `data` into it from another thread."""
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    return writer


@pytest.mark.parametrize("chosen", [DEFAULTS, AUTO], ids=["utf-8", "auto"])
def test_a_named_pipe_is_read_as_a_stream(tmp_path, chosen):
    data = FRENCH.encode() * 5000  # more than a pipe holds
    writer = feed(tmp_path / "pipe", data)
    corpus = read_corpus([tmp_path / "pipe"], chosen)
    writer.join()
    assert corpus.documents == (FRENCH * 5000,)
    assert corpus.files[0].sha256 == hashlib.sha256(data).hexdigest()
    assert corpus.notes == ()


def peak_of(read) -> int:
    """Return the most memory in bytes that Python objects took while `read` ran."""
    tracemalloc.start()
    try:
        read()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("line", ["x", "word ", "words\n", "é ", "\n", "\r\n ", "\x07"])
def test_a_text_of_any_size_and_shape_is_read_and_cleaned_in_little_memory(
    tmp_path, monkeypatch, line
):
    size = 1 << 14  # as if blocks and pieces were a sixty-fourth of a megabyte
    for module, name in (
        *((sources, "BLOCK"), (stored, "PIECE"), (recut, "PIECE"), (decode, "HEAD")),
        *((one_file, "HELD_SPACE"), (decode, "BEFORE"), (decode, "AFTER"), (storage, "BLOCK")),
    ):
        monkeypatch.setattr(module, name, size)
    monkeypatch.setattr(storage, "IN_MEMORY", size)
    path = tmp_path / "a.txt"
    path.write_text("begin " + line * (3_000_000 // len(line)) + " end", newline="")
    for borders in ("file", "blank-line"):
        chosen = CorpusSettings(
            documents=borders, spaces="collapse", letter_case="lower", unicode="NFC"
        )
        corpora = []
        read = partial(_read_and_clean, path, chosen, corpora)
        assert peak_of(read) < 60 * size
        assert len(corpora[0].documents) == 1 + (borders != "file" and line in "\n\r\n ")


def _read_and_clean(path, chosen, corpora):
    corpora.append(clean_corpus(read_corpus([path], chosen), chosen))


def test_a_compressed_text_is_unpacked_in_little_memory(tmp_path, monkeypatch):
    for module, name in ((sources, "BLOCK"), (storage, "IN_MEMORY")):
        monkeypatch.setattr(module, name, 1 << 16)
    for suffix, compress in PACKERS.items():
        path = tmp_path / f"a.{suffix}"
        path.write_bytes(compress(b"word " * 8_000_000))
        assert peak_of(lambda path=path: read_corpus([path], DEFAULTS)) < 12_000_000


def test_a_bad_byte_at_the_end_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    for module, name in ((storage, "IN_MEMORY"), (sources, "BLOCK"), (decode, "HEAD")):
        monkeypatch.setattr(module, name, 1 << 12)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_bytes(b"one\ntwo\n" * 20_000 + b"\xff")
    (folder / "b.txt").write_text("text")
    for borders in ("file", "record"):
        corpus = read_corpus([folder], CorpusSettings(documents=borders))
        assert corpus.documents == ("text",)
        assert corpus.notes == (f"Skipped {folder / 'a'}: not text in utf-8.",)
        with pytest.raises(CorpusError, match=r"offset 160000 \(line 40001\)"):
            read_corpus([folder / "a"], CorpusSettings(documents=borders))
    del corpus
    assert list((tmp_path / "cache").iterdir()) == []


# ---- compressed files --------------------------------------------------------------------------

PACKED = "Größe\n".encode() * 50
PACKERS = {"gz": gzip.compress, "zst": zstandard.compress}


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("name", ["book.txt", "book"])
def test_a_compressed_text_is_read_like_the_text_itself(tmp_path, suffix, name):
    packed = PACKERS[suffix](PACKED)
    path = tmp_path / f"{name}.{suffix}"
    path.write_bytes(packed)
    for wanted in (path, tmp_path):
        corpus = read_corpus([wanted], DEFAULTS)
        assert corpus.documents == (PACKED.decode(),)
        assert corpus.files[0].sha256 == hashlib.sha256(packed).hexdigest()
        assert corpus.files[0].bytes == len(packed)


@pytest.mark.parametrize("suffix", PACKERS)
def test_several_compressed_parts_in_one_file_are_one_text(tmp_path, suffix):
    path = tmp_path / f"a.txt.{suffix}"
    path.write_bytes(PACKERS[suffix](PACKED) + PACKERS[suffix](PACKED))
    assert read_corpus([path], DEFAULTS).documents == ((PACKED * 2).decode(),)


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:9] + b"~~~~~~~~~~"])
def test_a_damaged_compressed_file_is_an_error_even_in_a_folder(tmp_path, suffix, damage):
    (tmp_path / "b.txt").write_text("text")
    path = tmp_path / f"a.txt.{suffix}"
    path.write_bytes(damage(PACKERS[suffix](PACKED)))
    for wanted in (path, tmp_path):
        with pytest.raises(CorpusError, match="damaged or cut off"):
            read_corpus([wanted], DEFAULTS)


def test_a_compressed_archive_and_a_compressed_picture_are_no_text(tmp_path):
    for data, kind in ((b"\0" * 257 + b"ustar", "tar archive"), (b"\x89PNG\r\n", "PNG")):
        for name in ("a.gz", "a.txt"):
            (tmp_path / name).write_bytes(gzip.compress(data))
            with pytest.raises(CorpusError, match=f"{name}, unpacked, is a {kind}"):
                read_corpus([tmp_path / name], DEFAULTS)


def test_a_compressed_text_called_txt_is_read(tmp_path):
    (tmp_path / "a.txt").write_bytes(gzip.compress(b"text"))
    assert read_corpus([tmp_path / "a.txt"], DEFAULTS).documents == ("text",)


def test_zeros_may_follow_a_gzip_member_and_nothing_else(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one ") + b"\0" * 512 + gzip.compress(b"two") + b"\0")
    assert read_corpus([path], DEFAULTS).documents == ("one two",)
    path.write_bytes(gzip.compress(b"one") + b"more")
    with pytest.raises(CorpusError, match="damaged or cut off"):
        read_corpus([path], DEFAULTS)


def test_without_its_library_zstd_is_an_error_that_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    (tmp_path / "a.zst").write_bytes(zstandard.compress(PACKED))
    with pytest.raises(CorpusError, match="zstd") as caught:
        read_corpus([tmp_path / "a.zst"], DEFAULTS)
    assert "textgen-core[zstd]" in caught.value.advice


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_an_error(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("text")
    path.chmod(0)
    with pytest.raises(CorpusError, match="cannot be read"):
        read_corpus([path], DEFAULTS)


def test_a_file_that_fails_while_it_is_read_is_an_error(tmp_path):
    process_memory = Path("/proc/self/mem")  # a regular file that cannot be read from its start
    if not process_memory.exists():
        pytest.skip("needs /proc")
    with pytest.raises(CorpusError, match="/proc/self/mem cannot be read"):
        read_corpus([process_memory], DEFAULTS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.binary(max_size=400) | st.text("a \t\r\n\v\x01", max_size=40).map(str.encode),
    borders=st.sampled_from(["file", "blank-line", "record"]),
)
def test_any_file_is_text_or_a_corpus_error(tmp_path, data, borders):
    path = tmp_path / "any"
    path.write_bytes(data)
    try:
        corpus = read_corpus([path], CorpusSettings(documents=borders))
    except CorpusError as error:
        assert len(str(error).splitlines()) <= 3
    else:
        text = data.decode("utf-8").removeprefix("\ufeff").replace("\0", "")
        if borders == "file":
            assert list(corpus.documents) == [text]
        elif borders == "record":
            lines = re.split("\r\n|\r|\n", text)
            assert list(corpus.documents) == [line for line in lines if not is_blank(line)]
        else:  # blank lines alone are left out
            assert "\n".join(corpus.documents).split() == text.split()
