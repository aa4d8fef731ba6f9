"""What there is to say of a run that began with another, in lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen_core.formatting import format_count

if TYPE_CHECKING:
    from textgen_core.evaluation.evaluation import Evaluation
    from textgen_core.pipeline.earlier_run import EarlierRun
    from textgen_core.pipeline.preparing import Prepared

_MUCH = 0.02  # of the text's bytes: beyond it, a tokenizer of its own is better


def format_unknown(earlier: EarlierRun, prepared: Prepared) -> str:
    """Return what of the new training text the tokenizer cannot encode; empty if that is nothing.

    Most of them are single characters, but a tokenizer of words does not know whole words.
    """
    tokens = prepared.token_files["train"]
    if not tokens.unknown_tokens:
        return ""
    share = tokens.unknown_bytes / max(1, tokens.text_bytes)
    most = ", ".join(f"{text!r} {times:,}" for text, times in tokens.unknown[:5])
    size = format_count(tokens.unknown_bytes, "byte")
    found = (
        f"The tokenizer of {earlier.name} cannot encode {size} of the training text ({share:.2%}), "
        f"{tokens.unknown_tokens:,} times, most often {most}: the model takes them for <UNK>."
    )
    advice = " A run of its own, without --from, would learn them." if share > _MUCH else ""
    return found + advice


def format_forgetting(evaluation: Evaluation) -> list[str]:
    """Return what a run forgot of the one that it began with, if it did."""
    found = evaluation.forgetting
    if not found:
        return []
    (before, after), network = (
        [found[when][key] for when in ("before", "after")]
        for key in ("bits_per_byte", "network_bits_per_byte")
    )
    change = f"{before:.3f} bits per byte before, {after:.3f} now ({after - before:+.3f})"
    lines = [f"on the {found['split']} text of {found['run']}: {change}"]
    if network != [before, after]:
        alone = f"{network[0]:.3f} before, {network[1]:.3f} now"
        lines.append(f"  the network alone, without counts of the new text: {alone}")
    return lines
