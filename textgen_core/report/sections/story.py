"""What a reader wants first: the state of the run, the verdict, a text of its own, what to do."""

from __future__ import annotations

from pathlib import Path

import attrs

from textgen_core.evaluation.verdict import read_verdict
from textgen_core.formatting import format_duration, say, shell_word
from textgen_core.report.records import Progress, Records, Section
from textgen_core.report.sections.samples import Mask, beginning, describe_written
from textgen_core.report.wording import cut, show_count

_MOST_LINES, _LONGEST = 11, 480  # of the text on the first screen
_MINUTES = 10  # that a trained run is offered to go on for
_EPOCHS = 2


@attrs.frozen(kw_only=True)
class State:
    """What a run is doing, or why it is not finished; `kind` is a CSS class."""

    sentence: str
    kind: str = ""


@attrs.frozen(kw_only=True)
class Sample:
    """A text that the run wrote, after its prompt, and where it comes from."""

    prompt: str
    text: str
    sentence: str


def describe_story(records: Records, run: Path, mask: Mask) -> Section:
    """Return the first screen of a run, which lies at a path."""
    return {
        "state": _state(records),
        "verdict": _verdict(records, shell_word(run)),
        "sample": _sample(records, mask),
        "commands": () if records.progress else _commands(records, run),
    }


def _state(records: Records) -> State | None:
    if records.progress is not None:
        return State(sentence=_going(records.progress), kind="going")
    if not records.is_interrupted or records.newest is None:
        return None
    step, last = records.newest.number("step"), records.newest.table("plan").number("last_step")
    return State(
        sentence=say(
            "The training was interrupted at step {step} of about {last}. What is shown is what "
            "was known by then.",
            step=show_count(step),
            last=show_count(last),
        )
    )


def _verdict(records: Records, run: str) -> tuple[str, ...]:
    verdict = read_verdict(records.evaluation.values) if records.evaluation else None
    if verdict is None:
        return ()
    return tuple(cut(sentence, _LONGEST) for sentence in verdict.sentences(run))


def _going(progress: Progress) -> str:
    step, left = show_count(progress.step), progress.seconds_left
    if progress.is_trained:
        told = say("Trained to step {step}; it is being scored.", step=step)
    elif left is None or left < 1:
        told = say("Training, step {step}.", step=step)
    else:
        told = say(
            "Training, step {step}, about {left} left.", step=step, left=format_duration(left)
        )
    follows = say("This page follows it.") if progress.refresh else say("Its report follows it.")
    return f"{told} {follows}"


def _sample(records: Records, mask: Mask) -> Sample | None:
    written = describe_written(records, mask)
    if written is None:
        return None
    return Sample(
        prompt=written["prompt"] if written["prompt"].strip() else "",
        text=beginning(written["texts"][0], _MOST_LINES, _LONGEST),
        sentence=written["circumstances"],
    )


def _commands(records: Records, run: Path) -> tuple[tuple[str, str], ...]:
    """Return what can be done with a run, each with its command."""
    if records.newest is None and not records.samples:
        return ((say("Begin it again"), f"textgen resume {shell_word(run)}"),)
    if records.is_interrupted:
        return (
            (say("Go on with the training"), f"textgen resume {shell_word(run)}"),
            (say("Write with it as it is"), f"textgen generate {shell_word(run)}"),
        )
    training = records.configuration.table("training").values if records.configuration else {}
    longer = f" --minutes {_MINUTES}"
    if "epochs" in training:
        longer = f" --epochs {_EPOCHS}"
    elif isinstance(training.get("steps"), int):
        longer = f" --steps {training['steps']}"
    return (
        (say("Write more"), f"textgen generate {shell_word(run)}"),
        (say("Write in turns with it"), f"textgen generate {shell_word(run)} --interactive"),
        (say("Train it further"), f"textgen resume {shell_word(run)}" + longer),
        (say("Score it on a text of yours"), f"textgen evaluate {shell_word(run)} --text FILE"),
    )
