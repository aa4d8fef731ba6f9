"""Hides what a model memorized of its training text, for pages that may not quote the corpus.

A model's own text may be on such a page; a memorized passage is a quotation. Only passages that the
evaluation marked are known.
"""

from __future__ import annotations

import itertools

import attrs

from textgen_core.report.records import Records

MASKED = "[memorized]"
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
    """Return what to hide: nothing, or without `excerpts` every passage marked as memorized."""
    if excerpts or records.evaluation is None:
        return NOTHING_MASKED
    found: set[str] = set()
    for written in records.evaluation.tables("written"):
        tokens = written.rows("pieces", str, float, bool)
        for is_memorized, span in itertools.groupby(tokens, key=lambda token: token[2]):
            passage = "".join(text for text, _, _ in span).strip()
            if is_memorized and len(passage) >= _SHORTEST:
                found.add(passage)
    return Mask(passages=tuple(sorted(found, key=lambda passage: (-len(passage), passage))))
