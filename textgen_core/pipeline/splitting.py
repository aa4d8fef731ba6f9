"""The splits of a run's texts, cleaned, without a model: what is read again needs no TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import Splits, Texts, clean_corpus, split_corpus

PhaseProgress = Callable[[str, int, int], None]  # what is done; characters done, and in all


def split_texts(
    texts: Texts, configuration: Configuration, progress: PhaseProgress = lambda *_: None
) -> tuple[Splits, tuple[str, ...]]:
    """Clean and split the texts; return the splits and what cleaning changed."""
    settings = configuration.corpus
    corpus = clean_corpus(texts.corpus, settings, partial(progress, "cleaning"))
    ready_made = None
    if texts.ready_made is not None:
        validation, test = texts.ready_made
        cleaned = clean_corpus(test, settings) if test.documents else test
        ready_made = (clean_corpus(validation, settings), cleaned)
    splits = split_corpus(corpus, settings, ready_made)
    return splits, (*corpus.notes[len(texts.corpus.notes) :], *splits.notes)
