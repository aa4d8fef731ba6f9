"""Which programs of a run are kept in memory."""

from __future__ import annotations

from types import SimpleNamespace

from generation.letter_tokenizer import build_tokenizer

from textgen_core.data.reader import Reader
from textgen_core.generation.chain import Chain
from textgen_core.programs.library import MOST_SAMPLERS, Library
from textgen_samplers.no_repeat_ngram import NoRepeatNgramSampler


def test_of_any_number_of_samplers_those_used_last_are_kept(monkeypatch):
    reader = Reader(tokenizer=build_tokenizer(), context_length=16)
    library = Library(reader, None, str, None, lambda text: None)
    found = []

    def find(keys):
        found.append(keys)
        return SimpleNamespace(about={"capacity": None})

    monkeypatch.setattr(library, "_find", find)
    samplers = [NoRepeatNgramSampler(n=size) for size in range(1, MOST_SAMPLERS + 3)]
    links = Chain(samplers, ["no-repeat-ngram"] * len(samplers), reader.tokenizer).links
    for link in (links[0], *links[:-1], links[0], links[-1]):
        library.sampler(link, 1, 4096)
    assert len(found) == len(links) + 1  # the first one was let go of, and found again
    assert len(library._samplers) == MOST_SAMPLERS
    library.sampler(links[0], 1, 4096)
    assert len(found) == len(links) + 1
