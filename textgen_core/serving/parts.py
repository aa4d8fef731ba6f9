"""The parts of a request that are computed in turns, and what each turn brings.

A part is a group of texts that are written side by side, or a prompt whose tokens are scored. What
it brings is told row by row: row 0 is the first text of the first prompt.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Literal

import attrs
import numpy as np

from textgen_core.data.tokenizer import START
from textgen_core.evaluation.step_scoring import predict_by_steps
from textgen_core.evaluation.windows import Windows
from textgen_core.generation.choices import ChoiceTexts
from textgen_core.generation.group_stream import GroupStream
from textgen_core.generation.runtime import Runtime
from textgen_core.generation.tokens import TokenChoice, WrittenToken

FinishReason = Literal["stop", "length"]
_FINISH_REASONS: dict[str, FinishReason] = {"length": "length", "stop": "stop", "end": "stop"}


@attrs.frozen(kw_only=True)
class PromptText:
    """A prompt as the model reads it: cleaned as its corpus was; texts: of its tokens."""

    text: str
    token_ids: tuple[int, ...]
    texts: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Opened:
    """A request has been taken up: its prompts, in their order, and what to know of them."""

    prompts: tuple[PromptText, ...]
    notes: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Scored:
    """The tokens of one prompt with their log-probabilities; of a first `<START>` it is NaN."""

    prompt: int
    tokens: tuple[WrittenToken, ...]


@attrs.frozen(kw_only=True)
class Written:
    """A piece of a text.

    prompt_token_ids: what is before the first token, with which it comes. finish_reason,
    new_tokens: of the last piece; how many the text has.
    """

    row: int
    text: str
    tokens: tuple[WrittenToken, ...] = ()
    prompt_token_ids: tuple[int, ...] | None = None
    finish_reason: FinishReason | None = None
    new_tokens: int = 0


Event = Opened | Scored | Written


@attrs.frozen(kw_only=True)
class Ended:
    """A request has ended; error: what ended it before it was done."""

    error: BaseException | None = None


class Part(ABC):
    """Something that is computed in turns, by one thread at a time."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether there is more to compute."""

    @abstractmethod
    def take_turn(self, seconds: float, is_abandoned: Callable[[], bool]) -> Sequence[Event]:
        """Compute for about so long, less once it is abandoned, and return what that brought."""

    @abstractmethod
    def release(self) -> None:
        """Give back what computes; it takes no more turns."""


class WritingPart(Part):
    """A group of texts."""

    def __init__(self, group: GroupStream) -> None:
        self._group = group

    @property
    def is_open(self) -> bool:
        return self._group.is_open

    def take_turn(self, seconds: float, is_abandoned: Callable[[], bool]) -> Sequence[Event]:
        return [
            Written(
                row=piece.sample,
                text=piece.text,
                tokens=piece.tokens,
                prompt_token_ids=piece.prompt_token_ids,
                finish_reason=piece.stopped_by and _FINISH_REASONS[piece.stopped_by],
                new_tokens=piece.new_tokens,
            )
            for piece in self._group.take_turn(seconds, is_abandoned)
        ]

    def release(self) -> None:
        self._group.release()


class ScoringPart(Part):
    """A prompt whose tokens are scored, each with the likeliest ones in its place."""

    def __init__(
        self,
        number: int,
        prompt: PromptText,
        runtime: Runtime,
        windows: Windows,
        texts: ChoiceTexts,
        alternatives: int,
    ) -> None:
        """Prepare to score; what the model begins with is `<START>`, whatever the prompt's is."""
        self._number, self._prompt, self._texts = number, prompt, texts
        self._alternatives = alternatives
        ids = prompt.token_ids
        self._hidden = 0 if ids[:1] == (START,) else 1  # whether <START> is no token of the prompt
        self._token_ids = np.array([*([START] * self._hidden), *ids], np.int32)
        self._tokens: list[WrittenToken | None] = [None] * len(ids)
        if not self._hidden:
            first = WrittenToken(token_id=START, text=prompt.texts[0], log_probability=np.nan)
            self._tokens[0] = first
        self._steps = predict_by_steps(runtime, windows, self._token_ids, self._note)
        self.is_done = False

    @property
    def is_open(self) -> bool:
        return not self.is_done

    def take_turn(self, seconds: float, is_abandoned: Callable[[], bool]) -> Sequence[Event]:
        end = time.perf_counter() + seconds
        while not is_abandoned() and time.perf_counter() < end:
            if next(self._steps, self) is self:
                self.is_done = True
                tokens = tuple(each for each in self._tokens if each is not None)
                return [Scored(prompt=self._number, tokens=tokens)]
        return []

    def release(self) -> None:
        self._steps.close()

    def _note(self, place: int, log_probabilities: np.ndarray) -> None:
        """Keep what was expected in place of the token after `place`."""
        token_id = int(self._token_ids[place + 1])
        number = place + 1 - self._hidden
        self._tokens[number] = WrittenToken(
            token_id=token_id,
            text=self._prompt.texts[number],
            log_probability=_as_float(log_probabilities[token_id]),
            alternatives=self._likely(log_probabilities, int(self._token_ids[place])),
        )

    def _likely(self, log_probabilities: np.ndarray, before: int) -> tuple[TokenChoice, ...]:
        likely = np.argsort(-log_probabilities, kind="stable")[: self._alternatives]
        return tuple(
            TokenChoice(
                token_id=token_id,
                text=self._texts.text_of(token_id, before),
                log_probability=_as_float(log_probabilities[token_id]),
                kept=(),
            )
            for token_id in likely.tolist()
        )


def _as_float(log_probability: np.float64) -> float:
    """Return the float32 of a logarithm, as `textgen score` has it."""
    return float(np.float32(log_probability))
