"""A model for a vocabulary of a few letters, built and trained as a run does it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from textgen_core.testing.material import letter_tokenizer
from textgen_core.testing.subject import Subject

if TYPE_CHECKING:
    import numpy as np

    from textgen_core.models.language_model import LanguageModel

LETTERS = "abcdefg"
VOCABULARY = 4 + len(LETTERS)
CONTEXT = 12
BATCH = 4
LEARNING_RATE = 0.01


def build(subject: Subject, seed: int = 1) -> LanguageModel:
    """Return the untrained model with its tokenizer, checked as before every run."""
    from textgen_core.models.build import build_language_model
    from textgen_core.models.devices import grow_memory

    grow_memory()  # a fresh process, which restores the model, needs some of the GPU too
    return build_language_model(
        subject.chosen(),
        letter_tokenizer(LETTERS),
        context_length=CONTEXT,
        precision="float32",
        seed=seed,
    )


def shaken(language_model: LanguageModel) -> LanguageModel:
    """Return a model after noise was added to its weights: zeros would hide what it looks at."""
    import numpy as np

    draw = np.random.default_rng(2)
    for variable in language_model.model.trainable_variables:
        variable.assign(variable.numpy() + 0.1 * draw.normal(size=variable.shape))
    return language_model


def draw_token_ids(batch: int, time: int) -> np.ndarray:
    """Return int32 `(batch, time)` of letters."""
    import numpy as np

    return np.random.default_rng(3).integers(4, VOCABULARY, (batch, time)).astype(np.int32)


def other_letters(token_ids: np.ndarray) -> np.ndarray:
    """Return another letter in the place of each."""
    return 4 + (token_ids - 3) % len(LETTERS)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return the largest difference of logits, as a share of the largest logit."""
    import numpy as np

    largest = max(float(np.abs(one).max()), float(np.abs(other).max()), 1e-9)
    found = float(np.abs(one - other).max()) / largest
    return found if math.isfinite(found) else math.inf


def training_step(language_model: LanguageModel, subject: Subject, way: Any) -> tuple[Any, Any]:
    """Return a training step as a run makes it, and a batch of the letters in their order.

    way: the setting `training.compile`.
    """
    import numpy as np

    from textgen_core.config.settings import TrainingSettings
    from textgen_core.data.batches import Batch
    from textgen_core.training.optimizer import build_optimizer
    from textgen_core.training.step import TrainingStep

    settings = TrainingSettings(compile=way, learning_rate=LEARNING_RATE)
    step = TrainingStep(
        language_model,
        build_optimizer(settings, language_model.model, float16=False),
        settings,
        carries_state=False,
        model_name=f"The model {subject.component.name}",
    )
    order = np.arange(BATCH)[:, None] + np.arange(CONTEXT + 1)[None]
    token_ids = (4 + order % len(LETTERS)).astype(np.int32)
    batch = Batch(inputs=token_ids[:, :-1], targets=token_ids[:, 1:], starts_afresh=True)
    return step, batch
