"""What the phases found, in lines: the terminal, a notebook and the log say the same."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textgen_core.corpus.analysis import Analysis
from textgen_core.evaluation.figures import read_perplexity
from textgen_core.evaluation.findings import tell_findings
from textgen_core.formatting import format_count, format_size
from textgen_core.pipeline.continuing_messages import format_forgetting

if TYPE_CHECKING:
    from textgen_core.config.resolve import Configuration
    from textgen_core.evaluation.error_analysis import Errors
    from textgen_core.evaluation.evaluation import Evaluation
    from textgen_core.models.build import ModelDescription
    from textgen_core.pipeline.preparing import Prepared
    from textgen_core.training.state import TrainingState

_WIDTH = 92  # characters of a line, which a terminal shows behind two spaces
_NARROW = 78  # of one that every run shows: any terminal has room for it
_NAMES = len("lines of one shape")  # the longest name of what was looked at
_LINE = 60  # characters of a line of the held-out text
_HELD_OUT = "_held_out"  # ends the name of a figure of the held-out text


def format_analysis(analysis: Analysis) -> list[str]:
    """Return the findings of phase 1, in two columns: what was looked at, and what was found."""
    return _columns([*_amounts(analysis), *_frequent(analysis), *_recurrent(analysis)])


def split_analysis(analysis: Analysis) -> tuple[list[str], list[str]]:
    """Return the findings of phase 1 for a run: those that say what it reads, and the others."""
    amounts, frequent = _amounts(analysis), _frequent(analysis)
    told = amounts[:2]
    if analysis.words:
        told.append(("words", f"{analysis.words:,}, of which {analysis.types:,} are different"))
    told += [each for each in frequent if each[0] in ("frequent words", "words that mark it")]
    details = [each for each in (*amounts[2:], *frequent) if each not in told]
    return _columns(told), _columns([*details, *_recurrent(analysis)])


def _columns(found: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{name:<{_NAMES}}  {text}" for name, text in found]


def _amounts(analysis: Analysis) -> list[tuple[str, str]]:
    lines_of, sentences = analysis.line_lengths, analysis.sentence_lengths
    scripts = ", ".join(list(analysis.scripts)[:3]) or "no letters"
    characters = format_count(analysis.characters, "character")
    documents = format_count(analysis.documents, "document")
    found = [
        ("text", f"{characters} in {documents}, {format_count(analysis.lines, 'line')}"),
        ("alphabet", f"{format_count(analysis.alphabet_size, 'different character')}; {scripts}"),
        (
            "words",
            f"{analysis.words:,} of {format_count(analysis.types, 'type')} "
            f"(type/token ratio {analysis.type_token_ratio:.3f}), "
            f"{analysis.hapaxes:,} of them once",
        ),
        ("lines", f"{lines_of.mean:.0f} characters on average, the longest {lines_of.maximum:,}"),
        ("sentences", f"{sentences.mean:.0f} words on average, the longest {sentences.maximum:,}"),
    ]
    if analysis.sentences == "line":
        found[-1] = ("sentences", f"a line each: {found[-1][1]}")
    if analysis.zipf is not None:
        found.append(("Zipf's slope", f"{analysis.zipf.slope:.2f} (natural text: about -1)"))
    return found


def _frequent(analysis: Analysis) -> list[tuple[str, str]]:
    found = []
    for name, counted in (
        ("frequent words", analysis.top_words),
        ("frequent bigrams", analysis.top_bigrams),
        ("frequent trigrams", analysis.top_trigrams),
    ):
        if counted:  # a text of one word has no bigram
            shown = ", ".join(f"{text} {count:,}" for text, count in counted[:5])
            found.append((name, shown))
    if analysis.domain_words:
        words = ", ".join(each.word for each in analysis.domain_words[:8])
        found.append(("words that mark it", f"{words} (beside {analysis.reference})"))
    return found


def _recurrent(analysis: Analysis) -> list[tuple[str, str]]:
    """Return duplicates, and recurrent phrases and lines, one each."""
    repeated = f"{analysis.repeated_lines:.1%} occurred before"
    found = [("repeated lines", repeated)] if analysis.repeated_lines else []
    near = analysis.near_duplicates
    if near is not None and near.pairs:
        pairs = format_count(near.pairs, "pair")
        share = f"{near.share:.1%} of {near.compared:,} {near.unit}s, {pairs}"
        found.append(("near-duplicates", share))
    for name, counted in (
        ("recurrent phrases", analysis.patterns),
        ("lines of one shape", analysis.line_shapes),
    ):
        width = max((len(f"{count:,}") for _, count in counted[:3]), default=0)
        for place, (text, count) in enumerate(counted[:3]):
            found.append(("" if place else name, f"{count:>{width},} × {text}"))
    return found


def format_preparation(prepared: Prepared, configuration: Configuration) -> list[str]:
    """Return the findings of phase 2."""
    size = prepared.tokenizer.get_vocab_size(with_added_tokens=True)
    tokenizer = configuration.tokenizer
    wanted = tokenizer.options.get("vocabulary_size")
    few = isinstance(wanted, int) and size - 4 < wanted
    fewer = f" (fewer than {wanted:,}: the text gives no more)" if few else ""
    found = f"tokenizer {tokenizer.label}: {size:,} tokens in its vocabulary{fewer}"
    lines = [*prepared.notes, found]
    for name, file in prepared.token_files.items():
        tokens = len(file.token_ids) - 1
        unknown = f", {file.unknown_tokens:,} unknown" if file.unknown_tokens else ""
        lines.append(
            f"{name}: {tokens:,} tokens{unknown}, "
            f"{file.text_bytes / max(1, tokens):.2f} bytes a token"
        )
        if file.unknown:
            shown = ", ".join(
                f"{text.strip() or repr(text)} {times:,}" for text, times in file.unknown
            )
            lines.append(f"  unknown in {name}: {shown}")
    return lines


def format_model(
    description: ModelDescription,
) -> tuple[tuple[str, ...], list[tuple[str, ...]], list[str]]:
    """Return the layer table's columns and rows, and what else phase 3 found in detail."""
    columns = ("layer", "kind", "batch of 1", f"batch of {description.batch_size}", "parameters")
    rows: list[tuple[str, ...]] = [
        (row.name, row.kind, row.output_for_one, row.output_for_batch, f"{row.parameters:,}")
        for row in description.layers
    ]
    lines = [
        f"computes in {description.precision}; training needs about "
        f"{format_size(description.memory_bytes)} of memory",
        f"a synthetic batch of {description.batch_size} x {description.context_length} tokens "
        f"gives finite logits over {description.vocabulary_size:,} tokens",
    ]
    return columns, rows, lines


