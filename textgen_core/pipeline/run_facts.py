"""What a verdict says of a run that no score shows: how far it came, and flags that would help.

A flag is what to add to the command that made the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from textgen_core.config.resolve import Configuration
from textgen_core.config.settings import TrainingSettings
from textgen_core.data.token_files import TokenFile
from textgen_core.errors import RunDirectoryError
from textgen_core.evaluation.verdict_case import RunFacts
from textgen_core.formatting import shell_word
from textgen_core.registry.specs import format_spec
from textgen_core.runs import RunDirectory
from textgen_core.runs.standing import newest_state
from textgen_core.runs.weights import best_step

_TIMES_AS_LONG = 3
_ROUND = (1, 2, 3, 6)  # of minutes, steps and epochs, in each decade
_MOST_DROPOUT = 0.5
_NEARLY = 0.95  # of the passes that a run may make


def facts_of(
    run: RunDirectory,
    configuration: Configuration,
    rows: Sequence[Mapping[str, Any]],
    training_text: TokenFile | None,
    documents: int = 0,
) -> RunFacts:
    """Return what is known of a run; training_text: its tokens, where they are at hand.

    documents: how many the training text has.
    """
    training = configuration.training
    clock = training.clock
    length = getattr(training, clock)
    longer = _round_up(_TIMES_AS_LONG * (length or 1))
    seen = next((row["tokens"] for row in reversed(rows) if row.get("tokens")), 0)
    tokens = 0 if training_text is None else len(training_text.token_ids) - 1
    passes = seen / tokens if tokens > 0 else 0.0
    flags = dict(_flags(configuration))
    if documents == 1 and configuration.corpus.documents == "file":
        flags["documents"] = "--set corpus.documents=blank-line"
    most_passes = training.most_passes if clock == "minutes" else None
    if passes < _NEARLY * (most_passes or math.inf):
        flags["longer"] = f"--{clock} {longer:.15g}"
    return RunFacts(
        step=best_step(run),
        unfinished=_is_unfinished(run, training),
        training_bytes=0 if training_text is None else training_text.text_bytes,
        passes=passes,
        flags=flags,
        times=longer / length if length else 1.0,
    )


def _flags(configuration: Configuration) -> Iterator[tuple[str, str]]:
    training, model = configuration.training, configuration.model
    options, context = model.options, configuration.data.sequence_length
    yield "slower", f"--learning-rate {training.learning_rate / 3:.2g}"
    yield "further back", f"--set data.sequence_length={2 * context}"
    dropout = options.get("dropout")
    if isinstance(dropout, float) and dropout < _MOST_DROPOUT:
        higher = round(min(_MOST_DROPOUT, max(0.2, 2 * dropout)), 2)
        yield "text or dropout", _model_flag(model.name, "dropout", higher)
    units, layers = options.get("units"), options.get("layers")
    sizes: list[Any] = units if isinstance(units, list) else [units]
    if all(type(each) is int for each in sizes):
        yield "larger", _model_flag(model.name, "units", [2 * each for each in sizes])
    elif type(layers) is int:
        yield "larger", _model_flag(model.name, "layers", layers + 2)
    if "nucleus" not in [each.name for each in configuration.samplers]:
        yield "freer", "--sampler nucleus:0.9"
    else:
        yield "freer", "--sampler repetition-penalty:1.2 --sampler nucleus:0.95"


def _model_flag(name: str, option: str, value: Any) -> str:
    return f"--model {shell_word(format_spec(name, {option: value}))}"


def _round_up(length: float) -> float:
    """Return the next round number of minutes, steps or epochs."""
    decade = 10 ** math.floor(math.log10(length))
    rounded = next((each for each in _ROUND if each * decade >= length * (1 - 1e-9)), 10) * decade
    return float(f"{rounded:.6g}")


def _is_unfinished(run: RunDirectory, training: TrainingSettings) -> bool:
    """Return whether a training was interrupted, by its newest checkpoint."""
    try:
        state = newest_state(run) or {}
        stopped_early = state["epochs_without_gain"] >= (training.patience or math.inf)
        return bool(state["step"] < state["plan"]["last_step"]) and not (
            stopped_early and training.clock == "epochs"
        )
    except (RunDirectoryError, TypeError, LookupError):
        return False  # damage is told where a run is resumed; it can still be scored
