"""The texts that a run wrote: those at the end, and one prompt and seed over the steps."""

from __future__ import annotations

import itertools
import json

import attrs

from textgen_core.formatting import say
from textgen_core.report.records import Records, Section, Table, step_of
from textgen_core.report.wording import cut, sentence_case, show_count, show_figure, show_short

LONGEST_SAMPLE = 4000  # characters on the page; samples.jsonl has all
LONGEST_PROMPT = 1000
LONGEST_FRAME = 900  # of a text in the time-lapse, which is there to be compared
MOST_LINES = 16  # of such a text
MOST_FRAMES = 10
MOST_SAMPLES = 12
MASKED = "[memorized]"

_SHORTEST = 8  # characters: less is no passage, and would be found in every text


@attrs.frozen(kw_only=True)
class Frame:
    """A text of the time-lapse: its step, also as a label has it, and the validation loss or ""."""

    step: str
    short: str
    loss: str
    text: str


@attrs.frozen(kw_only=True)
class Mask:
    """Passages that may not be shown, the longest first, where a page may not quote the corpus.

    A model's own text may be on such a page; a memorized passage is a quotation.
    """

    passages: tuple[str, ...] = ()

    def hide(self, text: str) -> str:
        """Return a text with every passage in it replaced."""
        for passage in self.passages:
            text = text.replace(passage, MASKED)
        return text


def build_mask(records: Records, *, excerpts: bool) -> Mask:
    """Return what to hide: nothing, or without `excerpts` every passage marked as memorized."""
    if excerpts or records.evaluation is None:
        return Mask()
    found: set[str] = set()
    for written in records.evaluation.tables("written"):
        tokens = written.rows("pieces", str, float, bool)
        for is_memorized, span in itertools.groupby(tokens, key=lambda token: token[2]):
            passage = "".join(text for text, _, _ in span).strip()
            if is_memorized and len(passage) >= _SHORTEST:
                found.add(passage)
    return Mask(passages=tuple(sorted(found, key=lambda passage: (-len(passage), passage))))


def describe_written(records: Records, mask: Mask) -> Section | None:
    """Return the last texts of a run: those that end samples.jsonl and share one step."""
    if not records.samples:
        return None
    last = records.samples[-1]
    of_last = (step_of(last), _group(last))
    rows = itertools.takewhile(
        lambda row: (step_of(row), _group(row)) == of_last, reversed(records.samples)
    )
    shown = [cut(mask.hide(row.text("text") or ""), LONGEST_SAMPLE) for row in rows]
    prompt = last.text("prompt") or ""
    if not prompt.strip():  # what follows white space begins a page
        shown = [text.strip("\n") for text in shown]
    texts = dict.fromkeys(reversed(shown))
    settings = records.configuration.table("generation") if records.configuration else None
    samples = settings.number("samples") if settings else None
    wanted = max(1, min(MOST_SAMPLES, int(samples or MOST_SAMPLES)))
    return {
        "prompt": cut(prompt, LONGEST_PROMPT),
        "step": show_count(step_of(last)),
        "circumstances": say(
            "Written at step {step}, {circumstances}.",
            step=show_count(step_of(last)),
            circumstances=_circumstances(last),
        ),
        # Training's own sample of that step may come first; the final ones are the last.
        "texts": tuple(texts)[-wanted:],
    }


def describe_time_lapse(records: Records, mask: Mask) -> Section | None:
    """Return the prompt and seed with the most steps, if there are two steps at least."""
    groups: dict[str, dict[int, Table]] = {}
    for row in records.samples:
        # The first text of a step was written during training; final ones may follow.
        groups.setdefault(_group(row), {}).setdefault(step_of(row), row)
    steps = max(groups.values(), key=len, default={})
    if len(steps) < 2:
        return None
    losses = {step_of(row): row.number("validation_loss") for row in records.validations}
    shown = sorted(steps)
    if len(shown) > MOST_FRAMES:  # the first, the last, and others spread evenly
        last = len(shown) - 1
        shown = [shown[round(at * last / (MOST_FRAMES - 1))] for at in range(MOST_FRAMES)]
    frames = tuple(
        Frame(
            step=show_count(step),
            short=show_short(step),
            loss="" if losses.get(step) is None else show_figure(losses[step], 3),
            text=beginning(mask.hide(steps[step].text("text") or "")),
        )
        for step in shown
    )
    return {
        "prompt": " ".join(cut(steps[shown[0]].text("prompt") or "", LONGEST_PROMPT).split()),
        "sentence": _lapse_sentence(steps[shown[0]], len(steps) - len(frames)),
        "frames": frames,
        "left_out": len(steps) - len(frames),
    }


def _lapse_sentence(first: Table, left_out: int) -> str:
    """Return what all texts of the time-lapse share, and what of them is not shown."""
    whole = say("Long texts are cut; samples.jsonl has them whole.")
    if left_out:
        whole = say(
            "Long texts are cut, and {number} texts left out; samples.jsonl has them whole.",
            number=left_out,
        )
    return f"{sentence_case(_circumstances(first))}. {whole}"


def beginning(text: str, most_lines: int = MOST_LINES, longest: int = LONGEST_FRAME) -> str:
    """Return the first lines of a text."""
    lines = text.strip().split("\n", most_lines)
    rest = "…" if len(lines) > most_lines else ""
    return cut("\n".join(lines[:most_lines]).rstrip() + rest, longest)


def _group(row: Table) -> str:
    """Return what must be the same for two texts to be comparable."""
    return json.dumps([row.values.get(key) for key in ("prompt", "seed", "samplers")])


def _circumstances(row: Table) -> str:
    samplers = row.values.get("samplers")
    names = samplers if isinstance(samplers, list) else [samplers] if samplers else []
    # Of a sampler its spec, or the name in its table.
    chain = say(", then ").join(
        str(each.get("name", each)) if isinstance(each, dict) else str(each) for each in names
    )
    seed = show_count(row.number("seed")).replace(",", "")
    if not chain:
        return say("seed {seed}", seed=seed)
    return say("seed {seed}, sampler {chain}", seed=seed, chain=cut(chain, 200))
