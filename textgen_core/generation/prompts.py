"""Prompts as they are fed: read through the one door for text, and cut where they are healed.

Token ids are fed as they are given, after <START>: nothing is healed.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence

import attrs
import numpy as np

from textgen_core.data.reader import Reader
from textgen_core.data.token_bytes import READY, TokenBytes, open_bytes, utf8_state
from textgen_core.data.tokenizer import END, PAD, START
from textgen_core.errors import UsageError
from textgen_core.generation.guide import Guide, make_guide, weigh_paths
from textgen_core.generation.healing import CutPrompt, Node, cut_prompt, find_paths
from textgen_core.generation.runtime import Runtime
from textgen_core.generation.sample import Healing, TextStream

LONGEST_CHARACTER = 4  # bytes, and so tokens, of a character
Given = str | Sequence[int]  # a prompt: a text, or token ids


@attrs.frozen(kw_only=True)
class Prompt:
    """A prompt: its text as the model meets it, and the paths through its end, if it is healed.

    notes: what cleaning changed; unknown: what of the tokens that are fed is `<UNK>`. state: of
    UTF-8 at its end, where token ids may leave a character begun.
    """

    text: str
    cut: CutPrompt
    root: Node | None
    notes: tuple[str, ...]
    unknown: tuple[str, ...]
    state: int = READY

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

    def biased(self, bias: Mapping[int, float]) -> Prompts:
        """Return the prompts with something added to the logits of some tokens, by their ids."""
        if not bias:
            return self
        added = np.zeros(self.guide.bias.shape[1], np.float32)
        added[list(check_token_ids(list(bias), len(added)))] = list(bias.values())
        return Prompts(rows=self.rows, guide=attrs.evolve(self.guide, bias=self.guide.bias + added))

    def healing(self, row: int) -> Healing | None:
        """Return what follows a prompt while its end is written again."""
        prompt = self.rows[row]
        if prompt.root is None:
            return None
        return Healing(prompt.cut.tail, self.guide, self.guide.initial[row])


def read_prompts(given: Sequence[Given], runtime: Runtime, token_bytes: TokenBytes) -> Prompts:
    """Read prompts, each different one once.

    Raises UsageError for token ids that the vocabulary does not have.
    """
    keys = [each if isinstance(each, str) else tuple(each) for each in given]
    distinct = {key: _read(key, runtime.reader, token_bytes) for key in dict.fromkeys(keys)}
    weigh_paths(runtime, list(_with_paths(distinct.values())))
    rows = tuple(distinct[key] for key in keys)
    guide = make_guide(token_bytes, [row.root for row in rows])
    begun = zip(rows, guide.initial, strict=True)
    initial = tuple(state if row.root else row.state for row, state in begun)
    return Prompts(rows=rows, guide=attrs.evolve(guide, initial=initial))


def check_token_ids(token_ids: Sequence[int], vocabulary_size: int) -> tuple[int, ...]:
    """Return token ids as plain numbers; raises UsageError unless a text can hold them all."""
    checked = []
    for each in token_ids:
        try:
            token_id = PAD if isinstance(each, bool) else operator.index(each)
        except TypeError:
            token_id = PAD
        if not PAD < token_id < vocabulary_size:
            raise UsageError(
                f"A prompt has the token id {each!r}.",
                f"Allowed: whole numbers from {PAD + 1} to {vocabulary_size - 1}, the vocabulary.",
            )
        checked.append(token_id)
    return tuple(checked)


def _read(given: str | tuple[int, ...], reader: Reader, token_bytes: TokenBytes) -> Prompt:
    if not isinstance(given, str):
        return _as_given(check_token_ids(given, reader.vocabulary_size), token_bytes)
    read = reader.read(given)
    cut = cut_prompt(read, token_bytes, knows_starts=reader.knows_starts)
    root = find_paths(cut, token_bytes) if cut.tail else None
    if root is None and cut.tail:
        cut = CutPrompt(token_ids=(*cut.token_ids, *cut.taken))
    unknown = read.unknown_before(len(cut.token_ids) - 1)
    return Prompt(text=read.text, cut=cut, root=root, notes=read.notes, unknown=unknown)


def _as_given(token_ids: tuple[int, ...], token_bytes: TokenBytes) -> Prompt:
    """Return token ids as a prompt. As in training, a model reads `<START>` where a text ends."""
    read = tuple(START if each == END else each for each in token_ids)
    fed = read if read[:1] == (START,) else (START, *read)
    stream = TextStream(token_bytes.tokenizer, ())
    text = stream.push(fed) + stream.finish()
    state = READY
    if token_bytes.are_bytes:
        data = b"".join(token_bytes.after(fed).added[each] for each in fed[-LONGEST_CHARACTER:])
        if begun := open_bytes(data):
            state = utf8_state(data[-begun:])
    return Prompt(
        text=text, cut=CutPrompt(token_ids=fed), root=None, notes=(), unknown=(), state=state
    )


def _with_paths(prompts: Iterable[Prompt]) -> Iterable[tuple[CutPrompt, Node]]:
    return ((prompt.cut, prompt.root) for prompt in prompts if prompt.root is not None)
