"""Checks of a model builder: the model that it builds for a tiny vocabulary, as a run builds it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from textgen_core.errors import reason_of
from textgen_core.testing.check import ConformanceFault, check, require
from textgen_core.testing.subject import Subject
from textgen_core.testing.tiny_model import (
    BATCH,
    CONTEXT,
    LEARNING_RATE,
    LETTERS,
    VOCABULARY,
    build,
    difference,
    draw_token_ids,
    other_letters,
    shaken,
    training_step,
)

if TYPE_CHECKING:
    import numpy as np

    from textgen_core.models.language_model import LanguageModel

TRAINING_STEPS = 100
TOLERANCE = 1e-3  # between two ways to the same logits (as a share of the largest), or shares


@check("model.shape", "model")
def has_shape(subject: Subject) -> None:
    """From int32 (batch, time) it makes finite logits (batch, time, vocabulary), of any size."""
    import numpy as np
    import tensorflow as tf

    model = build(subject).model
    for shape in ((1, 1), (3, CONTEXT), (2, 5)):
        logits = tf.convert_to_tensor(model(draw_token_ids(*shape)))
        wanted = (*shape, VOCABULARY)
        require(
            tuple(logits.shape) == wanted and logits.dtype.is_floating,
            f"Token ids {shape} become {tuple(logits.shape)}, {logits.dtype.name}; not {wanted}.",
        )
        is_finite = np.isfinite(tf.cast(logits, tf.float32).numpy()).all()
        require(is_finite, f"The untrained model's logits of token ids {shape} are not finite.")


@check("model.causal", "model")
def is_causal(subject: Subject) -> None:
    """The logits at a position depend on no later token."""
    language_model = shaken(build(subject))
    token_ids = draw_token_ids(BATCH, CONTEXT)
    logits = language_model.logits(token_ids).numpy()
    for position in (1, CONTEXT // 2, CONTEXT - 1):
        changed = token_ids.copy()
        changed[:, position:] = other_letters(changed[:, position:])
        again = language_model.logits(changed).numpy()
        what = f"Other tokens from position {position} on change logits before it by"
        _require_same(logits[:, :position], again[:, :position], what)


@check("model.rows-independent", "model")
def keeps_rows_apart(subject: Subject) -> None:
    """The logits of a row do not depend on the other rows of the batch."""
    language_model = shaken(build(subject))
    token_ids = draw_token_ids(BATCH, CONTEXT)
    logits = language_model.logits(token_ids).numpy()
    changed = token_ids.copy()
    changed[1:] = other_letters(changed[1:])
    for what, rows in (("other rows beside it", changed), ("no rows beside it", token_ids[:1])):
        again = language_model.logits(rows).numpy()
        _require_same(logits[:1], again[:1], f"With {what} a row's logits change by")


@check("model.advance-equals-call", "model")
def advances_as_it_calls(subject: Subject) -> str | None:
    """Fed in chunks with a recurrent state, if it offers one, it gives the logits of one call."""
    language_model = shaken(build(subject))
    model = language_model.model
    offered = [name for name in ("initial_state", "advance") if hasattr(model, name)]
    if not offered:
        return "it offers no advance: the core runs it again for every token"
    is_whole = len(offered) == 2
    require(is_whole, f"It offers {offered[0]} alone: initial_state and advance go together.")
    capacity = language_model.state_capacity or CONTEXT
    require(capacity >= 2, f"state_capacity is {capacity}: a state must hold some tokens.")
    token_ids = draw_token_ids(BATCH, min(CONTEXT, capacity))
    time = token_ids.shape[1]
    logits = language_model.logits(token_ids).numpy()
    for sizes in ([time], [1] * time, [time - 1, 1], [1, time - 1]):
        found = _in_chunks(language_model, token_ids, sizes)
        _require_same(logits, found, f"In chunks of {sizes} tokens the logits differ by")
    return None


@check("model.learns", "model")
def learns(subject: Subject) -> None:
    """On letters in a fixed order its loss soon falls below the entropy of their frequencies."""
    from textgen_core.training.loss import cross_entropy

    language_model = build(subject)
    step, batch = training_step(language_model, subject, "graph")
    # The loss of a model that knows how often each letter comes, and no more.
    wanted = math.log(len(LETTERS))
    loss = math.inf
    for number in range(1, TRAINING_STEPS + 1):
        result = step([batch], LEARNING_RATE)
        require(bool(result.finite), f"In step {number} the loss or the gradient is not finite.")
        if number % 10 == 0:
            measured = cross_entropy(language_model.logits(batch.inputs), batch.targets)
            loss = float(measured.plain / measured.tokens)
            if loss < 0.9 * wanted:
                return
    raise ConformanceFault(
        f"After {TRAINING_STEPS} steps of Adam the loss is {loss:.3f}; the letters' frequencies "
        f"alone give {wanted:.3f}."
    )


@check("model.compiles", "model")
def compiles(subject: Subject) -> str | None:
    """A graph gives the same logits; XLA trains it, or a layer says why not: supports_jit.

    For a model that runs its parts side by side, XLA compiles these, in a graph.
    """
    import tensorflow as tf

    language_model = shaken(build(subject))
    token_ids = tf.constant(draw_token_ids(BATCH, CONTEXT))
    try:
        graph = tf.function(language_model.model, autograph=False)(token_ids)
    except Exception as error:
        raise ConformanceFault(f"As a graph: {reason_of(error)}") from error
    plain, compiled = language_model.logits(token_ids).numpy(), tf.cast(graph, tf.float32).numpy()
    _require_same(plain, compiled, "As a graph the logits differ by")
    step, batch = training_step(language_model, subject, "auto")
    declared: str = step.note
    result = step([batch], LEARNING_RATE)
    if declared:
        return declared
    under_xla = step.compiled_with in ("xla", "mixed")
    require(under_xla, f"No layer's supports_jit is False, and {step.note}")
    require(bool(result.finite), "Under XLA the loss or the gradient is not finite.")
    return None


@check("model.repeatable", "model")
def is_repeatable(subject: Subject) -> str | None:
    """Under one seed it is built with the same weights, and under another with others."""
    import numpy as np

    first, second, other = (build(subject, seed).model for seed in (1, 1, 2))
    shapes = {tuple(each.shape for each in model.variables) for model in (first, second, other)}
    require(len(shapes) == 1, "Built three times, it has variables of other shapes each time.")
    for one, again in zip(first.variables, second.variables, strict=True):
        same = np.array_equal(one.numpy(), again.numpy(), equal_nan=one.dtype.startswith("float"))
        require(same, f"Built twice under one seed, it has two beginnings of {one.path}.")
    drawn = [
        (one.numpy(), another.numpy())
        for one, another in zip(first.trainable_variables, other.trainable_variables, strict=True)
        if np.ptp(one.numpy()) > 0
    ]
    if not drawn:
        return "all of its weights begin as constants: no seed can change them"
    same = all(np.array_equal(one, another) for one, another in drawn)
    require(not same, "Under two seeds it has the same weights: it draws from a seed of its own.")
    return None


@check("model.token-embeddings", "model")
def shows_token_embeddings(subject: Subject) -> str | None:
    """Its token embeddings, where it offers them, are a finite row for each token."""
    import numpy as np

    from textgen_core.explore.inspection import read_token_embeddings

    language_model = shaken(build(subject))
    if not language_model.offers_token_embeddings:
        return "it offers no token_embeddings: textgen explore neighbours cannot ask it"
    found = read_token_embeddings(language_model, subject.component.name)
    alike = len(found) - len(np.unique(found, axis=0))
    require(not alike, f"With noise on its weights {alike} of its {len(found)} tokens are alike.")
    return None


@check("model.attention", "model")
def shows_attention(subject: Subject) -> str | None:
    """Its attention, where it offers that, is causal, and each of its rows sums to one."""
    import numpy as np

    from textgen_core.explore.inspection import read_attention

    language_model, name = shaken(build(subject)), subject.component.name
    if not language_model.offers_attention:
        return "it offers no attention: textgen explore attention cannot ask it"
    token_ids = [int(each) for each in draw_token_ids(1, CONTEXT)[0]]
    whole = read_attention(language_model, token_ids, name)
    for time in (1, CONTEXT // 2, CONTEXT - 1):
        part = read_attention(language_model, token_ids[:time], name)
        off = float(np.abs(part - whole[:, :, :time, :time]).max())
        what = f"With tokens after the first {time} a share of these differs by"
        require(off <= TOLERANCE, f"{what} {off:.2g}.")
    return None


def use(subject: Subject) -> None:
    """Build the model, and run it once over a batch of one."""
    build(subject).logits(draw_token_ids(1, CONTEXT))


def _in_chunks(
    language_model: LanguageModel, token_ids: np.ndarray, sizes: list[int]
) -> np.ndarray:
    """Return the logits of token ids fed in chunks; the state must keep its shape."""
    import numpy as np
    import tensorflow as tf

    state = tf.nest.map_structure(tf.convert_to_tensor, language_model.initial_state(BATCH))
    chunks, start = [], 0
    for size in sizes:
        chunk = tf.constant(token_ids[:, start : start + size])
        logits, new_state = language_model.advance(chunk, state)
        before, after = _outline(state), _outline(new_state)
        require(before == after, f"advance turns a state of {before} into one of {after}.")
        chunks.append(logits.numpy())
        state, start = new_state, start + size
    return np.concatenate(chunks, axis=1)


def _outline(state: Any) -> Any:
    """Return the state's structure, with shape and dtype in place of each tensor."""
    import tensorflow as tf

    def outline(each: Any) -> str:
        tensor = tf.convert_to_tensor(each)
        return f"{tensor.dtype.name} {tuple(tensor.shape)}"

    return tf.nest.map_structure(outline, state)


def _require_same(one: np.ndarray, other: np.ndarray, what: str) -> None:
    off = difference(one, other)
    require(off <= TOLERANCE, f"{what} {off:.2g} of the largest.")
