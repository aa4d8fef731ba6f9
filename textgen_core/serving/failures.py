"""Errors as OpenAI's clients know them: a status, and a body that names the field.

Clients try again by themselves after 409, 429 and 5xx, unless they are told that it is of no use.
"""

from __future__ import annotations

import logging
from typing import Any

import attrs

from textgen_core.errors import PluginFailure, TextgenError, UsageError, reason_of
from textgen_core.serving.access import Refused
from textgen_core.serving.allowance import TooMuchToMake
from textgen_core.serving.contract import NoSuchModel
from textgen_core.serving.fields import BadField

_log = logging.getLogger(__name__)
RETRY_SECONDS = 1


class QueueFull(TextgenError):
    """So many requests wait already that no more are taken."""


class Stopped(TextgenError):
    """The server ends, and what it had begun with it."""


class WorkerEnded(TextgenError):
    """A process that computed for the server has ended before it was done."""


@attrs.frozen(kw_only=True)
class Failure:
    """An error to be answered."""

    status: int
    type: str
    message: str
    param: str | None = None
    code: str | None = None
    retry_seconds: int = RETRY_SECONDS

    @property
    def headers(self) -> dict[str, str]:
        """What clients go by."""
        if self.status == 429:
            return {"retry-after": str(self.retry_seconds)}
        return {"x-should-retry": "false"}

    def as_json(self) -> dict[str, Any]:
        """Return the body."""
        return {
            "error": {
                "message": self.message,
                "type": self.type,
                "param": self.param,
                "code": self.code,
            }
        }


class Failed(Exception):
    """What was asked for failed in another process."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def failure_of(error: BaseException, *, samplers: str = "sampler") -> Failure:
    """Return how an error is answered; samplers: the field that a request has them in."""
    wrong, busy = "invalid_request_error", "rate_limit_error"
    if isinstance(error, Failed):
        return error.failure
    if isinstance(error, QueueFull):
        return Failure(status=429, type=busy, code="queue_full", message=_message(error))
    if isinstance(error, TooMuchToMake):
        return Failure(
            status=429,
            type=busy,
            code="too_many_programs",
            param=samplers,
            message=_message(error),
            retry_seconds=error.seconds,
        )
    if isinstance(error, Stopped):
        return Failure(status=503, type="server_error", code="stopped", message=_message(error))
    if isinstance(error, WorkerEnded):
        code, message = "process_ended", _message(error)
        return Failure(status=500, type="server_error", code=code, message=message)
    if isinstance(error, Refused):
        kind = "authentication_error" if error.status == 401 else wrong
        return Failure(status=error.status, type=kind, code=error.code, message=_message(error))
    if isinstance(error, NoSuchModel):
        code, message = "model_not_found", _message(error)
        return Failure(status=404, type=wrong, param="model", code=code, message=message)
    if isinstance(error, BadField):
        return Failure(status=400, type=wrong, param=error.param, message=_message(error))
    if isinstance(error, PluginFailure) and error.problem.startswith("The sampler"):
        return Failure(status=400, type=wrong, param=samplers, message=_message(error))
    if isinstance(error, UsageError):  # which only shows once a prompt meets the model
        return Failure(status=400, type=wrong, param="prompt", message=_message(error))
    _log.debug("A request failed.", exc_info=error)
    if isinstance(error, TextgenError):
        return Failure(status=500, type="server_error", message=_message(error))
    cause = f"An error in textgen itself: {error.__class__.__name__}: {reason_of(error)[:300]}"
    return Failure(status=500, type="server_error", message=cause)


def _message(error: TextgenError) -> str:
    return " ".join(str(error).split("\n"))
