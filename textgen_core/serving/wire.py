"""What the server and the processes that compute tell each other: JSON, after its length.

Values pass as they are, also NaN and half a pair of surrogates. This module knows of no process.
"""

from __future__ import annotations

import json
from asyncio import IncompleteReadError, StreamReader
from collections.abc import Sequence
from io import RawIOBase
from typing import Any, BinaryIO

from textgen_core.generation.tokens import TokenChoice, WrittenToken
from textgen_core.serving.parts import Event, Opened, PromptText, Scored, Written

Message = dict[str, Any]
ELSEWHERE = "elsewhere"  # the end of what another process has to compute
_LENGTH = 4  # bytes of a length


def pack(message: Message) -> bytes:
    """Return a message as it is sent."""
    data = json.dumps(message, separators=(",", ":")).encode("ascii")
    return len(data).to_bytes(_LENGTH, "little") + data


def send(file: RawIOBase, message: Message) -> None:
    """Send a message, where nothing is kept back: nothing is left of it if the other side goes."""
    data = memoryview(pack(message))
    while data:
        data = data[file.write(data) or 0 :]


def read(file: BinaryIO) -> Message | None:
    """Return the next message, once it is there; None where the other side has gone."""
    try:
        length = int.from_bytes(file.read(_LENGTH), "little")
        data = file.read(length)
    except ConnectionError:
        return None
    return json.loads(data) if length and len(data) == length else None


async def receive(reader: StreamReader) -> Message | None:
    """Return the next message; None where the other side has gone."""
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH), "little")
        message: Message = json.loads(await reader.readexactly(length))
    except (IncompleteReadError, ConnectionError):
        return None
    return message


def pack_event(event: Event) -> list[Any]:
    """Return an event as plain values."""
    if isinstance(event, Opened):
        return [
            "opened",
            [[each.text, each.token_ids, each.texts] for each in event.prompts],
            event.notes,
        ]
    if isinstance(event, Scored):
        return ["scored", event.prompt, _pack_tokens(event.tokens)]
    tokens, prompt, reason = _pack_tokens(event.tokens), event.prompt_token_ids, event.finish_reason
    return ["written", event.row, event.text, tokens, prompt, reason, event.new_tokens]


def unpack_event(values: Sequence[Any]) -> Event:
    """Return the event of plain values."""
    kind, *fields = values
    if kind == "opened":
        prompts, notes = fields
        return Opened(prompts=tuple(map(_unpack_prompt, prompts)), notes=tuple(notes))
    if kind == "scored":
        number, tokens = fields
        return Scored(prompt=number, tokens=_unpack_tokens(tokens))
    row, text, tokens, prompt, reason, new_tokens = fields
    return Written(
        row=row,
        text=text,
        tokens=_unpack_tokens(tokens),
        prompt_token_ids=None if prompt is None else tuple(prompt),
        finish_reason=reason,
        new_tokens=new_tokens,
    )


def _unpack_prompt(values: Sequence[Any]) -> PromptText:
    text, token_ids, texts = values
    return PromptText(text=text, token_ids=tuple(token_ids), texts=tuple(texts))


def _pack_tokens(tokens: Sequence[WrittenToken]) -> list[Any]:
    return [
        [
            token.token_id,
            token.text,
            token.log_probability,
            [
                [each.token_id, each.text, each.log_probability, each.kept]
                for each in token.alternatives
            ],
        ]
        for token in tokens
    ]


def _unpack_tokens(tokens: Sequence[Any]) -> tuple[WrittenToken, ...]:
    return tuple(
        WrittenToken(
            token_id=token_id,
            text=text,
            log_probability=log_probability,
            alternatives=tuple(
                TokenChoice(token_id=other, text=its, log_probability=value, kept=tuple(kept))
                for other, its, value, kept in alternatives
            ),
        )
        for token_id, text, log_probability, alternatives in tokens
    )
