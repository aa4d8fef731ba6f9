"""Writing texts with a language model: the decoding loop, drawing, stopping, streaming."""

from textgen_core.generation.generator import Generator, unknown_characters
from textgen_core.generation.group_stream import Piece
from textgen_core.generation.guide import SUPPRESSED_TOKENS
from textgen_core.generation.options import GenerationOptions
from textgen_core.generation.sample import Sample
from textgen_core.generation.stream import Generation, PieceStream

__all__ = [
    "SUPPRESSED_TOKENS",
    "Generation",
    "GenerationOptions",
    "Generator",
    "Piece",
    "PieceStream",
    "Sample",
    "unknown_characters",
]
