"""Reads, cleans and splits the text of a run; what needs numpy is in `analysis` and `overlap`.

From the ground up: text, storage, documents, reading, cleaning, analysis, then split and overlap.
What is named here is imported on use: writing a text needs little of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textgen_core.corpus.cleaning.clean import clean_corpus
    from textgen_core.corpus.documents import (
        Corpus,
        Progress,
        SourceFile,
        StoredDocuments,
        count_all_characters,
        iterate_pieces,
    )
    from textgen_core.corpus.reading.builtin import BUILTIN_PATH, builtin_corpus
    from textgen_core.corpus.reading.corpus import Texts, read_corpus, read_texts
    from textgen_core.corpus.reading.kept import is_read_once, is_stdin, keep_streams
    from textgen_core.corpus.split import Splits, split_corpus

__all__ = [
    "BUILTIN_PATH",
    "Corpus",
    "Progress",
    "SourceFile",
    "Splits",
    "StoredDocuments",
    "Texts",
    "builtin_corpus",
    "clean_corpus",
    "count_all_characters",
    "is_read_once",
    "is_stdin",
    "iterate_pieces",
    "keep_streams",
    "read_corpus",
    "read_texts",
    "split_corpus",
]
_MODULES = {
    "cleaning.clean": ("clean_corpus",),
    "documents": (
        *("Corpus", "Progress", "SourceFile", "StoredDocuments"),
        *("count_all_characters", "iterate_pieces"),
    ),
    "reading.builtin": ("BUILTIN_PATH", "builtin_corpus"),
    "reading.corpus": ("Texts", "read_corpus", "read_texts"),
    "reading.kept": ("is_read_once", "is_stdin", "keep_streams"),
    "split": ("Splits", "split_corpus"),
}


def __getattr__(name: str) -> Any:
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
