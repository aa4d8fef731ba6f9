"""All the text that a run reads: the corpus, and ready-made held-out texts where there are any."""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus.reading.corpus import read_corpus
from textgen_core.corpus.reading.documents import Corpus


@attrs.frozen(kw_only=True)
class Texts:
    """The corpus, and the ready-made validation and test texts; the latter may hold nothing."""

    corpus: Corpus
    ready_made: tuple[Corpus, Corpus] | None = None

    @property
    def files(self) -> list[dict[str, Any]]:
        """The files as a manifest records them: path, bytes and SHA-256 of each."""
        return [attrs.asdict(file) for corpus in self._corpora for file in corpus.files]

    @property
    def notes(self) -> tuple[str, ...]:
        """What reading has to say."""
        return tuple(note for corpus in self._corpora for note in corpus.notes)

    @property
    def _corpora(self) -> tuple[Corpus, ...]:
        return (self.corpus, *(self.ready_made or ()))


def read_texts(settings: CorpusSettings) -> Texts:
    """Read the texts that the settings name; raises CorpusError."""
    corpus = read_corpus(settings.files, settings)
    if settings.validation is None:
        return Texts(corpus=corpus)
    validation = read_corpus([settings.validation], settings)
    test = Corpus(documents=())
    if settings.test is not None:
        test = read_corpus([settings.test], settings)
    return Texts(corpus=corpus, ready_made=(validation, test))
