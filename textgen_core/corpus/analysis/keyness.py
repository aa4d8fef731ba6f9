"""The words that mark a text: those that it uses more often than a plain reference does.

The score is the log-likelihood ratio of one word's two frequencies (Dunning 1993, as Rayson and
Garside 2000 use it to compare corpora).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from textgen_core.corpus.analysis.vocabulary import shown

LEAST = 3  # occurrences of a word that can mark a text


class DomainWord(NamedTuple):
    """A word, how often it occurs, per million words here and in the reference, and its score."""

    word: str
    occurrences: int
    per_million: float
    per_million_in_reference: float
    score: float


def find_domain_words(
    counts: Mapping[str, int],
    tokens: int,
    reference: Mapping[str, int],
    reference_tokens: int,
    most: int,
) -> tuple[DomainWord, ...]:
    """Return the `most` words of highest score that are more frequent here, the highest first.

    Words without a letter mark nothing. A score of 15.13 is significant at p < 0.0001.
    """
    if not tokens or not reference_tokens:
        return ()
    words = [
        word for word, count in counts.items() if count >= LEAST and any(map(str.isalpha, word))
    ]
    here = np.array([counts[word] for word in words], np.float64)
    there = np.array([reference.get(word, 0) for word in words], np.float64)
    scores = log_likelihood(here, tokens, there, reference_tokens)
    scores[here / tokens <= there / reference_tokens] = 0
    best = [place for place in np.argsort(-scores, kind="stable")[:most] if scores[place] > 0]
    return tuple(
        DomainWord(
            word=shown(words[place]),
            occurrences=int(here[place]),
            per_million=round(float(here[place]) / tokens * 1e6, 1),
            per_million_in_reference=round(float(there[place]) / reference_tokens * 1e6, 1),
            score=round(float(scores[place]), 1),
        )
        for place in best
    )


def log_likelihood(
    here: np.ndarray, tokens: int, there: np.ndarray, reference_tokens: int
) -> np.ndarray:
    """Return G² of each word: twice the sum of observed times log(observed / expected).

    here, there: float64 `(words,)`, occurrences in each text.
    """
    together = (here + there) / (tokens + reference_tokens)
    score = np.zeros(len(here))
    for observed, size in ((here, tokens), (there, reference_tokens)):
        seen = observed > 0
        score[seen] += observed[seen] * np.log(observed[seen] / (together[seen] * size))
    return 2 * score
