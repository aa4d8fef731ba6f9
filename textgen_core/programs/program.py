"""What a program is: the bytes of a LiteRT model with a description, and the interpreter for them.

This module knows nothing about TensorFlow, and nothing about what a program computes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import attrs
import numpy as np

from textgen_core.errors import TextgenError, reason_of
from textgen_core.registry.quiet import without_remarks

View = Callable[[], np.ndarray]

_LENGTH = 8  # bytes before the header: how long it is
_LONGEST_HEADER = 1 << 24
_REMARK = re.compile(b"INFO: ")  # that the first interpreter makes which has something to compute


class NotConvertible(TextgenError):
    """A model or a sampler cannot become a program, or programs cannot run here.

    is_lasting: it will be the same the next time, unless something is installed or changed.
    """

    def __init__(self, problem: str, *, is_lasting: bool = True) -> None:
        super().__init__(problem)
        self.is_lasting = is_lasting


@attrs.frozen(kw_only=True)
class Place:
    """An input or an output of a program: a tensor of one shape and dtype."""

    shape: tuple[int, ...]
    dtype: str


@attrs.frozen(kw_only=True, eq=False)
class Program:
    """A LiteRT model and what is known about it.

    kind: what it computes, such as "model". inputs, outputs: in the order that it has them. about:
    what whoever runs this kind of program has to know; it must be JSON.
    """

    kind: str
    content: bytes
    inputs: tuple[Place, ...]
    outputs: tuple[Place, ...]
    about: Mapping[str, Any] = attrs.field(factory=dict)

    def to_bytes(self) -> bytes:
        """Return the program as one piece: the header's length, the header, the content."""
        header = {
            "kind": self.kind,
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "inputs": [attrs.asdict(place) for place in self.inputs],
            "outputs": [attrs.asdict(place) for place in self.outputs],
            "about": dict(self.about),
        }
        encoded = json.dumps(header).encode()
        return len(encoded).to_bytes(_LENGTH, "little") + encoded + self.content

    @classmethod
    def from_bytes(cls, blob: bytes, *, is_checked: bool = False) -> Program:
        """Return the program that `to_bytes` made into `blob`.

        is_checked: that it is whole is known, as of what the store found. Raises ValueError where a
        byte of the content is another: the interpreter would trust it.
        """
        end = _LENGTH + int.from_bytes(blob[:_LENGTH], "little")
        if len(blob) < _LENGTH or end > min(len(blob), _LONGEST_HEADER):
            raise ValueError("the program is cut off, or is none")
        content = blob[end:]
        try:
            header = json.loads(blob[_LENGTH:end])
            program = cls(
                kind=header["kind"],
                content=content,
                inputs=_places(header["inputs"]),
                outputs=_places(header["outputs"]),
                about=header["about"],
            )
            is_whole = is_checked or header["sha256"] == hashlib.sha256(content).hexdigest()
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError("the program's header is damaged") from error
        if not is_whole:
            raise ValueError("the program's content is damaged")
        return program

    def interpreter(self, threads: int = 1) -> ProgramInterpreter:
        """Return the program in an interpreter of its own, which uses so many threads.

        Raises NotConvertible if there is no interpreter here, or if it refuses the program.
        """
        return ProgramInterpreter(self, threads)


class ProgramInterpreter:
    """A program in memory, for one thread at a time.

    inputs, outputs: functions that return a view of each tensor, in order. What is written into an
    input stays there until it is written again, and changes no output. A view must be gone before
    the next `run`.
    """

    def __init__(self, program: Program, threads: int) -> None:
        """Load a program; see `Program.interpreter`."""
        self._interpreter = interpreter = _interpreter(program.content, threads)
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        if (_places_of(inputs), _places_of(outputs)) != (program.inputs, program.outputs):
            raise NotConvertible("Its program has other inputs or outputs than were asked for.")
        self.inputs = self._views(inputs)
        self.outputs = self._views(outputs)
        self._handed_on = list(self._outputs_that_are_inputs())

    def run(self) -> None:
        """Compute the outputs of what the inputs hold."""
        self._interpreter.invoke()
        for view, kept in self._handed_on:
            np.copyto(kept, view())

    def _outputs_that_are_inputs(self) -> Iterator[tuple[View, np.ndarray]]:
        """Give what the program returns as it was given, perhaps in another shape, its own memory.

        The interpreter copies no such tensor: the output would be what is written next.
        """
        for number, view in enumerate(self.outputs):
            try:
                output = view()
            except ValueError:  # found room for in each run, as a loop's results are
                continue
            if any(np.may_share_memory(output, given()) for given in self.inputs):
                kept = output.copy()
                self.outputs[number] = partial(np.asarray, kept)
                yield view, kept

    def _views(self, details: Sequence[Mapping[str, Any]]) -> list[View]:
        return [self._interpreter.tensor(each["index"]) for each in details]


def _places(described: Sequence[Mapping[str, Any]]) -> tuple[Place, ...]:
    return tuple(Place(shape=tuple(each["shape"]), dtype=each["dtype"]) for each in described)


def _places_of(details: Sequence[Mapping[str, Any]]) -> tuple[Place, ...]:
    return tuple(
        Place(shape=tuple(each["shape"].tolist()), dtype=np.dtype(each["dtype"]).name)
        for each in details
    )


def interpreter_class() -> Any:
    """Return what LiteRT's interpreters are made of.

    Raises NotConvertible where its package is missing, or cannot be imported: until it can.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # Ctrl-C while its extension was loaded
            raise KeyboardInterrupt from error
        reason = reason_of(error).rstrip(".")
        problem = f"Programs need the package ai-edge-litert: {reason}."
        raise NotConvertible(problem, is_lasting=False) from error
    return Interpreter


def _interpreter(content: bytes, threads: int) -> Any:
    make = interpreter_class()
    try:
        with without_remarks(_REMARK):
            interpreter = make(model_content=content, num_threads=threads)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise NotConvertible(f"The interpreter refuses its program: {error}") from error
    return interpreter
