"""The server over HTTP, on starlette: OpenAI's completions, and the page with its own interface."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import attrs
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from textgen_core.errors import UsageError
from textgen_core.export import page
from textgen_core.runs.parsing import parse_json
from textgen_core.serving import contract
from textgen_core.serving.access import Access, Refused
from textgen_core.serving.answer import CompletionAnswer, PageAnswer
from textgen_core.serving.contract import Models
from textgen_core.serving.failures import failure_of
from textgen_core.serving.fields import BadField
from textgen_core.serving.guard import Guard, Served
from textgen_core.serving.model import Request
from textgen_core.serving.pool import Call, Pool
from textgen_core.serving.replies import EVENTS, LINES, JsonResponse, Reply, refusal

LARGEST_BODY = 1_000_000  # bytes
_MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript"}
_OF_MODELS = ("/v1/", "/api/", "/tokenize", "/detokenize")  # how paths begin that need the key
_CONTINUES = (
    "This model continues a text, and knows no turns of a chat.",
    "Allowed: POST /v1/completions, with a prompt.",
)


@attrs.frozen(kw_only=True)
class Service:
    """What answers requests."""

    models: Models
    pool: Pool

    async def completions(self, request: HttpRequest) -> Reply:
        """Write, or score, as OpenAI's API does."""
        body = await read_body(request)
        asked = contract.read_completion(body, self.models)
        answer = CompletionAnswer(asked, self.models.by_name[asked.request.model])
        framing = EVENTS if asked.is_streamed else None
        return Reply(self.pool, _call("completions", body, asked.request), answer, framing)

    async def generate(self, request: HttpRequest) -> Reply:
        """Write for the page, a line of JSON for each few tokens."""
        body = await read_body(request)
        asked = contract.read_generate(body, self.models)
        return Reply(self.pool, _call("generate", body, asked), PageAnswer(asked), LINES)

    async def list_models(self, request: HttpRequest) -> Response:  # noqa: ARG002
        """Name the models."""
        data = [_model_card(self.models, name) for name in self.models.by_name]
        return JsonResponse({"object": "list", "data": data})

    async def one_model(self, request: HttpRequest) -> Response:
        """Describe one model, if it is served."""
        name = self.models.find(request.path_params["name"]).name
        return JsonResponse(_model_card(self.models, name))

    async def info(self, request: HttpRequest) -> Response:
        """Say what the page shows of a model."""
        model = self.models.find(request.query_params.get("model"))
        own = {"models": list(self.models.by_name), "model": model.name}
        return JsonResponse({**own, **model.info, "max_tokens": self.models.max_tokens})

    async def tokenize(self, request: HttpRequest) -> Response:
        """Return the token ids of a prompt."""
        body = await read_body(request)
        model, text = contract.read_tokenize(body, self.models, text="prompt")
        token_ids = model.read(text).token_ids
        length = model.reader.context_length
        found = {"count": len(token_ids), "max_model_len": length, "tokens": token_ids}
        return JsonResponse(found)

    async def page_tokens(self, request: HttpRequest) -> Response:
        """Return the tokens of a prompt with their texts."""
        body = await read_body(request)
        model, text = contract.read_tokenize(body, self.models, text="text")
        read = model.read(text)
        pairs = zip(read.token_ids, read.texts, strict=True)
        return JsonResponse({"tokens": [{"id": token, "text": part} for token, part in pairs]})

    async def detokenize(self, request: HttpRequest) -> Response:
        """Return the text of token ids."""
        model, token_ids = contract.read_detokenize(await read_body(request), self.models)
        try:
            return JsonResponse({"prompt": model.text_of(token_ids)})
        except UsageError as error:
            raise BadField("tokens", error.problem, error.allowed) from error

    async def health(self, request: HttpRequest) -> Response:  # noqa: ARG002
        """Say that it is there, and how much it has to do."""
        return JsonResponse({"status": "ok", "open_requests": self.pool.open_requests})

    async def chat(self, request: HttpRequest) -> Response:  # noqa: ARG002
        """Say where a text is continued."""
        raise Refused(404, "no_chat", *_CONTINUES)


def _call(kind: Literal["completions", "generate"], body: dict[str, Any], asked: Request) -> Call:
    """Return a body for a process that reads it once more, with the same seed."""
    texts = len(asked.prompts) * asked.n + len(asked.prompts) * asked.scores
    return Call(kind=kind, body={**body, "seed": asked.seed}, is_divisible=texts > 1)


Endpoint = Callable[[HttpRequest], Awaitable[Response]]


def make_app(
    service: Service, access: Access, *, log: Callable[[Served], None], has_page: bool = True
) -> ASGIApp:
    """Return the server as an ASGI app; has_page: whether the page is served too."""
    endpoints: list[tuple[str, str, Endpoint]] = [
        ("POST", "/v1/completions", service.completions),
        ("POST", "/v1/chat/completions", service.chat),
        ("GET", "/v1/models", service.list_models),
        ("GET", "/v1/models/{name:path}", service.one_model),
        ("POST", "/tokenize", service.tokenize),
        ("POST", "/detokenize", service.detokenize),
        ("GET", "/api/run", service.info),
        ("POST", "/api/tokenize", service.page_tokens),
        ("POST", "/api/generate", service.generate),
        ("GET", "/health", service.health),
    ]
    endpoints += _of_page() if has_page else []
    routes = [
        Route(path, answering(endpoint), methods=[method]) for method, path, endpoint in endpoints
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _no_such_path})
    return Guard(app, access, log, lambda path: path.startswith(_OF_MODELS))


def answering(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint whose errors are answered as OpenAI's clients know them."""

    async def answer(request: HttpRequest) -> Response:
        try:
            return await endpoint(request)
        except HTTPException:
            raise
        except Exception as error:
            return refusal(failure_of(error))

    return answer


def _of_page() -> list[tuple[str, str, Endpoint]]:
    """Return what serves the page and its files, which are read once."""
    first = page.assemble(title="textgen", inline=False)
    policy = {"content-security-policy": page.SERVED_POLICY}
    files = page.page_files()

    async def show(request: HttpRequest) -> Response:  # noqa: ARG001
        return Response(first, media_type="text/html", headers=policy)

    async def send_file(request: HttpRequest) -> Response:
        name = request.path_params["name"]
        if name not in files:
            raise HTTPException(404)
        media_type = next(each for end, each in _MEDIA_TYPES.items() if name.endswith(end))
        return Response(files[name], media_type=media_type)

    return [("GET", "/", show), ("GET", "/page/{name}", send_file)]


async def read_body(request: HttpRequest) -> Any:
    """Return the JSON of a body; raises BadField for what is none, Refused for one too large."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > LARGEST_BODY:
            allowed = f"Allowed: {LARGEST_BODY:,} bytes."
            raise Refused(413, "body_too_large", "The body is too large.", allowed)
    try:
        return parse_json(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadField(None, f"The body is no JSON that can be read: {error}.") from error


def _model_card(models: Models, name: str) -> dict[str, Any]:
    created = models.by_name[name].created
    return {"id": name, "object": "model", "created": created, "owned_by": "textgen"}


async def _no_such_path(request: HttpRequest, error: Exception) -> Response:
    """Answer what starlette refuses: a path that there is not, or a method that it has not."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    problem = f"There is no {request.method} {request.url.path[:80]}."
    allowed = "Allowed: see GET /v1/models, POST /v1/completions, and the reference of the server."
    return refusal(failure_of(Refused(status, "not_found", problem, allowed)))
