"""The corpus for those who bring none: the language reference that comes with Python itself.

The text is that of `pydoc_data.topics`, so it differs a little between Python versions; a run that
was trained on it therefore keeps it.

About 20 topics (`if`, `try`, `sequence-types` ...) are copies of sections of longer ones
(`compound`, `types` ...). They are left out: otherwise an eighth of the held-out text would stand
in the training text word for word, and its loss would look better than it is. The other topics
are joined in the order of their names into one text, since they are chapters of one book.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from importlib import import_module

from textgen_core.corpus.documents import Corpus, DocumentWriter, SourceFile
from textgen_core.corpus.reading.one_file import Borders, split_documents
from textgen_core.errors import CorpusError

BUILTIN_PATH = "python:pydoc_data.topics"
PARAGRAPH_END = re.compile(r"\n\s*\n")
COPIED_SHARE = 0.5  # true copies have at least 0.78 of their text in a longer topic, others little


def builtin_corpus(borders: Borders, text: str | None = None) -> Corpus:
    """Return the built-in corpus as one file; CorpusError if Python came without it.

    text: what it was in another version of Python.
    """
    note = "No corpus was given: this is the built-in one"
    if text is None:
        topics = _topics()
        names = original_topics(topics)
        text = _join(topics, names)
        left_out = len(topics) - len(names)
        note += (
            f", {len(names)} topics of Python's own documentation ({left_out} that repeat others "
            "are left out); it differs between Python versions, and the run keeps it"
        )
    data = text.encode("utf-8")
    source = SourceFile(path=BUILTIN_PATH, bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    writer = DocumentWriter()
    for piece, ends_document in split_documents([text], borders):
        writer.add(piece, ends_document=ends_document)
    return Corpus(documents=writer.documents(), files=(source,), notes=(f"{note}.",))


def builtin_text() -> str:
    """Return the text of the built-in corpus; CorpusError if Python came without it."""
    topics = _topics()
    return _join(topics, original_topics(topics))


def original_topics(topics: Mapping[str, str]) -> list[str]:
    """Return, in order, the names of the topics that do not mostly repeat longer ones."""
    seen: set[str] = set()
    kept = []
    for name in sorted(topics, key=lambda name: (-len(topics[name]), name)):
        paragraphs = [" ".join(part.split()) for part in PARAGRAPH_END.split(topics[name])]
        copied = sum(len(part) for part in paragraphs if part in seen)
        if copied <= COPIED_SHARE * sum(map(len, paragraphs)):
            kept.append(name)
            seen.update(paragraphs)
    return sorted(kept)


def _join(topics: Mapping[str, str], names: Iterable[str]) -> str:
    return "\n".join(topics[name] for name in names)


def _topics() -> Mapping[str, str]:
    try:
        topics: Mapping[str, str] = import_module("pydoc_data.topics").topics
    except ImportError as error:
        raise CorpusError(
            "This Python comes without pydoc_data.topics, the built-in corpus.",
            "Allowed: text files, folders of them, or - for standard input.",
            "Name a text file: textgen run FILE",
        ) from error
    return topics
