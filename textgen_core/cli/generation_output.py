"""What was written, as JSON and, for a sweep, as a table of its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textgen_core.cli.terminal import harmless, stdout

if TYPE_CHECKING:
    from textgen_core.generation import Generation


def show_table(written: Sequence[Generation], prompt: str) -> None:
    """Print a row for each text, with its chain and the model's mean surprisal."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=True, box=box.SIMPLE_HEAD if stdout().is_terminal else None)
    table.add_column("samplers")
    table.add_column("nats a token", justify="right")
    table.add_column("text", ratio=1)
    for generation in written:
        for sample in generation.samples:
            losses = [-each for each in sample.log_probabilities]
            surprise = f"{sum(losses) / len(losses):.2f}" if losses else ""
            table.add_row(
                Text(" ".join(generation.samplers)), surprise, Text(harmless(prompt + sample.text))
            )
    stdout().print(table)


def generation_as_json(generation: Generation) -> dict[str, Any]:
    """Return the chain, the texts and the figures of a generation."""
    return {
        "samplers": list(generation.samplers),
        "samples": [
            {
                "text": sample.text,
                "token_ids": list(sample.token_ids),
                "log_probabilities": list(sample.log_probabilities),
            }
            for sample in generation.samples
        ],
        "tokens_per_second": generation.tokens_per_second,
        "compile_seconds": generation.compile_seconds,
        "seconds_to_first_token": generation.seconds_to_first_token,
    }
