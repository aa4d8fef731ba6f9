"""What the compiled loop reads, and what it changes, as tensors."""

from __future__ import annotations

from typing import Any, NamedTuple

from textgen_core.generation.chain import Faults, Options


class Batch(NamedTuple):
    """What stays the same while a batch is written.

    starts: int32 `(batch,)`, how many tokens of each row are read; what follows is drawn.
    max_new_tokens: int32, how many are drawn after a prompt.
    uniforms: float64 `(batch, capacity)`, the random number for each position.
    end_id: int32, the token that ends a text.
    options: the traced options of the samplers.
    bias, follows: the guide's table, float32 and int32 `(states, vocabulary)`, and consumed, int32:
    a token that leads to this state or a later one lies within the prompt. A table of one state is
    not read.
    """

    starts: Any
    max_new_tokens: Any
    uniforms: Any
    end_id: Any
    options: Options
    bias: Any
    follows: Any
    consumed: Any


class DecodeState(NamedTuple):
    """What changes with every decode step.

    length: int32, how many tokens every row has read or written; the last is not fed yet.
    prompt_lengths: int32 `(batch,)`, the tokens of each row's prompt, as far as it is written.
    guided: int32 `(batch,)`, each row's state in the guide's table.
    token_ids: int32 `(batch, capacity)`, prompts and new tokens, zeros after them.
    log_probabilities: float32 `(batch, capacity)`, the model's own.
    is_open: bool `(batch,)`, False where a text has ended.
    faults: the chain's; the loop leaves off at the first.
    records: what a trace is made of; () where none is wanted.
    """

    length: Any
    prompt_lengths: Any
    guided: Any
    token_ids: Any
    log_probabilities: Any
    is_open: Any
    faults: Faults
    model_state: Any
    sampler_states: Any
    records: Any
