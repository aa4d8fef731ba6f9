"""Hides what a model copied from its training text, for pages that may not quote the corpus.

A model's own text may stand on such a page; a passage that it learnt by heart is a quotation. Only
passages that the evaluation marked are known. This module knows nothing about HTML.
"""

from __future__ import annotations

import itertools

import attrs

from textgen_core.report.records import Records

MASKED = "[copied]"
_SHORTEST = 8  # characters: less is no passage, and would be found in every text


@attrs.frozen(kw_only=True)
class Mask:
    """What may not be shown: `passages`, the longest first; without any, texts stay as they are."""

    passages: tuple[str, ...] = ()

    def hide(self, text: str) -> str:
        """Return a text with every passage in it replaced."""
        for passage in self.passages:
            text = text.replace(passage, MASKED)
        return text


NOTHING_MASKED = Mask()


def build_mask(records: Records, *, excerpts: bool) -> Mask:
    """Return what to hide: nothing, or without `excerpts` every passage marked as copied."""
    if excerpts or records.evaluation is None:
        return NOTHING_MASKED
    found: set[str] = set()
    for written in records.evaluation.tables("written"):
        pieces = written.pieces("pieces")
        for copied, run in itertools.groupby(pieces, key=lambda piece: piece[2]):
            passage = "".join(text for text, _, _ in run).strip()
            if copied and len(passage) >= _SHORTEST:
                found.add(passage)
    return Mask(passages=tuple(sorted(found, key=lambda passage: (-len(passage), passage))))
