"""How an opened run writes: which samplers it uses, and which compiled loops they share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from textgen_core.config.chains import choose_samplers
from textgen_core.config.resolve import Configuration
from textgen_core.errors import RunDirectoryError
from textgen_core.generation import GenerationOptions, Generator, PieceStream
from textgen_core.models.language_model import LanguageModel
from textgen_core.registry import ResolvedComponent
from textgen_core.runs.directory import RunDirectory


@attrs.define
class RunWriting:
    """Writes with one run. `_load` gives its model, which is loaded when it is first needed."""

    _directory: RunDirectory
    _configuration: Configuration
    _warnings: Sequence[str]
    _load: Callable[[], LanguageModel]
    _generators: list[Generator] = attrs.field(factory=list, init=False)

    def stream(
        self,
        prompts: Sequence[str],
        samplers: tuple[ResolvedComponent, ...],
        options: GenerationOptions,
    ) -> PieceStream:
        """Write one text for each prompt with a chain of samplers."""
        return self._generator(samplers).stream(prompts, options)

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
        """Return a generator for a chain, which shares what was compiled for a compatible one."""
        instances = [each.instance for each in samplers]
        for generator in self._generators:
            if generator.is_compatible(instances):
                return generator.with_samplers(instances, [each.label for each in samplers])
        self._generators.append(make_generator(samplers, self._load()))
        return self._generators[-1]


def make_generator(
    samplers: Sequence[ResolvedComponent], language_model: LanguageModel
) -> Generator:
    """Return the generator of a chain of samplers."""
    return Generator(
        language_model,
        [chosen.instance for chosen in samplers],
        labels=[f"{chosen.name} ({chosen.component.provider})" for chosen in samplers],
        specs=[chosen.label for chosen in samplers],
    )
