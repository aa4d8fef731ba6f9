"""Passages of held-out text: what a model is to go on from, and how the text really goes on.

Half of them are for choosing samplers, and the other half for checking what was chosen.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import attrs
import numpy as np

from textgen_core.errors import CorpusError

PAGE = 4  # passages that are measured together
PAGES = 10  # for each half, if the text is long enough
_LONGEST, _SHORTEST = 480, 120  # characters of a passage, its prompt included
_OF_PROMPT = 6  # every sixth character is its prompt's
_NEAR = 20  # characters, within which a word begins
_FEWEST = 3  # pages of a half
_MOST = 400  # passages

Page = Sequence["Passage"]


@attrs.frozen(kw_only=True)
class Passage:
    """A passage: prompts, each an empty one where a document begins, and what really follows.

    Several documents that are short are one passage, joined by line ends.
    """

    prompts: tuple[str, ...]
    real: str

    def join(self, written: Sequence[str]) -> str:
        """Return what was written after the prompts as one text, no longer than the real one."""
        return "\n".join(written)[: len(self.real)]


@attrs.frozen(kw_only=True)
class Passages:
    """Pages to choose samplers by, and others to check them by; neighbours are on both sides."""

    tuning: Sequence[Page]
    checking: Sequence[Page]

    @property
    def longest(self) -> int:
        """The characters of the longest text that one prompt is to be followed by."""
        pages = (*self.tuning, *self.checking)
        return max(-(-len(each.real) // len(each.prompts)) for page in pages for each in page)


def cut_passages(documents: Sequence[str]) -> Passages:
    """Return passages from all over held-out documents; raises CorpusError if there are too few."""
    texts = [text for text in documents if text.strip()]
    total = sum(map(len, texts))
    wanted = 2 * PAGE * PAGES
    size = min(max(total // wanted - _NEAR, _SHORTEST), _LONGEST)
    needed = size + _NEAR
    long_enough = [text for text in texts if len(text) >= needed]
    if 2 * sum(map(len, long_enough)) >= total:
        found = [passage for text in long_enough for passage in _cut(text, size)]
    else:
        found = _join(texts, size)
    if len(found) > _MOST:
        found = [found[at] for at in np.linspace(0, len(found) - 1, _MOST).astype(int)]
    if len(found) < 2 * PAGE * _FEWEST:
        least = 2 * PAGE * _FEWEST * (_SHORTEST + _NEAR)
        raise CorpusError(
            f"The held-out text is too short to choose samplers by: {total:,} characters.",
            f"Allowed: {least:,} characters or more.",
            "Name a longer one that the run was not trained on: --text FILE",
        )
    return Passages(tuning=_pages(found[::2]), checking=_pages(found[1::2]))


def _cut(text: str, size: int) -> list[Passage]:
    """Return the passages of a long text; each begins with a word, if one is near."""
    found, start = [], 0
    while start + size + _NEAR <= len(text):
        begin = next(
            (at + 1 for at in range(start, start + _NEAR) if text[at].isspace()),
            start,
        )
        prompt = text[begin : begin + size // _OF_PROMPT].rstrip()
        follows = begin + len(prompt)
        found.append(Passage(prompts=(prompt,), real=text[follows : begin + size]))
        start = begin + size
    return found


def _join(texts: Sequence[str], size: int) -> list[Passage]:
    """Return passages of whole documents, of as many as come to the size on average."""
    several = max(1, round(size / max(1.0, statistics.fmean(map(len, texts)))))
    groups = [texts[at : at + several] for at in range(0, len(texts) - several + 1, several)]
    return [Passage(prompts=("",) * several, real="\n".join(group)) for group in groups]


def _pages(passages: Sequence[Passage]) -> list[Page]:
    """Return pages, each of passages from all over the text."""
    count = len(passages) // PAGE
    return [passages[at : count * PAGE : count] for at in range(count)]
