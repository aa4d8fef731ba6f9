"""The first figures of the page: how well the run predicts held-out text, beside baselines."""

from __future__ import annotations

import math
from pathlib import Path

import attrs

from textgen_core.evaluation.figures import reading_of
from textgen_core.formatting import say, say_word
from textgen_core.report.charts.bars import Bar, draw_bars
from textgen_core.report.charts.svg import Figure, Picture
from textgen_core.report.records import Records, Section, Table, step_of
from textgen_core.report.wording import (
    MISSING,
    cut,
    show_count,
    show_duration,
    show_figure,
    show_percent,
    show_short,
    show_size,
)

_LONGEST_NAME = 60  # characters of a baseline that is not known
# A baseline's name on a bar, and in the legend of a curve.
_NAMES = {
    "uniform": ("Guessing among all tokens", "guessing"),
    "unigram": ("Counting tokens", "counting tokens"),
    "ngram": ("Counting {n}-grams", "counting {n}-grams"),
    "xz": ("Compressing with xz", "xz"),
}


@attrs.frozen(kw_only=True)
class Card:
    """A figure with its name."""

    name: str
    value: str
    unit: str = ""


@attrs.frozen
class NamedBaseline:
    """A baseline with its figures: nats per token and bits per byte, None where it has none."""

    name: str
    short_name: str
    loss: float | None
    bits_per_byte: float | None


def describe_headline(records: Records) -> Section:
    """Return the headline of a run, scored or not."""
    scored = records.evaluation
    return {
        "summary": _summary(records),
        "cards": _cards(scored or _last_validation(records), records),
        "sentences": _sentences(scored, records) if scored else _unscored(records),
        "bars": _bars(scored, records) if scored else None,
    }


def trained_seconds(records: Records) -> float | None:
    """Return how long the run was trained."""
    return records.training[-1].number("seconds") if records.training else None


def vocabulary_size(records: Records) -> int | None:
    """Return the tokens that the model knows, from the manifest, or from the loss of guessing."""
    if records.manifest:
        size = records.manifest.table("model").number("vocabulary_size")
        if size is not None and size >= 1:
            return int(size)
    scored = records.evaluation
    guessing = scored.table("baselines").table("uniform").number("loss") if scored else None
    return round(math.exp(guessing)) if guessing is not None and guessing < 30 else None


def read_baselines(records: Records) -> tuple[NamedBaseline, ...]:
    """Return the baselines of a run's evaluation, in its order; none if it was not scored."""
    if records.evaluation is None:
        return ()
    baselines = []
    for key, table in records.evaluation.table("baselines").subtables():
        order, own = table.number("order"), cut(key, _LONGEST_NAME)
        letter = "n" if order is None else f"{order:.0f}"
        if known := _NAMES.get(key):
            name, short_name = (say(each, n=letter) for each in known)
        else:
            name, short_name = own[:1].upper() + own[1:], own
        loss, bits_per_byte = (table.number(figure) for figure in ("loss", "bits_per_byte"))
        baselines.append(NamedBaseline(name, short_name, loss, bits_per_byte))
    return tuple(baselines)


def _summary(records: Records) -> str:
    """Return in a line what was trained on what."""
    parts: list[str] = []
    for kind in ("model", "tokenizer"):
        name = records.configuration.table(kind).text("name") if records.configuration else None
        if name:
            parts.append(f"{say(kind)} {name}")
    if records.analysis:
        parts.append(say("{size} of text", size=show_size(records.analysis.number("bytes"))))
    seconds = trained_seconds(records)
    if seconds is not None:
        parts.append(say("trained for {time}", time=show_duration(seconds)))
    return " · ".join(parts)


def _last_validation(records: Records) -> Table:
    """Return the last validation under the keys of an evaluation; empty if there is none."""
    if not records.validations:
        return Table(Path(), {})
    row = records.validations[-1]
    keys = ("loss", "perplexity", "bits_per_byte")
    return Table(row.path, {key: row.number(f"validation_{key}") for key in keys})


def _cards(figures: Table, records: Records) -> tuple[Card, ...]:
    model = records.manifest.table("model") if records.manifest else None
    parameters = model.number("parameters") if model else None
    return (
        Card(name=say("bits per byte"), value=show_figure(figures.number("bits_per_byte"), 3)),
        Card(name=say("perplexity"), value=show_figure(figures.number("perplexity"), 1)),
        Card(name=say("loss in nats per token"), value=show_figure(figures.number("loss"), 3)),
        Card(name=say("parameters"), value=show_short(parameters)),
    )


