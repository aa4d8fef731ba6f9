"""What clients ask for: a body becomes a request, or a fault that names its field.

OpenAI's completions, as their API reference documents them, and what the page asks for. Nothing is
accepted and ignored. This module knows no HTTP.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from textgen_core.errors import ComponentError
from textgen_core.generation.prompts import Given
from textgen_core.registry import ResolvedComponent
from textgen_core.registry.selection import choose_all
from textgen_core.serving.fields import (
    LARGEST_BATCH,
    MOST_TEXTS,
    MOST_VALUES,
    BadField,
    CompletionFields,
    PageFields,
    StreamFields,
    as_field,
    read_bias,
    read_plain,
    read_prompts,
    read_stop,
    wrong_value,
)
from textgen_core.serving.model import Request, ServedModel

Body = Mapping[str, Any]
_OTHERS = ("model", "prompt", "stop", "logit_bias", "stream_options", "sampler")
_OF_SAMPLERS = ("temperature", "top_p", "top_k", "min_p")


class NoSuchModel(BadField):
    """A model is asked for that is not served here."""


@attrs.frozen(kw_only=True)
class Models:
    """The models of a server by their names, and how long a text may become."""

    by_name: Mapping[str, ServedModel]
    max_tokens: int

    @property
    def first(self) -> ServedModel:
        """The one that is meant where none is named."""
        return next(iter(self.by_name.values()))

    def find(self, name: Any) -> ServedModel:
        """Return a model by its name; of None, the first."""
        if name is None:
            return self.first
        if isinstance(name, str) and name in self.by_name:
            return self.by_name[name]
        wrong = wrong_value("model", name, ", ".join(self.by_name))
        raise NoSuchModel("model", wrong.problem, wrong.allowed)


@attrs.frozen(kw_only=True)
class Completion:
    """What OpenAI's completions ask for: a request, and how it is answered."""

    request: Request
    echo: bool
    logprobs: int | None
    is_streamed: bool
    include_usage: bool


def read_completion(body: Any, models: Models) -> Completion:
    """Return what a body of `POST /v1/completions` asks for; raises BadField."""
    body = _object(body)
    model = models.find(body.get("model"))
    given = {"max_tokens": models.max_tokens}
    fields = read_plain(CompletionFields, body, others=_OTHERS, at_most=given)
    _check_unserved(fields)
    prompts = read_prompts(body.get("prompt"))
    _check_size(fields, prompts)
    include_usage = _includes_usage(body.get("stream_options"), is_streamed=fields.stream)
    alternatives = fields.logprobs or 0
    stop = read_stop(body.get("stop"))
    return Completion(
        request=Request(
            model=model.name,
            prompts=prompts,
            n=fields.n,
            max_tokens=fields.max_tokens,
            seed=draw_seed() if fields.seed is None else fields.seed,
            chain=_chain(body, fields, model),
            stop=stop,
            bias=read_bias(body.get("logit_bias"), model.reader.vocabulary_size),
            tokens=fields.logprobs is not None or bool(stop),  # cut where the text is
            alternatives=alternatives,
            scores=fields.echo and fields.logprobs is not None,
        ),
        echo=fields.echo,
        logprobs=fields.logprobs,
        is_streamed=fields.stream,
        include_usage=include_usage,
    )


def read_generate(body: Any, models: Models) -> Request:
    """Return what a body of `POST /api/generate` asks for; raises BadField."""
    body = _object(body)
    others = ("model", "prompt", "prompt_ids", "samplers", "stop")
    bounds = {"max_new_tokens": models.max_tokens}
    default = {"max_new_tokens": min(models.max_tokens, PageFields().max_new_tokens)}
    fields = read_plain(PageFields, {**default, **body}, others=others, at_most=bounds)
    model = models.find(body.get("model"))
    ids, text = body.get("prompt_ids"), body.get("prompt")
    if ids is not None and text is not None:
        raise BadField("prompt_ids", "prompt and prompt_ids do not go together.")
    if text is not None and not isinstance(text, str):
        raise wrong_value("prompt", text, "a text; token ids are prompt_ids")
    if ids is not None and not (isinstance(ids, list) and all(type(each) is int for each in ids)):
        raise wrong_value("prompt_ids", ids, "a list of token ids")
    prompts = read_prompts([ids] if ids is not None else text)
    return Request(
        model=model.name,
        prompts=prompts,
        max_tokens=fields.max_new_tokens,
        seed=draw_seed() if fields.seed is None else fields.seed,
        chain=_specs("samplers", body.get("samplers"), model),
        stop=read_stop(body.get("stop")),
        tokens=True,
        alternatives=fields.alternatives,
    )


def read_tokenize(body: Any, models: Models, *, text: str) -> tuple[ServedModel, str]:
    """Return the model of a body, and the text under the name `text`; raises BadField."""
    body = _object(body)
    _only(body, ("model", text))
    value = body.get(text)
    if not isinstance(value, str):
        raise wrong_value(text, value, "a text")
    return models.find(body.get("model")), value


