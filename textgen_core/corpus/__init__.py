"""Reads, cleans, analyses and splits the text of a run. Knows nothing about tokens or models."""

from textgen_core.corpus.advice import advise_on
from textgen_core.corpus.analyse import Analysis, analyse_corpus
from textgen_core.corpus.builtin import BUILTIN_PATH, builtin_corpus
from textgen_core.corpus.clean import clean_corpus
from textgen_core.corpus.documents import Corpus, SourceFile
from textgen_core.corpus.overlap import Overlap, measure_overlap, tell_overlap
from textgen_core.corpus.read import read_corpus
from textgen_core.corpus.split import Splits, split_corpus
from textgen_core.corpus.texts import Texts, read_texts

__all__ = [
    "BUILTIN_PATH",
    "Analysis",
    "Corpus",
    "Overlap",
    "SourceFile",
    "Splits",
    "Texts",
    "advise_on",
    "analyse_corpus",
    "builtin_corpus",
    "clean_corpus",
    "measure_overlap",
    "read_corpus",
    "read_texts",
    "split_corpus",
    "tell_overlap",
]
