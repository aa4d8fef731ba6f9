"""What may be drawn where: in each state a bias for every token, and the state that it leads to.

A state is a place inside a character, for tokenizers whose tokens are bytes, or a place inside the
end of a prompt that is written again. The loop reads both from one table.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from textgen_core.data.token_bytes import READY, REFUSED, TokenBytes
from textgen_core.data.tokenizer import END, PAD, START, UNK
from textgen_core.generation.healing import CutPrompt, Node
from textgen_core.generation.runtime import Runtime
from textgen_core.generation.steps import Steps

SUPPRESSED_TOKENS = (PAD, UNK, START)  # which are never drawn
LOOK_BACK = 64  # tokens of a prompt from which paths are weighed
ROWS = 256  # paths that are weighed at once
LEAST = -60.0  # logarithm of the agreement of a path that the model holds impossible


@attrs.frozen(kw_only=True, eq=False)
class Guide:
    """A table of states.

    bias: float32 `(states, vocabulary)`, added to the logits, -inf for a token that may not come;
    follows: int32 `(states, vocabulary)`, the next state; initial: the state of each prompt after
    its last token that is fed. A token that leads to `consumed` or beyond lies within its prompt.
    """

    bias: np.ndarray
    follows: np.ndarray
    initial: tuple[int, ...]
    consumed: int

    @property
    def is_needed(self) -> bool:
        """Whether anything depends on it."""
        return len(self.bias) > 1


def make_guide(token_bytes: TokenBytes, roots: Sequence[Node | None]) -> Guide:
    """Return the table for prompts: of each the root of its paths, None where it is whole.

    Prompts may share a root.
    """
    plain = _plain_states(token_bytes)
    consumed, vocabulary_size = plain.shape
    if not can_heal(token_bytes):
        return Guide(bias=_bias(plain), follows=plain, initial=(0,) * len(roots), consumed=consumed)
    distinct = {id(root): root for root in roots if root is not None}
    nodes = [node for root in distinct.values() for node in root.walk()]
    number = {id(node): consumed + 1 + place for place, node in enumerate(nodes)}
    states = consumed + 1 + len(nodes)
    follows = np.full((states, vocabulary_size), REFUSED, np.int32)
    follows[:consumed] = plain
    follows[consumed] = plain[READY]
    bias = _bias(follows)
    for node in nodes:
        row = number[id(node)]
        steps = [(token_id, consumed, 0.0) for token_id in node.exact]
        steps += [(token_id, state, 0.0) for token_id, state in node.beyond]
        steps += [
            (token_id, number[id(below)], below.log_agreement)
            for token_id, below in node.within.items()
        ]
        for token_id, state, weight in steps:
            follows[row, token_id], bias[row, token_id] = state, weight
    initial = tuple(READY if root is None else number[id(root)] for root in roots)
    return Guide(bias=bias, follows=np.maximum(follows, 0), initial=initial, consumed=consumed)


def can_heal(token_bytes: TokenBytes) -> bool:
    """Whether some token is more than a character, so that a prompt may end inside of it."""
    return token_bytes.have_several_characters


def _plain_states(token_bytes: TokenBytes) -> np.ndarray:
    """Return what follows outside of prompts: no byte goes on with a character that is not open."""
    follows = token_bytes.utf8_follows()
    follows[:, SUPPRESSED_TOKENS] = REFUSED
    follows[READY + 1 :, END] = REFUSED
    for state in follows:  # a vocabulary without the byte that is needed may write any other
        if (state == REFUSED).all():
            state[UNK + 1 :] = READY
    return follows


def _bias(follows: np.ndarray) -> np.ndarray:
    return np.where(follows >= 0, np.float32(0), np.float32(-np.inf))


def weigh_paths(runtime: Runtime, prompts: Sequence[tuple[CutPrompt, Node]]) -> None:
    """Set how likely a text agrees with the rest of its prompt from each node on.

    The model is asked about several paths at once, as far as their lengths agree.
    """
    groups: dict[int, list[tuple[tuple[int, ...], list[Node]]]] = {}
    for cut, root in prompts:
        depth = max((len(node.path) for node in root.walk()), default=0)
        capacity = runtime.state_capacity
        room = LOOK_BACK if capacity is None else min(LOOK_BACK, capacity - depth)
        if depth and room > 0:
            context = cut.token_ids[-room:]
            for nodes in _ways(root):
                groups.setdefault(len(context), []).append((context, nodes))
    for rows in groups.values():
        while rows:
            steps = runtime.steps(runtime.rows_for(min(ROWS, len(rows))))
            try:
                _weigh(steps, rows[: steps.rows])
            finally:
                steps.release()
            del rows[: steps.rows]


def _ways(node: Node) -> list[list[Node]]:
    """Return the nodes on each way down, without the root."""
    return [[below, *way] for below in node.within.values() for way in _ways(below) or [[]]]


def _weigh(steps: Steps, paths: Sequence[tuple[tuple[int, ...], list[Node]]]) -> None:
    rows = [*paths, *[paths[0]] * (steps.rows - len(paths))]
    steps.restart()
    steps.feed(np.array([context for context, _ in rows], np.int32))
    depth = max(len(nodes) for _, nodes in rows)
    logits = []
    for place in range(depth):
        fed = [nodes[min(place, len(nodes) - 1)].path[-1] for _, nodes in rows]
        logits.append(steps.advance(np.array(fed, np.int32)).astype(np.float64))
    for place in range(depth - 1, -1, -1):  # from the ends up, since a node needs those below
        for row, (_, nodes) in enumerate(paths):
            if place < len(nodes):
                nodes[place].log_agreement = _agreement(nodes[place], logits[place][row])


def _agreement(node: Node, logits: np.ndarray) -> float:
    """Return the logarithm of the share of the next tokens that agree; logits `(vocabulary,)`."""
    logits = logits.copy()
    logits[list(SUPPRESSED_TOKENS)] = -np.inf
    total = np.logaddexp.reduce(logits)
    ends = [logits[token_id] for token_id in (*node.exact, *(token for token, _ in node.beyond))]
    ends += [logits[token_id] + below.log_agreement for token_id, below in node.within.items()]
    found = float(np.logaddexp.reduce(np.array(ends)) - total)
    return max(found, LEAST) if np.isfinite(found) else LEAST
