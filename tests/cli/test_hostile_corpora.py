"""Whatever a corpus may be: text that is used and said to be odd, or three lines and exit 3."""

import bz2
import codecs
import gzip
import io
import json
import os
import socket
import threading
import zipfile

import pytest
from cli.commands import TINY, run_lines
from cli.test_bad_input import assert_told

PROSE = "The miller went to the river. The river was low, and the wheel stood still.\n"
FRENCH = "L'été dernier, à Besançon, nous étions très heureux d'être là.\n"
OWN = {"lines.json", "results.json", "stdout", "stderr", "cache"}


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, PROSE)
    return buffer.getvalue()


FILES = {
    "good.txt": PROSE.encode() * 20,
    "empty.txt": b"",
    "blank.txt": b" \n\t\r\n\xc2\xa0\n",
    "latin.txt": FRENCH.encode("cp1252"),
    "late.txt": PROSE.encode() * 30_000 + b"caf\xe9\n",
    "cut.txt": "Grüße".encode()[:-2],
    "utf16.txt": PROSE.encode("utf-16"),
    "utf16-le.txt": PROSE.encode("utf-16-le"),
    "utf16-be.txt": PROSE.encode("utf-16-be"),
    "utf32.txt": PROSE.encode("utf-32"),
    "noise.txt": bytes(range(256)) * 20,
    "nuls.txt": PROSE.encode() + b"\0" * 40,
    "zip.txt": zipped("a.txt"),
    "word.txt": zipped("word/document.xml"),
    "pdf.txt": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "packed-zip.txt": gzip.compress(zipped("a.txt")),
    "packed-pdf.txt.gz": gzip.compress(b"%PDF-1.7\n"),
    "twice.gz": gzip.compress(gzip.compress(PROSE.encode())),
    "cut.gz": gzip.compress(PROSE.encode())[:-8],
    "bzip2.txt": bz2.compress(PROSE.encode()),
    "table.csv": b"id,body\n1,one\n",
    "titles.csv": b"title,body\none,two words\n",
    "titles.jsonl": b'{"title": "one", "body": "two words"}\n',
    "broken.jsonl": b'{"body": "one"}\n{"body": \n',
    "numbers.jsonl": b'{"body": 1}\n',
    "ragged.csv": b"id,body\n1,one,two\n",
    # What is used.
    "marked.txt": codecs.BOM_UTF8 + PROSE.encode() * 20,
    "few-nuls.txt": PROSE.encode() * 20 + b"\0",
    "crlf.txt": PROSE.replace("\n", "\r\n").encode() * 10 + PROSE.replace("\n", "\r").encode() * 10,
    "packed.txt": gzip.compress(PROSE.encode() * 20),
    "special.txt": b"<PAD> <UNK> <START> <END> and <|endoftext|> are words here.\n" * 40,
    "surrogate.jsonl": b'{"body": "high \\ud800 and low \\udc00 alone"}\n' * 20,
    "unusual.txt": "\u202e\u0301\u0301 \U0010ffff\ufeff\x1b[2J\u2028\u0085 😀👨‍👩‍👧 ﷺ\n".encode()
    * 20,
    "million.txt": b"a" * 1_000_000,
}
COLUMN = ["--set", "corpus.column=body"]
REFUSED = {
    "missing": (["gone.txt"], ["gone.txt"]),
    "no name": ([""], ["''"]),
    "folder without text": (["pictures"], ["pictures", "none of its 1 file is text"]),
    "folder without files": (["hollow"], ["hollow"]),
    "device": (["/dev/null"], ["/dev/null is a device"]),
    "socket": (["socket"], ["socket is a socket"]),
    "empty": (["empty.txt"], ["empty.txt is empty"]),
    "blank": (["blank.txt"], ["blank.txt holds only whitespace"]),
    "all empty": (["empty.txt", "blank.txt"], ["The corpus is empty"]),
    "another encoding": (
        ["latin.txt"],
        ["byte 0xE9 at offset 2 (line 1)", "looks like cp1252", "--set corpus.encoding=cp1252"],
    ),
    "a bad byte late": (["late.txt"], ["(line 30001)", "cp1252"]),
    "cut in a character": (["cut.txt"], ["ends inside a character, at offset 4"]),
    "utf-16": (["utf16.txt"], ["UTF-16", "--set corpus.encoding=utf-16"]),
    "utf-16-le": (["utf16-le.txt"], ["UTF-16 without", "--set corpus.encoding=utf-16-le"]),
    "utf-16-be": (["utf16-be.txt"], ["UTF-16 without", "--set corpus.encoding=utf-16-be"]),
    "utf-32": (["utf32.txt"], ["UTF-32", "--set corpus.encoding=utf-32"]),
    "noise": (["noise.txt"], ["noise.txt is not utf-8", "looks binary"]),
    "noise, auto": (["noise.txt", "--set", "corpus.encoding=auto"], ["noise.txt", "looks binary"]),
    "nuls": (["nuls.txt"], ["nuls.txt is binary", "NUL"]),
    "zip": (["zip.txt"], ["a zip archive", "unzip"]),
    "word": (["word.txt"], ["a Word document"]),
    "pdf": (["pdf.txt"], ["a PDF", "pdftotext"]),
    "zip in gzip": (["packed-zip.txt"], ["packed-zip.txt, unpacked, is a zip archive"]),
    "pdf in gzip": (["packed-pdf.txt.gz"], ["unpacked, is a PDF"]),
    "gzip in gzip": (["twice.gz"], ["unpacked, is compressed with gzip"]),
    "cut gzip": (["cut.gz"], ["damaged or cut off"]),
    "bzip2": (["bzip2.txt"], ["compressed with bzip2"]),
    "mixed encodings": (
        ["good.txt", "latin.txt", "utf16.txt", "late.txt"],
        ["3 of 4 files", "latin.txt (looks like cp1252)", "utf16.txt (looks like utf-16)", "auto"],
    ),
    "one odd file": (["good.txt", "latin.txt"], ["latin.txt", "cp1252", "corpus.encoding=auto"]),
    "a table": (["titles.csv"], ["Its columns: body, title.", "--set corpus.column=body"]),
    "json lines": (["titles.jsonl"], ["Its columns: body, title.", "--set corpus.column=body"]),
    "no such column": (["table.csv", "--set", "corpus.column=text"], ["no column 'text'", "body"]),
    "broken json": (["broken.jsonl", *COLUMN], ["broken.jsonl, line 2 is not JSON"]),
    "not a text": (["numbers.jsonl", *COLUMN], ["'body' is a number, not text, in 1 of 1 record"]),
    "a ragged table": (["ragged.csv", *COLUMN], ["line 2 has 3 fields"]),
}
USED = {
    "marked": (["marked.txt"], ["dropped the byte order mark"]),
    "a few nuls": (["few-nuls.txt"], ["dropped 1 NUL character"]),
    "crlf kept": (["crlf.txt"], []),
    "crlf folded": (["crlf.txt", "--set", "corpus.newlines=fold"], ["20 line ends"]),
    "packed": (["packed.txt"], []),
    "empty among others": (["empty.txt", "good.txt"], ["Skipped empty.txt: empty."]),
    "a loop of links": (["loop"], ["already in the corpus"]),
    "special tokens": (["special.txt"], []),
    "surrogates": (["surrogate.jsonl", *COLUMN], ["40 lone surrogates replaced"]),
    "unusual": (["unusual.txt", "--set", "corpus.unicode=NFKC"], []),
    "a million letters": (["million.txt"], []),
    "a million letters, cleaned": (
        ["million.txt", "--set", "corpus.spaces=collapse", "--set", "corpus.letter_case=truecase"],
        [],
    ),
    "auto": (["latin.txt", "--set", "corpus.encoding=auto"], ["Read as cp1252, which is a guess"]),
    "named": (["latin.txt", "--set", "corpus.encoding=cp1252"], []),
    "every step": (
        [
            *("crlf.txt", "--set", "corpus.repair=ftfy", "--set", "corpus.punctuation=drop"),
            *("--set", "corpus.unicode=NFC", "--set", "corpus.letter_case=lower"),
        ],
        ["Punctuation:", "Letter case:"],
    ),
    "a table's column": (["table.csv", *COLUMN], []),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
    (folder / "pictures").mkdir()
    (folder / "pictures" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "hollow").mkdir()
    (folder / "loop").mkdir()
    (folder / "loop" / "a.txt").write_text(PROSE)
    (folder / "loop" / "again").symlink_to(folder / "loop", target_is_directory=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(folder / "socket"))
        yield folder


def entries(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")} - OWN


@pytest.fixture(scope="module")
def results(folder):
    """Each corpus that is refused, by `run`, and each that is used, by `analyze`."""
    lines = {name: ["run", *arguments] for name, (arguments, _) in REFUSED.items()}
    lines |= {name: ["analyze", *arguments, "--json"] for name, (arguments, _) in USED.items()}
    before = entries(folder)
    found = run_lines(list(lines.values()), folder)
    assert entries(folder) == before  # nothing is written for a corpus that cannot be used
    return dict(zip(lines, found, strict=True))


@pytest.mark.parametrize("name", REFUSED)
def test_a_corpus_that_cannot_be_used_is_told_in_three_lines(name, results):
    assert_told(results[name], 3, *REFUSED[name][1])
    assert results[name].stdout == ""


@pytest.mark.parametrize("name", USED)
def test_a_corpus_that_is_odd_is_used_and_the_oddity_said(name, results):
    result = results[name]
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["characters"] > 0
    for word in USED[name][1]:
        assert word in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_told(folder, textgen_command):
    path = folder / "secret.txt"
    path.write_text(PROSE)
    path.chmod(0)
    assert_told(textgen_command("run", path), 3, "secret.txt cannot be read")


# ---- whole runs ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def runs(folder):
    """Whole runs of corpora that are odd, and one of a pipe, which nobody writes into again."""
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    text = PROSE.encode() * 20
    (folder / "more.txt").write_bytes(text + b"more")
    small = ["--tokenizer", "bpe:vocabulary_size=5,units=characters", *TINY[:2], *TINY[4:]]
    odd = ["--prompt", "a\udcffb"]
    lines = {
        "pipe": ["run", "pipe", *TINY, "--out", "piped"],
        "special tokens, odd prompt": ["run", "special.txt", *TINY, *odd, "--out", "special"],
        "resumed without the pipe": ["resume", "piped", "--epochs", "1"],
        "small vocabulary": ["run", "good.txt", *small, "--out", "small"],
        "resumed with another text": ["resume", "piped", "--epochs", "1", "--corpus", "more.txt"],
        "surrogates": ["run", "surrogate.jsonl", *COLUMN, *TINY, "--out", "surrogates"],
        "odd prompt again": ["generate", "special", *odd],
    }
    threading.Thread(target=pipe.write_bytes, args=(text,), daemon=True).start()
    return dict(zip(lines, run_lines(list(lines.values()), folder), strict=True))


@pytest.mark.parametrize(
    "name",
    [
        *("pipe", "resumed without the pipe", "special tokens, odd prompt"),
        *("small vocabulary", "surrogates", "odd prompt again"),
    ],
)
def test_an_odd_text_can_be_trained_on_and_written_with(name, runs):
    assert runs[name].returncode == 0, runs[name].stderr
    assert "Traceback" not in runs[name].stderr


def test_the_text_of_a_pipe_is_kept_and_the_run_held_to_it(runs, folder):
    manifest = json.loads((folder / "piped" / "manifest.json").read_text(encoding="utf-8"))
    [file] = manifest["corpus"]
    assert file["path"] == "a pipe"
    assert file["bytes"] == len(PROSE) * 20
    assert_told(runs["resumed with another text"], 4, "more.txt is not the text that", "SHA-256")