def format_parameters(name: str, description: ModelDescription, origin: str | None = None) -> str:
    """Return how large the model of phase 3 is; origin: where its parameters come from."""
    parameters = format_count(description.parameters, "parameter")
    return f"{name}: {parameters}, {origin or 'random until trained'}"


def format_no_gain(before: TrainingState, after: TrainingState) -> str:
    """Return what there is to say of a resumed training that gave no better checkpoint."""
    steps = after.step - before.step
    if not steps:
        return f"There was no time for a step after step {before.step:,}."
    return (
        f"{format_count(steps, 'more step')} gave no lower validation loss than step "
        f"{after.best_step:,} has: what follows is that checkpoint's, as before."
    )


def format_evaluation(evaluation: Evaluation, vocabulary_size: int) -> list[str]:
    """Return an evaluation in lines that fit a terminal: figures, metrics, errors, findings."""
    lines = [
        f"on {evaluation.split}: {evaluation.bits_per_byte:.3f} bits per byte, "
        f"loss {evaluation.loss:.3f} nats a token",
        read_perplexity(evaluation.perplexity, vocabulary_size),
    ]
    costs = _costs(evaluation)
    if costs:
        shown = ", ".join(f"{name} {bits:.3f}" for name, bits in costs)
        lines.append(f"to beat, in bits per byte: {shown}")
    lines += format_forgetting(evaluation)
    return [*lines, *format_measures(evaluation), *format_findings(evaluation)]


