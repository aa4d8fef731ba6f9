"""A plan in words: a table with a column for each time, and a sentence on what to expect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textgen_core.formatting import format_count, format_duration, format_size
from textgen_core.pipeline.planning.plan import Choice, Plan
from textgen_core.pipeline.planning.sizes import Size

_LITTLE = 0.03  # bits per byte that a mixture gains over counts: they do nearly all
_OFTEN = 15  # passes through a text, from which on more text helps more than more time
_MARK = "*"
_NAMES = {
    "tokens": "a text of this size",
    "seen": "a training of this length",
    "parameters": "a model of this size",
}


def format_text(plan: Plan) -> list[str]:
    """Return what was measured of the text, in lines."""
    text = plan.text
    medium = next(each for each in plan.sizes if each.size.is_default)
    speed = medium.pace.tokens_per_second
    assert text.xz is not None  # of a plan in full
    return [
        f"Text: {format_size(text.train_bytes)} to train on ({text.train_tokens:,} tokens), "
        f"{format_size(text.held_out_bytes)} held out.",
        f"Without a network, bits per byte of the held-out text: n-grams {text.counts:.2f}, "
        f"xz {text.xz:.2f}.",
        f"This machine: about {_rounded(speed):,} tokens a second for the model of the recipe.",
    ]


def table_of(plan: Plan) -> list[list[str]]:
    """Return the rows of a table, its head first: sizes, and bits per byte in each time."""
    head = ["size", "parameters", "memory", "disk", *map(_time, plan.minutes)]
    rows = [head]
    for facts in plan.sizes:
        cells = [_cell(plan, minutes, facts.size) for minutes in plan.minutes]
        memory = format_size(facts.memory_bytes) + ("" if facts.fits else " (too much)")
        about = [facts.size.name, f"{facts.parameters:,}", memory, format_size(facts.disk_bytes)]
        rows.append([*about, *cells])
    chosen = [plan.recommended(minutes) for minutes in plan.minutes]
    rows.append([f"passes of {_MARK}", "", "", "", *map(_passes, chosen)])
    rows.append([f"steps of {_MARK}", "", "", "", *(f"{each.steps:,}" for each in chosen)])
    return rows


def _cell(plan: Plan, minutes: float, size: Size) -> str:
    chosen = plan.recommended(minutes)
    (each,) = [each for each in plan.of(minutes) if each.facts.size == size]
    mark = _MARK if each is chosen else " "
    return f"{each.forecast.bits_per_byte:.2f} ±{_half(each):.2f}{mark}"


def _half(choice: Choice) -> float:
    return (choice.forecast.high - choice.forecast.low) / 2


def _time(minutes: float) -> str:
    return format_duration(60 * minutes)


def _passes(choice: Choice) -> str:
    return f"{choice.passes:,.0f}" if choice.passes >= 10 else f"{choice.passes:.2g}"


def _rounded(speed: float) -> int:
    return int(float(f"{speed:.2g}"))


def expect(plan: Plan, minutes: float) -> str:
    """Return in a sentence or more what to expect of what is recommended for a time."""
    return " ".join(_sentences(plan, plan.recommended(minutes)))


def format_choice(plan: Plan, minutes: float) -> str:
    """Return in a line which size a run chose, and what the others would come to."""
    chosen = plan.recommended(minutes)
    others = [
        f"{each.forecast.bits_per_byte:.2f} {each.facts.size.name}"
        for each in plan.of(minutes)
        if each is not chosen
    ]
    guess = f" (a guess: no run had {_outside(chosen)})" if chosen.forecast.outside else ""
    return (
        f"size: the {chosen.facts.size.name} one ({chosen.facts.size.spec}), for {_time(minutes)} "
        f"expected at {chosen.forecast.bits_per_byte:.2f} bits per byte; {', '.join(others)}{guess}"
    )


def _sentences(plan: Plan, choice: Choice) -> Iterator[str]:
    forecast = choice.forecast
    gain = plan.text.counts - forecast.bits_per_byte
    took = choice.seconds
    early = f" (it ends after {format_duration(took)})" if took < 0.9 * 60 * choice.minutes else ""
    yield (
        f"{_time(choice.minutes)}{early}: expect {forecast.bits_per_byte:.2f} bits per byte "
        f"({forecast.low:.2f} to {forecast.high:.2f}), {_better(gain)}."
    )
    if not choice.facts.size.is_default:
        yield f"In this time the {choice.facts.size.name} model is best."
    if choice.passes >= _OFTEN:
        times = format_count(round(choice.passes), "time")
        yield f"The text is read {times}: more text would help more than more time."
    elif gain < _LITTLE:
        yield "The network has hardly begun: nearly all of it is n-grams."
    if forecast.outside:
        yield f"No run had {_outside(choice)}: take it as a guess."


def _outside(choice: Choice) -> str:
    return " and ".join(_NAMES[each] for each in choice.forecast.outside)


def _better(gain: float) -> str:
    if gain < 0.005:
        return "no better than n-grams alone"
    return f"{gain:.2f} better than n-grams alone"


def options_of_run(choice: Choice) -> Sequence[str]:
    """Return the options of `textgen run` that make what is recommended."""
    model = [] if choice.facts.size.is_default else ["--model", choice.facts.size.spec]
    return [*model, "--minutes", f"{choice.minutes:g}"]
