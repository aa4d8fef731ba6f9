"""Files of any bytes: each is a text that can be analysed, or a CorpusError."""

from __future__ import annotations

import gzip

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from textgen_core.cli import app
from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.analysis.analyse import analyse_corpus
from textgen_core.corpus.cleaning.clean import clean_corpus
from textgen_core.corpus.reading.corpus import read_corpus
from textgen_core.errors import CorpusError

MARKS = (
    b"",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xff\xfe\0\0",
    b"\x1f\x8b",
    b"PK\x03\x04",
)
PARTS = (
    *(
        b"text of words. ",
        b"\n",
        b"\r\n",
        b"\r",
        b"\0",
        b",",
        b'"',
        b"\t",
        b'{"text": "a"}',
        b"\xe9",
    ),
    *("é漢😀".encode(), b"\xc3", b"\xff", b"{", b"\x0c", b"\xed\xa0\x80", b"text,id", b"\\ud800"),
)
DATA = st.builds(
    lambda mark, parts, packed: (
        gzip.compress(b"".join(parts), 1)[: packed or None]
        if packed is not None
        else mark + b"".join(parts)
    ),
    st.sampled_from(MARKS),
    st.lists(st.one_of(st.sampled_from(PARTS), st.binary(max_size=6)), max_size=12),
    st.none() | st.integers(0, 60),
)
NAMES = st.sampled_from(
    ["a.txt", "a", "a.json", "a.html", "a.csv", "a.tsv", "a.jsonl", "a.csv.gz", "a.ndjson"]
)
SETTINGS = st.builds(
    CorpusSettings,
    encoding=st.sampled_from(["utf-8", "utf-8", "utf-8", "auto", "cp1252", "utf-16"]),
    column=st.sampled_from([None, "text"]),
    documents=st.sampled_from(["file", "blank-line", "record"]),
)


CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=300, suppress_health_check=CHECKS)
@given(data=DATA, name=NAMES, chosen=SETTINGS)
def test_any_file_can_be_analysed_or_is_a_corpus_error(tmp_path, data, name, chosen):
    read_and_analyse(tmp_path / name, data, chosen)


@settings(max_examples=10_000, suppress_health_check=CHECKS)
@given(data=DATA, name=NAMES, chosen=SETTINGS)
def test_ten_thousand_files_can_be_analysed_or_are_corpus_errors(tmp_path, data, name, chosen):
    read_and_analyse(tmp_path / name, data, chosen)


def read_and_analyse(path, data, chosen):
    path.write_bytes(data)
    try:
        corpus = read_corpus([path], chosen)
        assert corpus.files[0].bytes == len(data)
        analysis = analyse_corpus(clean_corpus(corpus, chosen))
    except CorpusError as error:
        assert len(str(error).splitlines()) <= 3
    else:
        assert analysis.characters > 0


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=DATA, name=NAMES, chosen=SETTINGS)
def test_the_command_tells_any_file_or_its_fault(tmp_path, data, name, chosen):
    path = tmp_path / name
    path.write_bytes(data)
    wanted = attrs.asdict(chosen)
    given_settings = [
        part
        for key in ("encoding", "column", "documents")
        for part in ("--set", f"corpus.{key}={wanted[key] or 'none'}")
    ]
    result = CliRunner().invoke(app, ["analyze", str(path), *given_settings, "--json"])
    if result.exit_code:
        assert isinstance(result.exception, (CorpusError, SystemExit)), result.exception
