"""Reads, cleans, analyses and splits the text of a run. Knows nothing about tokens or models."""

from textgen_core.corpus.analysis.advice import advise_on
from textgen_core.corpus.analysis.analyse import Analysis, analyse_corpus
from textgen_core.corpus.cleaning.clean import clean_corpus
from textgen_core.corpus.overlap import Overlap, measure_overlap, tell_overlap
from textgen_core.corpus.reading.builtin import BUILTIN_PATH, builtin_corpus
from textgen_core.corpus.reading.corpus import read_corpus
from textgen_core.corpus.reading.documents import Corpus, SourceFile
from textgen_core.corpus.reading.texts import Texts, read_texts
from textgen_core.corpus.split import Splits, split_corpus

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
