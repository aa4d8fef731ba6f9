"""Makes a plan: prepares a text as a run would, and asks the law about sizes and times.

Nothing of it stays but what the cache has: the token files, which a run itself will use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import Texts
from textgen_core.models.devices import prepare_memory
from textgen_core.pipeline.mixing import with_counts
from textgen_core.pipeline.planning.law import forecast
from textgen_core.pipeline.planning.measuring import (
    SizeFacts,
    TextFacts,
    case_of,
    expected_steps,
    measure_size,
    measure_text,
)
from textgen_core.pipeline.planning.plan import Choice, Plan
from textgen_core.pipeline.planning.sizes import MEDIUM, Size
from textgen_core.pipeline.preparing import Prepared, prepare
from textgen_core.pipeline.splitting import PhaseProgress
from textgen_core.training.gauge import time_product

MINUTES = (1.0, 3.0, 10.0, 30.0)
_MEASURING = "measuring models"


def make_plan(
    configurations: Mapping[Size, Configuration],
    texts: Texts,
    minutes: Sequence[float],
    progress: PhaseProgress,
) -> Plan:
    """Return the plan of a text; configurations: of a run of each size of model.

    Raises CorpusError if the text is too short.
    """
    prepare_memory()
    usual = configurations[MEDIUM]
    prepared = with_counts(prepare(texts, usual, progress=progress), usual)
    return plan_prepared(configurations, prepared, minutes, progress, in_full=True)


def plan_prepared(
    configurations: Mapping[Size, Configuration],
    prepared: Prepared,
    minutes: Sequence[float],
    progress: PhaseProgress,
    *,
    in_full: bool,
) -> Plan:
    """Return the plan of a text that is prepared, with its counts.

    in_full: whether people will read it, see `measure_text`.
    """
    text = measure_text(prepared, in_full=in_full)
    product = time_product()
    sizes = []
    for done, (size, configuration) in enumerate(configurations.items()):
        progress(_MEASURING, done, len(configurations))
        sizes.append(measure_size(size, configuration, prepared, text, product))
    progress(_MEASURING, len(configurations), len(configurations))
    choices = [
        choice_of(each, configurations[each.size], text, time) for time in minutes for each in sizes
    ]
    return Plan(text=text, sizes=tuple(sizes), choices=tuple(choices))


def choice_of(
    facts: SizeFacts, configuration: Configuration, text: TextFacts, minutes: float
) -> Choice:
    """Return how far a run of a size of model comes in some minutes, and how good it will be."""
    steps = expected_steps(facts, configuration, text, minutes)
    case = case_of(facts, text, steps)
    return Choice(
        facts=facts,
        minutes=minutes,
        steps=steps,
        passes=case.seen / text.train_tokens,
        forecast=forecast(case),
    )
