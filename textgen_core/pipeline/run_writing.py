"""How an opened run writes: with which samplers, and what computes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs

from textgen_core.config.chains import choose_samplers
from textgen_core.config.resolve import Configuration
from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import printable
from textgen_core.formatting.html import text_block
from textgen_core.generation import GenerationOptions, Generator, PieceStream
from textgen_core.generation.prompts import Given
from textgen_core.pipeline.run_runtime import RunRuntime
from textgen_core.programs.program import NotConvertible
from textgen_core.registry import ResolvedComponent
from textgen_core.runs.directory import RunDirectory

MOST_CHAINS = 64  # of which generators are kept; what was used longest ago goes

if TYPE_CHECKING:
    from textgen_core.generation.runtime import Runtime
    from textgen_core.models.language_model import LanguageModel


@attrs.define
class RunWriting:
    """Writes with one run. `runtime` chooses what computes."""

    _directory: RunDirectory
    _configuration: Configuration
    _warnings: Sequence[str]
    runtime: RunRuntime
    _generators: list[Generator] = attrs.field(factory=list, init=False)

    def stream(
        self,
        prompts: Sequence[Given],
        samplers: tuple[ResolvedComponent, ...],
        options: GenerationOptions,
    ) -> PieceStream:
        """Write one text for each prompt with a chain of samplers."""
        generator = self._generator(samplers)
        try:
            return generator.stream(prompts, options)
        except NotConvertible as error:  # one of the samplers; the model was converted before
            on_tensorflow = generator.on(self.runtime.instead_of_programs(error))
            kept = [each for each in self._generators if each.chain is not generator.chain]
            self._generators = [*kept, on_tensorflow]
            return on_tensorflow.stream(prompts, options)

    def options(
        self, given: Mapping[str, Any], alternatives: int, compile: Literal["xla", "graph", "auto"]
    ) -> GenerationOptions:
        """Return how to write: of what is None in `given` the run's own."""
        settings = self._configuration
        own = {"max_new_tokens": settings.generation.max_new_tokens, "seed": settings.seed}
        wanted = {name: value for name, value in given.items() if value is not None}
        return GenerationOptions(**{**own, **wanted}, alternatives=alternatives, compile=compile)

    def samplers(self, request: Any) -> tuple[ResolvedComponent, ...]:
        """Find and check the samplers of a request; of None, the run's own."""
        if request is None:
            self.require("sampler")
            return self._configuration.samplers
        return choose_samplers(request)

    def require(self, *kinds: str) -> None:
        """Raise RunDirectoryError if this installation lacks a component of one of the kinds."""
        for kind in kinds:
            if kind in self._configuration.missing:
                raise RunDirectoryError(
                    f"{self._directory.path} was made with a {kind} that is not installed here.",
                    advice=" ".join(self._warnings),
                )

    def _generator(self, samplers: tuple[ResolvedComponent, ...]) -> Generator:
        """Return a generator for a chain, which shares what was made for a compatible one."""
        instances = [each.instance for each in samplers]
        for generator in self._generators:
            if generator.is_compatible(instances):
                self._generators.remove(generator)
                self._generators.append(generator)
                return generator.with_samplers(instances, [each.label for each in samplers])
        del self._generators[: 1 - MOST_CHAINS]
        self._generators.append(make_generator(samplers, self.runtime.best))
        return self._generators[-1]


class Pieces(Iterator[str]):
    """The pieces of a text as they are written, which joined are the text.

    `str` and a notebook's output write it to its end.
    """

    def __init__(self, stream: PieceStream) -> None:
        self._stream = stream
        self._taken: list[str] = []

    def __next__(self) -> str:
        piece = next(self._stream).text
        self._taken.append(piece)
        return piece

    def __str__(self) -> str:
        for _ in self:
            pass
        return "".join(self._taken)

    def close(self) -> None:
        """Leave off writing."""
        self._stream.close()

    def _repr_html_(self) -> str:
        return text_block(str(self), self._stream.prompts[0])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("..." if cycle else printable(self._stream.prompts[0] + str(self)))


def make_generator(
    samplers: Sequence[ResolvedComponent], model: Runtime | LanguageModel
) -> Generator:
    """Return the generator of a chain of samplers."""
    return Generator(
        model,
        [chosen.instance for chosen in samplers],
        labels=[f"{chosen.name} ({chosen.component.provider})" for chosen in samplers],
        specs=[chosen.label for chosen in samplers],
    )
