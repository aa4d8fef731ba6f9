"""Token healing: a prompt may end anywhere, also inside a word or after a space.

A tokenizer cuts "The king" into "The" and " king", so after "The " a model has never seen a token
begin with a letter. So the last tokens of a prompt are taken back, as far as some token goes beyond
the prompt's end from there, and what is drawn first must agree with the text that was taken back.

Each way to spell that text again is a path of tokens within it, whose last one ends with it or goes
beyond. Drawn token by token, with what the model thinks of each path's rest added to the logits,
the paths have the probability that the model gives them among all texts that begin with the prompt
(Phan, Havasi, Muckley and Ullrich, "Understanding and mitigating tokenization bias in language
models", 2024; Vieira and others, "From language models over tokens to language models over
characters", 2024). Left out are paths that the tokenizer never takes, and all beyond the first
`MOST_NODES` places.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from textgen_core.data.text_input import ReadText
from textgen_core.data.token_bytes import READY, TokenBytes, TokenTable, utf8_state
from textgen_core.data.tokenizer import START, UNK

MOST_NODES = 24  # of one prompt; few have more than five
MOST_CHECKED = 256  # tokens that are encoded again to see whether the tokenizer takes a path


@attrs.frozen(kw_only=True)
class CutPrompt:
    """A prompt without the tokens that were taken back.

    token_ids: those that are fed, `<START>` first; taken: the others, as the tokenizer had them;
    tail: the text that these stood for, which is drawn again.
    """

    token_ids: tuple[int, ...]
    taken: tuple[int, ...] = ()
    tail: str = ""


@attrs.define(kw_only=True, eq=False)
class Node:
    """A place inside the text that was taken back, reached by a path of tokens.

    rest: the bytes still to come; ends: the tokens that end with them or go beyond, and the state
    of UTF-8 that each leads to; within: the nodes that other tokens lead to. log_agreement: the
    logarithm of how likely the model finds it that a text from here agrees with the rest.
    """

    path: tuple[int, ...]
    rest: bytes
    exact: list[int]
    beyond: list[tuple[int, int]]
    within: dict[int, Node]
    log_agreement: float = 0.0

    def walk(self) -> Iterator[Node]:
        """Yield the node and all below it."""
        yield self
        for node in self.within.values():
            yield from node.walk()


def cut_prompt(read: ReadText, token_bytes: TokenBytes, *, knows_starts: bool = True) -> CutPrompt:
    """Return a prompt less the tokens from which a token of the vocabulary goes beyond its end.

    knows_starts: whether the model has seen more than a few texts begin. If not, what it thinks of
    a text's first token says little, and a prompt of one known token is left as it is.
    """
    token_ids = (START, *read.token_ids)
    whole = CutPrompt(token_ids=token_ids)
    shown = max((end for _, end in read.spans), default=0)
    tail = read.text[shown:]  # spaces that no token stands for
    tail = tail if tail.isspace() else ""
    cut = len(token_ids)
    found = whole
    while True:
        table = token_bytes.after(token_ids[:cut]) if tail else None
        data = _bytes(tail)
        is_whole = utf8_state(data) == READY
        taken = token_ids[cut:]
        is_kept = taken == token_ids[1:2] and taken != (UNK,) and not knows_starts
        if table and is_whole and not is_kept and _agree(table, data, taken):
            found = CutPrompt(token_ids=token_ids[:cut], taken=taken, tail=data.decode())
        cut -= 1
        if cut < 1 or (table and len(data) > table.longest):
            return found
        tail = _text_of(cut, read, token_bytes) + tail


def _agree(table: TokenTable, data: bytes, taken: Sequence[int]) -> bool:
    """Whether some other token begins with the bytes, so that the prompt may go on within it."""
    if next(table.beyond(data), None) is not None:
        return True
    return len(taken) == 1 and any(token_id != taken[0] for token_id in table.exactly(data))


def _text_of(place: int, read: ReadText, token_bytes: TokenBytes) -> str:
    """Return the text of a token of a prompt after those before it; bytes may be surrogates."""
    before, token_id = (START, *read.token_ids[: place - 1]), read.token_ids[place - 1]
    if token_id != UNK:
        added = token_bytes.after(before).added[token_id]
        return added.decode(errors="surrogateescape")
    start, end = read.spans[place - 1]
    if place > 1:
        start = max(start, read.spans[place - 2][1])
    return read.text[start:end]


def find_paths(cut: CutPrompt, token_bytes: TokenBytes) -> Node | None:
    """Return the root of the paths through the text that was taken back, None if there is none."""
    data = _bytes(cut.tail)
    search = _Search(cut, token_bytes)
    root = search.node((), data)
    level = [root]
    while level and search.nodes < MOST_NODES:
        below = []
        for node in level:
            for token_id, end in search.inner(node):
                if search.nodes >= MOST_NODES:
                    break
                node.within[token_id] = search.node((*node.path, token_id), node.rest[end:])
                below.append(node.within[token_id])
        level = below
    _prune(root)
    return root if root.exact or root.beyond or root.within else None


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogateescape")


class _Search:
    """The search for the paths of one prompt."""

    def __init__(self, cut: CutPrompt, token_bytes: TokenBytes) -> None:
        self._cut, self._token_bytes = cut, token_bytes
        self._utf8 = token_bytes.utf8_follows()
        self._data = _bytes(cut.tail)
        self.nodes = 0

    def node(self, path: tuple[int, ...], rest: bytes) -> Node:
        self.nodes += 1
        table = self._token_bytes.after((*self._cut.token_ids, *path))
        state = utf8_state(self._data[: len(self._data) - len(rest)]) if len(self._utf8) > 1 else 0
        follows = self._utf8[state]
        exact = [each for each in table.exactly(rest) if self._is_taken(path, each)]
        found = [each for each in table.beyond(rest) if follows[each] >= 0]
        if len(found) <= MOST_CHECKED:
            found = [each for each in found if self._is_taken(path, each)]
        beyond = [(each, int(follows[each])) for each in found]
        return Node(path=path, rest=rest, exact=exact, beyond=beyond, within={})

    def inner(self, node: Node) -> Iterator[tuple[int, int]]:
        table = self._token_bytes.after((*self._cut.token_ids, *node.path))
        for token_id, end in table.within(node.rest):
            if self._is_taken(node.path, token_id):
                yield token_id, end

    def _is_taken(self, path: tuple[int, ...], token_id: int) -> bool:
        """Whether the tokenizer would have a token after the last of a path.

        Two tokens that it would join, or cut elsewhere, are in no text that it encoded.
        """
        if not path or (*path, token_id) == self._cut.taken[: len(path) + 1]:
            return True
        return self._token_bytes.stay_apart(path[-1], token_id)


def _prune(node: Node) -> None:
    """Drop the nodes from which no token goes on."""
    for token_id, below in list(node.within.items()):
        _prune(below)
        if not (below.exact or below.beyond or below.within):
            del node.within[token_id]
