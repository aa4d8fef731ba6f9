"""Writing texts: prompts in, pieces of text out, the same for any language model and samplers.

A prompt is fed after <START>, less what token healing takes back; <PAD>, <UNK> and <START> are
never drawn. More texts than the runtime writes side by side are written group after group.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import tokenizers

from textgen_core.components import Sampler
from textgen_core.data.text_input import unknown_parts
from textgen_core.data.token_bytes import TokenBytes
from textgen_core.errors import UsageError
from textgen_core.formatting import format_count
from textgen_core.generation.chain import Chain
from textgen_core.generation.loop import Loop
from textgen_core.generation.options import GenerationOptions
from textgen_core.generation.plan import Plan, first_capacity
from textgen_core.generation.prompts import Given, Prompts, read_prompts
from textgen_core.generation.runtime import Runtime
from textgen_core.generation.stream import Generation, PieceStream

if TYPE_CHECKING:
    from textgen_core.models.language_model import LanguageModel


class Generator:
    """Writes with one model and one chain of samplers.

    What is compiled is kept by the runtime, so that a second call with as many prompts starts at
    once. It is shared with the generators that `with_samplers` returns.
    """

    def __init__(
        self,
        model: Runtime | LanguageModel,
        samplers: Sequence[Sampler],
        *,
        labels: Sequence[str] | None = None,
        specs: Sequence[str] | None = None,
    ) -> None:
        """Bind the samplers.

        model: what computes, or a model that TensorFlow then computes. labels, specs: what the
        samplers are called in errors and in traces, by default by their class.
        """
        names = [type(sampler).__name__ for sampler in samplers]
        self.runtime = model if isinstance(model, Runtime) else _on_tensorflow(model)
        tokenizer = self.runtime.reader.tokenizer
        self.chain = Chain(samplers, labels or names, tokenizer)
        self._values = self.chain.values(samplers)
        self._specs = tuple(specs or names)
        self._token_bytes = TokenBytes(tokenizer)

    def is_compatible(self, samplers: Sequence[Sampler]) -> bool:
        """Whether these samplers differ from the generator's in traced options at most."""
        return self.chain.is_compatible(samplers)

    def with_samplers(
        self, samplers: Sequence[Sampler], specs: Sequence[str] | None = None
    ) -> Generator:
        """Return a generator for compatible samplers, which compiles nothing again."""
        other = copy.copy(self)
        other._values = self.chain.values(samplers)
        other._specs = tuple(specs or self._specs)
        return other

    def on(self, runtime: Runtime) -> Generator:
        """Return a generator with the same samplers that computes with another runtime."""
        other = copy.copy(self)
        other.runtime = runtime
        return other

    def stream(
        self, prompts: Sequence[Given], options: GenerationOptions | None = None, **fields: Any
    ) -> PieceStream:
        """Return an iterator over the pieces of one text for each prompt, written side by side.

        Args:
            prompts: one or more; an empty text is a prompt. Token ids are fed as they are.
            options: how the texts are written.
            fields: the fields of GenerationOptions, in place of it.

        Raises:
            UsageError: a value that cannot be used.
            PluginFailure: from the iterator, if the model or a sampler fails.
        """
        options = options or GenerationOptions(**fields)
        if isinstance(prompts, str):
            raise UsageError("The prompts are a single text.", "Allowed: a list of texts.")
        if not prompts:
            raise UsageError("There is no prompt.", "Allowed: one or more; one may be empty.")
        read = read_prompts(prompts, self.runtime, self._token_bytes).biased(options.bias)
        plans = list(self._plans(read, options))
        compile_with = options.compile_with(len(prompts))
        is_alone = len(plans) == 1 and not options.is_shared
        for rows in {plan.rows for plan in plans}:
            self.runtime.prepare(self.chain, rows, plans[0].capacity)

        def start_loop(plan: Plan) -> Loop:
            stages = self.runtime.stages(
                self.chain,
                self._values,
                rows=plan.rows,
                capacity=plan.capacity,
                compile_with=compile_with,
            )
            steps = self.runtime.steps(plan.rows, compile_with, is_alone=is_alone)
            return Loop(self.runtime, steps, stages, plan)

        return PieceStream(
            plans,
            read,
            start_loop,
            specs=self._specs,
            samplers=tuple(link.name for link in self.chain.links),
            side_by_side=self.runtime.side_by_side,
            notes=_note_of_memory(plans) if self.runtime.is_bound_by_memory else (),
        )

    def _plans(self, read: Prompts, options: GenerationOptions) -> Iterator[Plan]:
        """Yield the groups that the texts are written in."""
        first, capacity = 0, first_capacity(read, options)
        while first < len(read.rows):
            rows = self.runtime.rows_for(
                len(read.rows) - first,
                capacity=capacity,
                stages=1 + len(self.chain.links),
                alternatives=options.alternatives,
            )
            yield Plan(
                token_bytes=self._token_bytes,
                prompts=read.part(first, first + rows),
                first=first,
                rows=rows,
                capacity=capacity,
                options=options,
            )
            first += rows

    def generate(
        self, prompts: Sequence[Given], options: GenerationOptions | None = None, **fields: Any
    ) -> Generation:
        """Write to the end and return all; the arguments are those of `stream`."""
        return self.stream(prompts, options, **fields).result()


def _on_tensorflow(language_model: LanguageModel) -> Runtime:
    from textgen_core.generation.tensorflow_runtime import TensorFlowRuntime

    return TensorFlowRuntime(language_model)


def _note_of_memory(plans: Sequence[Plan]) -> list[str]:
    """Return the note on more texts than fit into memory together."""
    if len(plans) == 1:
        return []
    texts = format_count(sum(plan.texts for plan in plans), "text")
    each = format_count(plans[0].texts, "text")
    return [f"{texts} do not fit into memory together: they are written {each} at a time."]


def unknown_characters(tokenizer: tokenizers.Tokenizer, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of the texts that the tokenizer can only encode as <UNK>, each once.

    Single characters with a character tokenizer, whole words with a word tokenizer.
    """
    return unknown_parts(tokenizer, texts)
