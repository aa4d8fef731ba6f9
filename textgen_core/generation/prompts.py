"""Prompts as they are fed: read through the one door for text, and cut where they are healed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from textgen_core.data.reader import Reader
from textgen_core.data.token_bytes import TokenBytes
from textgen_core.generation.guide import Guide, make_guide, weigh_paths
from textgen_core.generation.healing import CutPrompt, Node, cut_prompt, find_paths
from textgen_core.generation.runtime import Runtime
from textgen_core.generation.sample import Healing


@attrs.frozen(kw_only=True)
class Prompt:
    """A prompt: its text as the model meets it, and the paths through its end, if it is healed.

    notes: what cleaning changed; unknown: what of the tokens that are fed is `<UNK>`.
    """

    text: str
    cut: CutPrompt
    root: Node | None
    notes: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def tokens_written_again(self) -> int:
        """How many tokens at most are drawn before the first new one."""
        return max(len(node.path) + 1 for node in self.root.walk()) if self.root else 0


@attrs.frozen(kw_only=True)
class Prompts:
    """The prompts of a call in their order, and the guide that they share."""

    rows: tuple[Prompt, ...]
    guide: Guide

    @property
    def notes(self) -> tuple[str, ...]:
        """What cleaning changed, each sentence once."""
        return tuple(dict.fromkeys(note for row in self.rows for note in row.notes))

    @property
    def unknown(self) -> tuple[str, ...]:
        """What the tokenizer does not know, each part once."""
        return tuple(dict.fromkeys(part for row in self.rows for part in row.unknown))

    def part(self, start: int, stop: int) -> Prompts:
        """Return some of the prompts, with the same guide."""
        guide = attrs.evolve(self.guide, initial=self.guide.initial[start:stop])
        return Prompts(rows=self.rows[start:stop], guide=guide)

    def healing(self, row: int) -> Healing | None:
        """Return what follows a prompt while its end is written again."""
        prompt = self.rows[row]
        if prompt.root is None:
            return None
        return Healing(prompt.cut.tail, self.guide, self.guide.initial[row])


def read_prompts(texts: Sequence[str], runtime: Runtime, token_bytes: TokenBytes) -> Prompts:
    """Read prompts, each different one once."""
    distinct = {text: _read(text, runtime.reader, token_bytes) for text in dict.fromkeys(texts)}
    weigh_paths(runtime, list(_with_paths(distinct.values())))
    rows = tuple(distinct[text] for text in texts)
    return Prompts(rows=rows, guide=make_guide(token_bytes, [row.root for row in rows]))


def _read(text: str, reader: Reader, token_bytes: TokenBytes) -> Prompt:
    read = reader.read(text)
    cut = cut_prompt(read, token_bytes, knows_starts=reader.knows_starts)
    root = find_paths(cut, token_bytes) if cut.tail else None
    if root is None and cut.tail:
        cut = CutPrompt(token_ids=(*cut.token_ids, *cut.taken))
    unknown = read.unknown_before(len(cut.token_ids) - 1)
    return Prompt(text=read.text, cut=cut, root=root, notes=read.notes, unknown=unknown)


def _with_paths(prompts: Iterable[Prompt]) -> Iterable[tuple[CutPrompt, Node]]:
    return ((prompt.cut, prompt.root) for prompt in prompts if prompt.root is not None)
