"""`html`: a run as one web page, opened from disk without a network, that writes by itself.

The page is the playground; its backend is the engine in `engine/`, which runs the operations of the
run's programs. All that the engine needs is one compressed block of bytes.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen_core.counts.counts import Counts
from textgen_core.data.reader import Reader
from textgen_core.errors import UsageError
from textgen_core.export.engine_source import engine_source
from textgen_core.export.info import describe_model
from textgen_core.export.kept_counts import describe_counts
from textgen_core.export.kept_loss import measure_growth
from textgen_core.export.operations import read_operations
from textgen_core.export.page import ENGINE_SCRIPT, assemble, read_file
from textgen_core.export.page_samplers import PageSamplers, describe_samplers
from textgen_core.export.page_tokenizer import describe_tokenizer
from textgen_core.export.weights import Block
from textgen_core.formatting import say
from textgen_core.pipeline.opened_run import Run
from textgen_core.programs.program import Program
from textgen_core.registry import discover
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import write_text

if TYPE_CHECKING:
    from textgen_core.export.exporters import Settings

MOST_GROWTH = 0.02  # bits per byte
MOST_TOKENS = 2048  # of one text
_ALIGNMENT = 8
_CLEANING = (
    *("unicode", "newlines", "control_characters", "spaces", "punctuation", "letter_case"),
)


def export_html(run: Run, path: Path, settings: Settings) -> str:
    """Write the page, and return how it is used.

    Raises NotConvertible or UsageError if the model or a sampler of the run's chain cannot come
    along, or if the weights lose too much in the precision that was asked for.
    """
    runtime = run.runtime
    library = runtime.library
    reader, program = library.reader, library.model(1)
    block = Block(settings.precision)
    name = run.configuration.model.description
    described = {
        "model": read_operations(program, name, block.keep),
        "tokenizer": describe_tokenizer(reader.tokenizer),
        "cleaning": _cleaning(reader),
        "knows_starts": reader.knows_starts,
        "counts": _counts(reader, block),
    }
    _check_loss(run, program, block)
    samplers = describe_samplers(run, library, block.keep)
    described |= {"samplers": samplers.programs, "constants": block.described}
    info = _info(run, reader, settings, samplers)
    page = assemble(
        title=settings.title,
        inline=True,
        scripts=[("engine.js", engine_source()), (ENGINE_SCRIPT, read_file(ENGINE_SCRIPT))],
        data={
            "textgen-info": json.dumps(info, ensure_ascii=False),
            "textgen-model": _packed(described, block.to_bytes()),
        },
    )
    write_text(path, page)
    return "open {path} in a browser"


def _packed(described: dict[str, Any], constants: bytes) -> bytes:
    """Return the length of a JSON text, the text, and what it describes, compressed together."""
    text = json.dumps(described, ensure_ascii=False, separators=(",", ":")).encode()
    head = len(text).to_bytes(4, "little") + text
    return zlib.compress(head + bytes(-len(head) % _ALIGNMENT) + constants, 9)


def _cleaning(reader: Reader) -> dict[str, Any]:
    """Return the settings by which prompts are cleaned."""
    settings = reader.cleaning
    return {} if settings is None else {each: getattr(settings, each) for each in _CLEANING}


def _counts(reader: Reader, block: Block) -> dict[str, Any] | None:
    counts = reader.counts
    return describe_counts(counts, block.keep) if isinstance(counts, Counts) else None


def _check_loss(run: Run, program: Program, block: Block) -> None:
    """Raise UsageError if a text costs too much more with the weights as they are kept."""
    if block.precision == "float32":
        return
    growth = measure_growth(run, program, block)
    if not growth <= MOST_GROWTH:  # nor if it is not a number
        raise UsageError(
            f"With its weights as {block.precision} the model loses {growth:.3f} bits per byte.",
            f"Allowed: at most {MOST_GROWTH:g}.",
            "Keep more of them: --precision float16, or float32",
        )


def _info(run: Run, reader: Reader, settings: Settings, samplers: PageSamplers) -> dict[str, Any]:
    """Return what the page says of the model."""
    directory = RunDirectory(run.directory)
    described = describe_model(directory, run.configuration, reader, discover())
    notices = [*described["notices"], *samplers.notices]
    if reader.cleaning is not None and reader.cleaning.repair == "ftfy":
        notices.append(say("Prompts are not repaired by ftfy here, as the training text was."))
    return {
        "models": [settings.title],
        "model": settings.title,
        **described,
        "default_prompt": settings.prompt,
        "max_tokens": MOST_TOKENS,
        "samplers": samplers.cards,
        "notices": notices,
    }
