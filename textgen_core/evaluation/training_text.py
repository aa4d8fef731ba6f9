"""The training text as metrics read it: as often as they like, in pieces of bounded size.

This module knows nothing about what a metric looks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from textgen_core.corpus import iterate_pieces


@attrs.frozen
class TrainingText:
    """A view of documents, stored or not, that may be iterated again."""

    documents: Iterable[str]

    def __iter__(self) -> Iterator[str]:
        for text, _ in self.pieces():
            yield text

    def pieces(self) -> Iterator[tuple[str, bool]]:
        """Yield pieces that end at a space where there is one, and whether each ends its document.

        Joined, the pieces of a document are the document.
        """
        rest = ""
        for text, ends_document in iterate_pieces(self.documents):
            text = rest + text
            if ends_document:
                yield text, True
                rest = ""
                continue
            cut = _last_space(text) + 1 or len(text)
            yield text[:cut], False
            rest = text[cut:]


def _last_space(text: str) -> int:
    """Return where the last space or line end is, or -1."""
    return max(text.rfind(" "), text.rfind("\n"))
