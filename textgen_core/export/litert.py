"""`litert`: a folder with a run's LiteRT programs, and an example that needs no textgen.

What is in it, README.md in the folder says (`litert_files/`). A program here takes its state and
returns it whole, so that whoever runs it has nothing else to know of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from textgen_core.counts.counts import Counts
from textgen_core.data.reader import Reader
from textgen_core.data.token_bytes import TokenBytes
from textgen_core.data.tokenizer import SPECIAL_TOKENS
from textgen_core.export.info import describe_model
from textgen_core.export.litert_readme import render_readme
from textgen_core.export.pieces import describe_pieces
from textgen_core.export.placing import MARK
from textgen_core.export.rounding import added_bits, check_added_bits
from textgen_core.generation.chain import Chain
from textgen_core.generation.prompts import read_prompts
from textgen_core.generation.runtime import Runtime
from textgen_core.pipeline.opened_run import Run
from textgen_core.programs.library import Library
from textgen_core.programs.model_steps import ModelSteps, initial_state
from textgen_core.programs.program import NotConvertible, Program
from textgen_core.programs.runtime import ProgramRuntime
from textgen_core.programs.sampler_stages import Stage
from textgen_core.registry import discover
from textgen_core.registry.registry import CORE
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_text, write_json, write_text

if TYPE_CHECKING:
    from textgen_core.export.exporters import Settings

FORMAT = "textgen-litert"
FORMAT_VERSION = 1
ROOM = 4096  # tokens of a text, its prompt among them
_FILES = ("example.py", "tables.py")
_OF_LEVELS = ("tokens", "starts", "discounted", "left")
_FACTS = (
    *("architecture", "tokenizer", "vocabulary_size", "context_length", "parameters", "step"),
    *("trained_on", "bits_per_byte", "split", "notices"),
)

Arrays = dict[str, np.ndarray]


def export_litert(run: Run, path: Path, settings: Settings) -> str:
    """Write the folder, and return how it is used."""
    runtime = run.runtime
    programs, library = runtime.programs, runtime.library
    reader, arrays = library.reader, Arrays()
    path.mkdir()
    about = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "made_with": f"{CORE} {version(CORE)}",
        "title": settings.title,
        **_facts(run, reader),
        "precision": settings.precision,
        "special_tokens": {name: place for place, name in enumerate(SPECIAL_TOKENS)},
        "seed": run.configuration.seed,
        "room": ROOM,
        "state_capacity": programs.state_capacity,
        "model": _write_model(path, run, programs, settings.precision, arrays),
        "samplers": list(_write_samplers(path, run, library, arrays)),
        "counts": _take_counts(reader, arrays),
        **_take_prompt(settings.prompt, programs, arrays),
    }
    np.savez_compressed(path / "arrays.npz", allow_pickle=False, **arrays)
    write_json(path / MARK, about)
    pieces = describe_pieces(reader.tokenizer)
    write_json(path / "pieces.json", pieces)
    write_text(path / "tokenizer.json", read_text(RunDirectory(run.directory).tokenizer))
    for name in _FILES:
        text = files("textgen_core.export").joinpath("litert_files", f"{name}.txt")
        write_text(path / name, text.read_text(encoding="utf-8"))
    write_text(path / "README.md", render_readme(about, is_of_characters=pieces["are_characters"]))
    return "pip install ai-edge-litert numpy && python {path}/example.py"


def _facts(run: Run, reader: Reader) -> dict[str, Any]:
    """Return what is said of the run: names and figures."""
    directory = RunDirectory(run.directory)
    described = describe_model(directory, run.configuration, reader, discover())
    return {name: described[name] for name in _FACTS}


def _write_model(
    path: Path, run: Run, programs: ProgramRuntime, precision: str, arrays: Arrays
) -> dict[str, Any]:
    """Write the program of the model; return what there is to know of it, and of its state."""
    with _naming(run.configuration.model.description):
        library = programs.library
        program = library.make_model(1, whole_states=True, precision=precision)
    if precision != "float32":
        _check_rounding(program, programs, precision)
    described = zip(program.about["initial"], program.inputs[1:], strict=True)
    states = {
        f"state_{number}": np.broadcast_to(initial_state(each, place), place.shape)
        for number, (each, place) in enumerate(described)
    }
    return _write(path / "model.tflite", program, ["token_ids", *states], states, states, arrays)


def _check_rounding(program: Program, programs: ProgramRuntime, precision: str) -> None:
    """Raise UsageError if a program of rounded weights is much worse than one of all bits."""
    exact, rounded = programs.steps(1), programs.mixed(ModelSteps(program))
    bits = added_bits(exact, rounded, programs.reader, programs.state_capacity)
    check_added_bits(bits, precision)


def _write_samplers(
    path: Path, run: Run, library: Library, arrays: Arrays
) -> Iterator[dict[str, Any]]:
    """Write the programs of the run's own chain; yield what there is to know of each."""
    chosen = run.samplers()
    instances, names = [each.instance for each in chosen], [each.description for each in chosen]
    chain = Chain(instances, names, library.reader.tokenizer)
    for number, (each, link) in enumerate(zip(chosen, chain.links, strict=True), start=1):
        with _naming(each.description):
            program = library.sampler(link, 1, ROOM)
            stage = Stage(each.description, program, link.values_of(each.instance))
        values = link.values_of(each.instance)
        options = {f"option_{name}": np.array(values[name]) for name in program.about["options"]}
        states = {f"state_{place}": array for place, array in enumerate(stage.initial)}
        inputs = ["logits", *program.about["history"], *options, *states]
        file, held = path / f"sampler-{number}.tflite", {**options, **states}
        described = _write(file, program, inputs, states, held, arrays)
        yield {"name": each.name, "spec": each.label, **described}


