"""Steps and stages that LiteRT programs compute: no TensorFlow is imported, nothing is traced."""

from __future__ import annotations

import contextlib

from textgen_core.generation.chain import Chain
from textgen_core.generation.runtime import Runtime, Values
from textgen_core.generation.steps import Stages, Steps
from textgen_core.models.cores import cores
from textgen_core.programs.library import ROW_COUNTS, Library
from textgen_core.programs.model_steps import ModelSteps
from textgen_core.programs.program import Program
from textgen_core.programs.sampler_stages import ProgramStages

FEWEST_OF_MANY = 4  # texts for which the program of many rows is quicker than one row for each


class ProgramRuntime(Runtime):
    """Computes with the programs of a library."""

    name = "program"

    def __init__(self, library: Library) -> None:
        """Find or make the model's program for one row; raises NotConvertible without one."""
        self.library = library
        self.reader = library.reader
        self.state_capacity = library.model(1).about["state_capacity"]
        self.side_by_side = cores()
        self._idle: list[_PooledSteps] = []

    def prepare(self, chain: Chain, rows: int, capacity: int) -> None:
        """Find or make all programs for groups of so many rows.

        Raises NotConvertible if one of the samplers, or the model, cannot become a program.
        """
        self.library.model(rows)
        for link in chain.links:
            self.library.sampler(link, rows, capacity)

    def rows_for(self, texts: int, **_: int) -> int:
        """Return the rows of the next group: those of a program."""
        one, many = ROW_COUNTS
        return many if texts >= FEWEST_OF_MANY else one

    def _steps(self, rows: int, compile_with: str, *, is_alone: bool) -> Steps:  # noqa: ARG002
        """Return the model's steps; those of texts that were written before, where any are idle."""
        program = self.library.model(rows)
        threads = program.about["threads"] if is_alone else 1
        for each in tuple(self._idle):
            if (each.rows, each.threads) == (rows, threads):
                with contextlib.suppress(ValueError):  # another thread has taken them
                    self._idle.remove(each)
                    return each
        return _PooledSteps(program, threads, self._idle)

    def stages(self, chain: Chain, values: Values, *, rows: int, capacity: int, **_: str) -> Stages:
        """Return the chain's stages, a program for each sampler."""

        def program_of(number: int, capacity: int) -> Program:
            return self.library.sampler(chain.links[number], rows, capacity)

        return ProgramStages(chain.links, program_of, values, capacity)


class _PooledSteps(ModelSteps):
    """Steps that serve another text once they are released: to load a program takes a while."""

    def __init__(self, program: Program, threads: int, idle: list[_PooledSteps]) -> None:
        super().__init__(program, threads)
        self.threads, self._idle = threads, idle

    def release(self) -> None:
        self._idle.append(self)