def format_scores(evaluation: Evaluation, vocabulary_size: int) -> list[str]:
    """Return the figures with which a run ends: the model's place among the baselines."""
    ranked = sorted([("this model", evaluation.bits_per_byte), *_costs(evaluation)], key=_cost)
    width = max(len(name) for name, _ in ranked)
    lines = [
        f"bits per byte on the {evaluation.split} text, held out from training (less is better)",
        *(f"  {name:<{width}}  {bits:.3f}" for name, bits in ranked),
    ]
    if not math.isnan(evaluation.perplexity):
        lines.append(
            f"perplexity {evaluation.perplexity:,.1f}: as unsure as if it chose among that many of "
            f"its {vocabulary_size:,} tokens"
        )
    return [*lines, *format_forgetting(evaluation)]


def _costs(evaluation: Evaluation) -> list[tuple[str, float]]:
    """Return the bits per byte of the baselines, the best first."""
    found = [(name, each.get("bits_per_byte")) for name, each in evaluation.baselines.items()]
    return sorted([(name, bits) for name, bits in found if bits is not None], key=_cost)


def _cost(named: tuple[str, float]) -> float:
    return math.inf if math.isnan(named[1]) else named[1]


def format_measures(evaluation: Evaluation) -> list[str]:
    """Return in detail what was measured of an evaluation: parts, metrics, errors."""
    lines: list[str] = []
    if evaluation.parts:
        lines += _hanging("", _format_parts(evaluation.parts))
    width = max((len(name) for name in evaluation.metrics), default=0)
    for name, measured in evaluation.metrics.items():
        lines += _hanging(f"{name:<{width}}  ", ", ".join(_figures(name, measured)))
    if evaluation.empty_samples:
        lines.append(f"{evaluation.empty_samples} of {evaluation.samples} continuations are empty")
    if evaluation.errors is not None:
        lines += _format_errors(evaluation.errors)
    return lines


def format_findings(evaluation: Evaluation) -> list[str]:
    """Return what the diagnosis found, in the chosen language, each advice once."""
    lines: list[str] = []
    for found in tell_findings([each.as_json() for each in evaluation.diagnosis]):
        lines += [
            "",
            *_hanging("", f"{', '.join(found.issues)}: {' '.join(found.evidence)}", _NARROW),
        ]
        lines += _hanging("  ", found.advice, _NARROW)
    return lines


def _format_parts(parts: Mapping[str, Mapping[str, float]]) -> str:
    """Return what the parts of a mixture need alone."""
    order = parts["counts"]["order"]
    counts, network = (parts[name]["bits_per_byte"] for name in ("counts", "network"))
    return (
        f"its parts alone, in bits per byte: network {network:.3f}, "
        f"counts of {order:.0f}-grams {counts:.3f}"
    )


def _format_errors(errors: Errors) -> list[str]:
    """Return the highlights of an error analysis; the report has all of it."""
    lines = []
    frequencies = errors.by_frequency
    if len(frequencies) > 1:
        rare, frequent = frequencies[0], frequencies[-1]
        seen = f"seen up to {rare['to']:,} times" if rare["to"] else "never seen"
        lines += _hanging(
            "",
            f"tokens {seen} in training cost {rare['loss']:.2f} nats, those seen "
            f"{frequent['from']:,} times or more {frequent['loss']:.2f}",
        )
    if errors.worst_lines:
        worst = errors.worst_lines[0]
        text = worst["text"] if len(worst["text"]) <= _LINE else worst["text"][: _LINE - 1] + "…"
        lines += _hanging("", f"the worst line, {worst['bits_per_byte']:.2f} bits per byte: {text}")
    return lines


def _figures(metric: str, measured: Mapping[str, float | None]) -> list[str]:
    """Return a metric's figures in words: that of held-out text behind the one it belongs to."""
    shown = []
    for name, value in measured.items():
        if name.removesuffix(_HELD_OUT) in measured and name.endswith(_HELD_OUT):
            continue
        words = _figure(value) if [metric] == [*measured] else f"{name} {_figure(value)}"
        if name + _HELD_OUT in measured:
            words += f" (held-out {_figure(measured[name + _HELD_OUT])})"
        shown.append(words)
    return shown


def _hanging(head: str, text: str, width: int = _WIDTH) -> list[str]:
    """Return a text in lines that fit a terminal, with a hanging indent as wide as `head`."""
    indent, words = " " * len(head), " ".join(text.split())
    return textwrap.wrap(
        words, width, initial_indent=head, subsequent_indent=indent, break_on_hyphens=False
    )


def _figure(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if value == int(value) and abs(value) >= 10 else f"{value:.3g}"
