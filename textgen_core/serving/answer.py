"""Answers as plain values: OpenAI's, whole or in chunks, and the lines that the page reads.

A whole answer is its chunks put together, so that both have the same text and tokens.
"""

from __future__ import annotations

import math
import secrets
import time
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from textgen_core.generation.tokens import WrittenToken
from textgen_core.serving.contract import Completion
from textgen_core.serving.model import Request, ServedModel
from textgen_core.serving.parts import Event, Opened, PromptText, Scored, Written

IMPOSSIBLE = -9999.0  # in place of minus infinity, which JSON has not
Json = dict[str, Any]


@attrs.frozen(kw_only=True)
class Delta:
    """What comes next of one choice. offset: where its text stands, in characters."""

    row: int
    text: str
    offset: int
    tokens: tuple[WrittenToken, ...] = ()
    first_is_given: bool = False  # so that there is no probability of it
    finish_reason: str | None = None


class CompletionAnswer:
    """The answer to a completion, as it comes."""

    def __init__(self, completion: Completion, model: ServedModel) -> None:
        self._asked, self._request = completion, completion.request
        self._head = {
            "id": f"cmpl-{secrets.token_hex(12)}",
            "object": "text_completion",
            "created": int(time.time()),
            "model": model.name,
            "system_fingerprint": model.fingerprint,
        }
        self._prompts: tuple[PromptText, ...] = ()
        self._notes: tuple[str, ...] = ()
        self._scored: set[int] = set()
        self._held: dict[int, list[Written]] = {}  # by prompt, until that is scored
        self._offsets: dict[int, int] = {}  # of each row's next text
        self._deltas: list[Delta] = []
        self.new_tokens = 0

    @property
    def prompt_tokens(self) -> int:
        """How many tokens the prompts have."""
        return sum(len(each.token_ids) for each in self._prompts)

    def take(self, event: Event) -> list[Json]:
        """Take in what a request brought, and return the chunks that can be sent."""
        is_first = not self._deltas
        deltas = list(self._deltas_of(event))
        if not self._asked.is_streamed:
            self._deltas += deltas
            return []
        self._deltas += deltas[:1] if is_first else []
        chunks = [self._chunk([self._choice([each])]) for each in deltas]
        if is_first and chunks:
            chunks[0]["textgen"] = self._own
        return chunks

    def last_chunks(self) -> list[Json]:
        """Return what ends a stream: the totals, if they were asked for."""
        return [{**self._chunk([]), "usage": self._usage}] if self._asked.include_usage else []

    def whole(self) -> Json:
        """Return the whole answer, once the request has ended."""
        rows: dict[int, list[Delta]] = {}
        for delta in self._deltas:
            rows.setdefault(delta.row, []).append(delta)
        choices = [self._choice(rows[row]) for row in sorted(rows)]
        return {**self._head, "choices": choices, "usage": self._usage, "textgen": self._own}

    def _deltas_of(self, event: Event) -> Iterable[Delta]:
        if isinstance(event, Opened):
            self._prompts, self._notes = event.prompts, event.notes
            if not self._request.scores:
                for number in range(len(event.prompts)):
                    yield from self._prompt(number, ())
        elif isinstance(event, Scored):
            self._scored.add(event.prompt)
            yield from self._prompt(event.prompt, event.tokens)
            for written in self._held.pop(event.prompt, ()):
                yield self._written(written)
        elif self._request.scores and event.row // self._request.n not in self._scored:
            self._held.setdefault(event.row // self._request.n, []).append(event)
        else:
            yield self._written(event)

    def _prompt(self, number: int, tokens: tuple[WrittenToken, ...]) -> Iterable[Delta]:
        """Yield what is said of a prompt, before anything is written after it."""
        text = self._prompts[number].text
        finish_reason = None if self._request.max_tokens else "length"
        for row in range(number * self._request.n, (number + 1) * self._request.n):
            self._offsets[row] = len(text)
            if self._asked.echo or finish_reason:
                yield Delta(
                    row=row,
                    text=text if self._asked.echo else "",
                    offset=0 if self._asked.echo else len(text),
                    tokens=tokens,
                    first_is_given=True,
                    finish_reason=finish_reason,
                )

    def _written(self, written: Written) -> Delta:
        offset = self._offsets[written.row]
        self._offsets[written.row] += len(written.text)
        self.new_tokens += written.new_tokens
        return Delta(
            row=written.row,
            text=written.text,
            offset=offset,
            tokens=written.tokens,
            finish_reason=written.finish_reason,
        )

    def _choice(self, deltas: Sequence[Delta]) -> Json:
        return {
            "index": deltas[0].row,
            "text": "".join(each.text for each in deltas),
            "logprobs": None if self._asked.logprobs is None else self._log_probabilities(deltas),
            "finish_reason": deltas[-1].finish_reason,
        }

    def _log_probabilities(self, deltas: Sequence[Delta]) -> Json:
        found: Json = {"tokens": [], "token_logprobs": [], "top_logprobs": [], "text_offset": []}
        found["token_ids"] = []
        for delta in deltas:
            offset = delta.offset
            for number, token in enumerate(delta.tokens):
                is_given = delta.first_is_given and not number
                found["tokens"].append(token.text)
                found["token_ids"].append(token.token_id)
                found["token_logprobs"].append(
                    None if is_given else as_number(token.log_probability)
                )
                found["top_logprobs"].append(None if is_given else top_of(token))
                found["text_offset"].append(offset)
                offset += len(token.text)
        if not self._asked.logprobs:
            found["top_logprobs"] = None
        return found

    def _chunk(self, choices: list[Json]) -> Json:
        usage = {"usage": None} if self._asked.include_usage else {}
        return {**self._head, "choices": choices, **usage}

    @property
    def _usage(self) -> Json:
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.new_tokens,
            "total_tokens": self.prompt_tokens + self.new_tokens,
        }

    @property
    def _own(self) -> Json:
        own: Json = {"seed": self._request.seed, "samplers": self._request.samplers}
        return own | ({"notes": list(self._notes)} if self._notes else {})