def _sentences(scored: Table, records: Records) -> tuple[str, ...]:
    sentences = [_split_sentence(scored)]
    bits, perplexity = scored.number("bits_per_byte"), scored.number("perplexity")
    if bits is not None:
        sentences.append(
            say(
                "A byte of the text costs {bits} bits, so the model could store the text in "
                "{share} of its size. This is the figure to compare between tokenizers.",
                bits=show_figure(bits, 3),
                share=show_percent(bits / 8),
            )
        )
    size = vocabulary_size(records)
    if perplexity is not None and size:
        sentences.append(_read_perplexity(perplexity, size))
    sentences += _parts(scored.table("parts"))
    sentences += _forgetting(scored.table("forgetting"))
    return tuple(sentences)


def _forgetting(found: Table) -> list[str]:
    """Return a sentence on what a run forgot of the one that it began with."""
    bits = [found.table(when).number("bits_per_byte") for when in ("before", "after")]
    if None in bits:
        return []
    before, after = (show_figure(each, 3) for each in bits)
    return [
        say(
            "This run began with {run}. A byte of held-out text of that one costs {after} bits "
            "now, and cost {before} before: the difference is what was forgotten.",
            run=cut(found.text("run") or MISSING, _LONGEST_NAME),
            after=after,
            before=before,
        )
    ]


def _parts(parts: Table) -> list[str]:
    """Return a sentence on what a network, and the counts mixed with it, need alone."""
    network, counts = parts.table("network"), parts.table("counts")
    alone = [each.number("bits_per_byte") for each in (counts, network)]
    order = counts.number("order")
    if None in alone or order is None:
        return []
    of_counts, of_network = (show_figure(bits, 3) for bits in alone)
    return [
        say(
            "This model is a network mixed with counts of {order:.0f}-grams. For a byte the counts "
            "alone need {of_counts} bits, and the network alone {of_network}.",
            order=order,
            of_counts=of_counts,
            of_network=of_network,
        )
    ]


def _read_perplexity(perplexity: float, vocabulary_size: int) -> str:
    """Return in a sentence what a perplexity says, beside that of guessing."""
    guessing = say(
        "guessing has {size} (a loss of {loss:.2f})",
        size=vocabulary_size,
        loss=math.log(vocabulary_size),
    )
    if perplexity >= vocabulary_size:
        return say(
            "Perplexity {perplexity:.1f}: no better than guessing; {guessing}.",
            perplexity=perplexity,
            guessing=guessing,
        )
    reading = reading_of(perplexity, vocabulary_size)
    if not reading:
        return say(
            "Perplexity {perplexity:.1f}, as unsure as among that many tokens, which are short "
            "ones: compare bits per byte; {guessing}.",
            perplexity=perplexity,
            guessing=guessing,
        )
    return say(
        "Perplexity {perplexity:.1f}, as unsure as among that many tokens: {reading}; {guessing}.",
        perplexity=perplexity,
        reading=say(reading),
        guessing=guessing,
    )


def _split_sentence(scored: Table) -> str:
    split = scored.text("split") or "held-out"
    start = say("Scored on the {split} split:", split=say_word(split))
    if split == "validation":
        start = say("There was no test split, so the validation split was scored:")
    tokens, size = show_count(scored.number("tokens")), show_size(scored.number("bytes"))
    unknown = scored.number("unknown_tokens")
    if not unknown:
        return f"{start} " + say("{tokens} tokens, {size}.", tokens=tokens, size=size)
    return f"{start} " + say(
        "{tokens} tokens, {unknown} of them unknown to the tokenizer, {size}.",
        tokens=tokens,
        unknown=show_count(unknown),
        size=size,
    )


def _unscored(records: Records) -> tuple[str, ...]:
    if records.progress is not None:
        state = say("This run will be scored when it is trained.")
    else:
        state = say("This run has not been scored: it was interrupted, or no text was held out.")
    if not records.validations:
        return (state,)
    step = show_count(step_of(records.validations[-1]))
    return (state, say("The figures are those of the last validation, at step {step}.", step=step))


def _bars(scored: Table, records: Records) -> Figure | None:
    """Return the bits per byte of the model and its baselines, the best first."""
    values = [(say("This model"), scored.number("bits_per_byte"), "own")]
    values += [(each.name, each.bits_per_byte, "") for each in read_baselines(records)]
    bars = [
        Bar(label=name, value=value, shown=show_figure(value, 3), kind=kind)
        for name, value, kind in values
        if value is not None
    ]
    if len(bars) < 2:
        return None
    bars.sort(key=lambda bar: bar.value)
    picture = Picture(name="baselines", title=say("Bits per byte beside baselines"))
    sentence = say("Bits for each byte of the held-out text; fewer is better.")
    return Figure(picture=draw_bars(picture, bars, row=32, label_width=34), sentence=sentence)