def read_detokenize(body: Any, models: Models) -> tuple[ServedModel, list[int]]:
    """Return the model of a body, and the token ids under `tokens`; raises BadField."""
    body = _object(body)
    _only(body, ("model", "tokens"))
    value = body.get("tokens")
    if not isinstance(value, list) or not all(type(each) is int for each in value):
        raise wrong_value("tokens", value, "a list of token ids")
    return models.find(body.get("model")), value


def draw_seed() -> int:
    """Return a seed for a request that has none."""
    return secrets.randbelow(2**31)


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise BadField(None, "The body is no JSON object.", 'Allowed: {"prompt": "...", ...}.')
    return body


@attrs.frozen
class _NoFields:
    """Nothing that is read as a plain field."""


def _only(body: Body, names: Sequence[str]) -> None:
    """Raise BadField for a field of another name."""
    read_plain(_NoFields, body, others=names)


def _check_unserved(fields: CompletionFields) -> None:
    """Raise BadField for what OpenAI's API has and a language model here has not."""
    if fields.best_of is not None and fields.best_of != fields.n:
        raise wrong_value("best_of", fields.best_of, f"{fields.n}, as many as n: none is left out")
    if fields.suffix:
        raise wrong_value("suffix", fields.suffix, "none, since this model continues a text")


def _check_size(fields: CompletionFields, prompts: Sequence[Given]) -> None:
    """Raise BadField for a request that would take more memory than one may."""
    count, longest = len(prompts), max(map(len, prompts))
    texts = count * fields.n
    if texts > MOST_TEXTS:
        raise wrong_value("n", fields.n, f"at most {MOST_TEXTS} texts, {count} prompts times n")
    if texts * longest > LARGEST_BATCH:
        raise BadField(
            "prompt",
            f"{texts} texts after prompts of up to {longest:,} characters or ids are too many.",
            f"Allowed: {LARGEST_BATCH:,}, texts times the longest prompt.",
        )
    if fields.logprobs is not None:
        tokens = texts * fields.max_tokens + (sum(map(len, prompts)) if fields.echo else 0)
        values = tokens * (1 + fields.logprobs)
        if values > MOST_VALUES:
            raise BadField(
                "logprobs",
                f"{tokens:,} tokens with {fields.logprobs} likely ones each are too many.",
                f"Allowed: {MOST_VALUES:,} log-probabilities.",
            )


def _includes_usage(value: Any, *, is_streamed: bool) -> bool:
    if value is None:
        return False
    if not isinstance(value, dict) or not is_streamed:
        raise wrong_value("stream_options", value, "an object, with stream: true")
    fields = read_plain(StreamFields, value, within="stream_options.")
    if fields.include_obfuscation:
        raise wrong_value("stream_options.include_obfuscation", True, "false")
    return bool(fields.include_usage)


def _chain(
    body: Body, fields: CompletionFields, model: ServedModel
) -> tuple[ResolvedComponent, ...]:
    """Return the samplers of a completion: those it names, or the run's own, after penalties."""
    wanted = [name for name in _OF_SAMPLERS if body.get(name) is not None]
    if wanted and body.get("sampler") is not None:
        raise BadField("sampler", f"sampler and {wanted[0]} do not go together.")
    penalties = _penalties(fields)
    if not wanted:
        return (
            *_chosen("sampler", penalties, model),
            *_specs("sampler", body.get("sampler"), model),
        )
    if fields.temperature == 0:
        return _chosen("temperature", [*penalties, "greedy"], model)
    specs = [*penalties]
    if fields.temperature not in (None, 1):
        specs.append(f"temperature:{fields.temperature!r}")
    specs += [f"top-k:{fields.top_k}"] if fields.top_k else []
    specs += [f"nucleus:{fields.top_p!r}"] if fields.top_p not in (None, 1) else []
    specs += [f"min-p:{fields.min_p!r}"] if fields.min_p else []
    return _chosen(wanted[0], specs, model)


def _penalties(fields: CompletionFields) -> list[str]:
    frequency, presence = fields.frequency_penalty, fields.presence_penalty
    if not frequency and not presence:
        return []
    return [f"occurrence-penalty:frequency={frequency!r},presence={presence!r}"]


def _specs(param: str, value: Any, model: ServedModel) -> tuple[ResolvedComponent, ...]:
    """Return the chain that specs ask for; of None, the run's own."""
    if value is None:
        return model.chain
    specs = [value] if isinstance(value, str) else value
    if not isinstance(specs, list) or not all(isinstance(each, str) for each in specs):
        raise wrong_value(param, value, 'a list of specs, such as ["nucleus:p=0.9"]')
    return _chosen(param, specs, model)


def _chosen(param: str, specs: Sequence[str], model: ServedModel) -> tuple[ResolvedComponent, ...]:
    try:
        return choose_all(model.registry, "sampler", [(each, param) for each in specs])
    except ComponentError as error:
        raise as_field(param, error) from error
