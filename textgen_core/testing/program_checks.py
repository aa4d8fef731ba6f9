"""Checks of what writes without TensorFlow: a model's step and a sampler as programs.

What cannot become a program keeps its contract all the same. It writes through TensorFlow, which
takes seconds to start, so a note says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from textgen_core.components import History
from textgen_core.formatting import format_count
from textgen_core.testing.check import check, require
from textgen_core.testing.material import letter_tokenizer
from textgen_core.testing.sampler_checks import (
    PROMPT,
    VOCABULARY,
    Rows,
    random_rows,
    require_same,
    transformed,
)
from textgen_core.testing.subject import Subject
from textgen_core.testing.tiny_model import CONTEXT, build, difference, draw_token_ids, shaken

if TYPE_CHECKING:
    import numpy as np

    from textgen_core.components import Sampler
    from textgen_core.models.language_model import LanguageModel

TOLERANCE = 1e-4  # of the logits, as a share of the largest
SCALES = (1.0, 3.0, 5.0, 1.0, 2.0, 3.0, 4.0, 5.0)  # of the logits of eight rows


@check("model.program", "model")
def advances_as_a_program(subject: Subject) -> str | None:
    """As a program, which needs no TensorFlow, it gives the same logits; or a note says why not."""
    from textgen_core.programs.library import ROW_COUNTS
    from textgen_core.programs.program import NotConvertible

    language_model = shaken(build(subject))
    for rows in ROW_COUNTS:
        token_ids = draw_token_ids(rows, min(CONTEXT, language_model.state_capacity or CONTEXT))
        try:
            found = _advanced_by_program(language_model, token_ids)
        except NotConvertible as error:
            return _through_tensorflow(error)
        off = difference(_advanced(language_model, token_ids), found)
        what = f"As a program for {format_count(rows, 'row')} its logits differ by"
        require(off <= TOLERANCE, f"{what} {off:.2g} of the largest.")
    return None


@check("sampler.program", "sampler")
def transforms_as_a_program(subject: Subject) -> str | None:
    """As a program, which needs no TensorFlow, it keeps the same tokens; or a note says why not."""
    from textgen_core.programs.library import ROW_COUNTS
    from textgen_core.programs.program import NotConvertible

    # Without ties: rounding may decide which of two equally probable tokens is excluded.
    rows = random_rows(seed=10, scales=SCALES)
    plain = transformed(subject.instance(), rows)
    for count in ROW_COUNTS:
        first = attrs.evolve(
            rows,
            logits=rows.logits[:, :count],
            token_ids=rows.token_ids[:count],
            prompt_lengths=rows.prompt_lengths[:count],
        )
        try:
            after = _transformed_by_program(subject.instance(), first)
        except NotConvertible as error:
            return _through_tensorflow(error)
        require_same(plain[:, :count], after, f"As a program for {format_count(count, 'row')},")
    return None


def _through_tensorflow(error: Exception) -> str:
    reason = str(error).partition("\n")[0].removesuffix(".")
    return f"it writes through TensorFlow, which takes seconds to start: {reason}"


def _advanced(language_model: LanguageModel, token_ids: np.ndarray) -> np.ndarray:
    """Return the logits of token ids `(rows, time)`, fed one by one."""
    import numpy as np
    import tensorflow as tf

    initial = language_model.initial_state(len(token_ids))
    state, found = tf.nest.map_structure(tf.convert_to_tensor, initial), []
    for column in token_ids.T:
        logits, state = language_model.advance(tf.constant(column[:, None]), state)
        found.append(logits.numpy()[:, -1])
    return np.stack(found, axis=1)


def _advanced_by_program(language_model: LanguageModel, token_ids: np.ndarray) -> np.ndarray:
    import numpy as np

    from textgen_core.programs.model_program import model_program
    from textgen_core.programs.model_steps import ModelSteps

    steps = ModelSteps(model_program(language_model, len(token_ids)))
    return np.stack([steps.advance(column).copy() for column in token_ids.T], axis=1)


def _transformed_by_program(sampler: Sampler, rows: Rows) -> np.ndarray:
    """Return what a sampler's program makes of the logits, as `transformed` does."""
    import numpy as np

    from textgen_core.generation.chain import Chain
    from textgen_core.programs.sampler_program import sampler_program
    from textgen_core.programs.sampler_stages import ProgramStages

    chain = Chain([sampler], [type(sampler).__name__], letter_tokenizer())
    batch, capacity = rows.token_ids.shape
    program = sampler_program(chain.links[0], batch, VOCABULARY, capacity)
    values = chain.values([sampler])
    stages = ProgramStages(chain.links, lambda *_: program, values, capacity)
    stages.restart()
    found = []
    for number, logits in enumerate(rows.logits):
        length = PROMPT + number
        history = History(
            token_ids=np.where(np.arange(capacity) < length, rows.token_ids, 0),
            length=np.full(batch, length, np.int32),
            prompt_length=rows.prompt_lengths,
        )
        [after] = stages.transform(logits, history, np.ones(batch, bool))
        found.append(after.copy())
    return np.stack(found)