def _write(
    path: Path,
    program: Program,
    inputs: Sequence[str],
    states: Collection[str],
    held: Mapping[str, np.ndarray],
    arrays: Arrays,
) -> dict[str, Any]:
    """Write a program, and return how it is described.

    inputs: the names of its inputs; states: of those that outputs 1, 2 and so on replace; held:
    what inputs hold before the first token.
    """
    path.write_bytes(program.content)
    places = dict(zip(inputs, program.inputs, strict=True))
    initial = {name: f"{path.stem}_{name}" for name in held}
    for name, array in held.items():
        place = places[name]
        arrays[initial[name]] = np.array(np.broadcast_to(array, place.shape), place.dtype)
    return {
        "file": path.name,
        "inputs": {name: attrs.asdict(place) for name, place in places.items()},
        "outputs": [attrs.asdict(place) for place in program.outputs[: 1 + len(states)]],
        "state": list(states),
        "initial": initial,
    }


def _take_counts(reader: Reader, arrays: Arrays) -> dict[str, Any] | None:
    """Take the counts of n-grams into the arrays; return how they are mixed with the network."""
    counts = reader.counts
    if not isinstance(counts, Counts):
        return None
    for length, level in enumerate(counts.trie.levels):
        for kind in _OF_LEVELS:
            arrays[f"{kind}_{length}"] = np.asarray(getattr(level, kind))
    weights = counts.weights
    return {
        "order": counts.order,
        "weight": weights.counts,
        "weight_of_network": weights.network,
    }


def _take_prompt(text: str, runtime: Runtime, arrays: Arrays) -> dict[str, Any]:
    """Return the prompt as it is fed; take what may be drawn after it into the arrays.

    The end of a prompt is written again, so that a text goes on as in `textgen generate`: hence the
    states beyond those of characters.
    """
    prompts = read_prompts([text], runtime, TokenBytes(runtime.reader.tokenizer))
    (prompt,), guide = prompts.rows, prompts.guide
    arrays["allowed"], arrays["follows"] = guide.bias, guide.follows
    return {
        "states": guide.consumed,
        "prompt": {
            "text": prompt.text,
            "token_ids": list(prompt.cut.token_ids),
            "state": guide.initial[0],
            "tail": prompt.cut.tail if prompt.root else "",
        },
    }


@contextmanager
def _naming(component: str) -> Iterator[None]:
    """Name the component in the reason why there is no program of it."""
    try:
        yield
    except NotConvertible as error:
        problem = f"{component} has no program. {error.problem}"
        raise NotConvertible(problem, is_lasting=error.is_lasting) from error