def top_of(token: WrittenToken) -> Json:
    """Return the log-probabilities of a token and of its alternatives, by their texts.

    Of two with the same text, as parts of characters have, the likelier stays.
    """
    names = {each.token_id: each.text for each in token.alternatives}
    top = {token.text or names.get(token.token_id, ""): as_number(token.log_probability)}
    for each in token.alternatives:
        if each.token_id != token.token_id:
            value = as_number(each.log_probability)
            top[each.text] = max(value, top.get(each.text, value))
    return top


def as_number(log_probability: float) -> float:
    """Return a logarithm as JSON can have it."""
    return log_probability if math.isfinite(log_probability) else IMPOSSIBLE


class PageAnswer:
    """The lines that the page reads, as they come."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._begun = time.perf_counter()
        self._token_ids: list[int] = []
        self._log_probabilities: list[float] = []
        self._text: list[str] = []
        self._finish_reason = "cancelled"
        self.prompt_tokens = 0

    @property
    def new_tokens(self) -> int:
        """How many tokens the text has."""
        return len(self._token_ids)

    def take(self, event: Event) -> list[Json]:
        """Take in what a request brought, and return the lines that can be sent."""
        if isinstance(event, Opened):
            self.prompt_tokens = sum(len(each.token_ids) for each in event.prompts)
        if not isinstance(event, Written):
            return []
        self._token_ids += [each.token_id for each in event.tokens]
        self._log_probabilities += [as_number(each.log_probability) for each in event.tokens]
        self._text.append(event.text)
        self._finish_reason = event.finish_reason or self._finish_reason
        if not event.tokens:
            return []
        line: Json = {"tokens": list(map(_page_token, event.tokens))}
        if event.prompt_token_ids is not None:
            line["prompt_ids"] = list(event.prompt_token_ids)
        return [line]

    def whole(self) -> Json:
        """Return all in one value, which is the last line."""
        return self.last_chunks()[0]

    def last_chunks(self) -> list[Json]:
        """Return the last line."""
        seconds = time.perf_counter() - self._begun
        done = {
            "text": "".join(self._text),
            "token_ids": self._token_ids,
            "log_probabilities": self._log_probabilities,
            "finish_reason": self._finish_reason,
            "seed": self._request.seed,
            "samplers": self._request.samplers,
            "tokens_per_second": self.new_tokens / max(seconds, 1e-9),
        }
        return [{"done": done}]


def _page_token(token: WrittenToken) -> Json:
    return {
        "id": token.token_id,
        "text": token.text,
        "log_probability": as_number(token.log_probability),
        "alternatives": [
            {
                "id": each.token_id,
                "text": each.text,
                "log_probability": as_number(each.log_probability),
                "kept": list(each.kept),
            }
            for each in token.alternatives
        ],
    }
