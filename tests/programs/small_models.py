"""Models of a few weights that become programs, and the options that the fast recipe gives them."""

from __future__ import annotations

import keras
import numpy as np
from generation.fake_models import language_model

VOCABULARY, CAPACITY = 30, 12
TINY = {"layers": 2, "heads": 2, "head_size": 4, "feed_forward": 12}
FAST = {
    "positions": "rotary",
    "norm": "rms",
    "activation": "squared-relu",
    "normalise_queries": True,
    "soft_cap": 15.0,
    "convolution": 4,
    "ngrams": 3,
}


def built(builder, capacity=CAPACITY):
    """A model whose weights all matter: what begins at zero is drawn too."""
    keras.utils.set_random_seed(1)
    model = builder.build(VOCABULARY, capacity)
    draw = np.random.default_rng(2)
    for variable in model.trainable_variables:
        variable.assign(variable.numpy() + draw.normal(size=variable.shape) * 0.1)
    return language_model(model, context_length=capacity)
