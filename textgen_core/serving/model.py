"""A run that is served under a name: its prompts as it reads them, and the parts of a request."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.data.reader import Reader
from textgen_core.data.token_bytes import TokenBytes
from textgen_core.errors import RunDirectoryError
from textgen_core.evaluation.windows import Windows, choose_windows
from textgen_core.export.info import describe_model
from textgen_core.formatting import visible
from textgen_core.generation import GenerationOptions
from textgen_core.generation.choices import ChoiceTexts
from textgen_core.generation.prompts import Given, check_token_ids
from textgen_core.generation.runtime import Runtime
from textgen_core.generation.sample import TextStream
from textgen_core.generation.stream import PieceStream
from textgen_core.registry import Registry, ResolvedComponent
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json
from textgen_core.serving.parts import Event, Opened, Part, PromptText, ScoringPart, WritingPart

if TYPE_CHECKING:
    from textgen_core.pipeline.opened_run import Run

MOST_UNKNOWN = 20  # parts of a prompt that are told
Stream = Callable[[Sequence[Given], tuple[ResolvedComponent, ...], GenerationOptions], PieceStream]


@attrs.frozen(kw_only=True)
class Request:
    """What is wanted of a model.

    prompts, n: n texts for each prompt. max_tokens: of a text, 0: none is written. chain: the
    samplers; tokens: whether the texts' tokens are told, with so many alternatives each; scores:
    whether the prompts' tokens are, too.
    """

    model: str
    prompts: tuple[Given, ...]
    n: int = 1
    max_tokens: int
    seed: int
    chain: tuple[ResolvedComponent, ...]
    stop: tuple[str, ...] = ()
    bias: dict[int, float] = attrs.field(factory=dict)
    tokens: bool = False
    alternatives: int = 0
    scores: bool = False

    @property
    def samplers(self) -> list[str]:
        """The specs of the chain."""
        return [each.label for each in self.chain]


class ServedModel:
    """One model of a server."""

    def __init__(
        self,
        directory: RunDirectory,
        configuration: Configuration,
        registry: Registry,
        *,
        name: str,
        reader: Reader,
        stream: Stream,
        runtime: Callable[[], Runtime],
    ) -> None:
        """Serve a run.

        Args:
            directory: where it lies.
            configuration: what it was made with.
            registry: the samplers that a request may ask for.
            name: what clients call it.
            reader: what reads prompts for the model.
            stream: writes texts.
            runtime: returns what computes.
        """
        self.directory, self.configuration, self.registry = directory, configuration, registry
        self.name, self.reader, self._stream, self._runtime = name, reader, stream, runtime

    @property
    def chain(self) -> tuple[ResolvedComponent, ...]:
        """The run's own samplers."""
        return self.configuration.samplers

    @cached_property
    def info(self) -> dict[str, Any]:
        """What there is to know of the model."""
        return describe_model(self.directory, self.configuration, self.reader, self.registry)

    @cached_property
    def created(self) -> int:
        """When the run was made, in seconds since the epoch."""
        try:
            manifest = read_json(self.directory.manifest)
            return int(datetime.fromisoformat(manifest["created"]).timestamp())
        except (RunDirectoryError, KeyError, TypeError, ValueError, OverflowError):
            return 0

    @cached_property
    def fingerprint(self) -> str:
        """What decides, beside a request, about the text: checkpoint, version, machine."""
        step = self.info["step"]
        return f"step-{step}_textgen-{version('textgen-core')}_{platform.machine()}"

    def read(self, given: Given) -> PromptText:
        """Return a prompt as the model reads it; raises UsageError for ids that it has not."""
        reader = self.reader
        if isinstance(given, str):
            read = reader.read(given)
            ends = [0, *(end for _, end in read.spans)]
            for place in range(1, len(ends)):
                ends[place] = max(ends[place - 1 : place + 1])
            ends[-1] = len(read.text) if read.token_ids else 0  # spaces that no token stands for
            texts = tuple(read.text[s:e] for s, e in pairwise(ends))
            return PromptText(text=read.text, token_ids=read.token_ids, texts=texts)
        token_ids = check_token_ids(given, reader.vocabulary_size)
        stream = TextStream(reader.tokenizer, ())
        pieces = [stream.push([each]) for each in token_ids]
        pieces[-1:] = [piece + stream.finish() for piece in pieces[-1:]]
        return PromptText(text="".join(pieces), token_ids=token_ids, texts=tuple(pieces))

    def text_of(self, token_ids: Sequence[int]) -> str:
        """Return the text of token ids; raises UsageError for ids that the model has not."""
        return self.read(token_ids).text

    def take_up(self, request: Request, deliver: Callable[[Event], None]) -> list[Part]:
        """Take up a request and return its parts; its prompts are delivered at once.

        Raises UsageError for what only shows now, such as ids that the vocabulary has not.
        """
        prompts = tuple(self.read(each) for each in request.prompts)
        parts: list[Part] = [*self._scoring(request, prompts)] if request.scores else []
        notes: tuple[str, ...] = ()
        if request.max_tokens:
            stream = self._writing(request)
            parts += [WritingPart(group) for group in stream.groups]
            notes = _notes_of(stream)
        deliver(Opened(prompts=prompts, notes=notes))
        return parts

    def _scoring(self, request: Request, prompts: Sequence[PromptText]) -> Iterator[Part]:
        texts = ChoiceTexts(self._token_bytes)
        for number, prompt in enumerate(prompts):
            yield ScoringPart(
                number,
                prompt,
                self._runtime(),
                self._windows,
                texts,
                request.alternatives,
            )

    def _writing(self, request: Request) -> PieceStream:
        return self._stream(
            [each for each in request.prompts for _ in range(request.n)],
            request.chain,
            GenerationOptions(
                max_new_tokens=request.max_tokens,
                seed=request.seed,
                stop=request.stop,
                bias=request.bias,
                tokens=request.tokens,
                alternatives=request.alternatives,
                is_shared=True,
            ),
        )

    @cached_property
    def _token_bytes(self) -> TokenBytes:
        return TokenBytes(self.reader.tokenizer)

    @cached_property
    def _windows(self) -> Windows:
        """The windows in which `textgen score` reads a text, as long as a state can be."""
        capacity = self._runtime().state_capacity
        windows = choose_windows(
            self.reader.context_length,
            capacity,
            stride=self.configuration.evaluation.stride,
            carry=self.configuration.data.batching == "stream",
        )
        size = min(windows.size, capacity or windows.size)
        return attrs.evolve(windows, size=size, stride=min(windows.stride, size))


def _notes_of(stream: PieceStream) -> tuple[str, ...]:
    """Return what there is to know of the prompts of a stream."""
    if not stream.unknown_characters:
        return stream.notes
    unknown = " ".join(map(visible, stream.unknown_characters[:MOST_UNKNOWN]))
    return (*stream.notes, f"The tokenizer has never seen these of the prompt: {unknown}")


def served(run: Run, registry: Registry, *, name: str) -> ServedModel:
    """Return a run to be served under a name; what computes is not loaded yet."""
    runtime = run.runtime
    return ServedModel(
        runtime.directory,
        runtime.configuration,
        registry,
        name=name,
        reader=runtime.reader,
        stream=run.writing.stream,
        runtime=lambda: runtime.best,
    )
