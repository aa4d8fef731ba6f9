"""The losses of a network mixed with counts, against sums in numpy, window by window."""

from __future__ import annotations

import itertools

import attrs
import numpy as np
import pytest
import tensorflow as tf
from evaluation.fake_models import (
    AdvancingModel,
    FadingModel,
    LimitedModel,
    ProjectingModel,
    draw_token_ids,
    language_model,
    losses_of,
)
from generation.fake_counts import FakeCounts

from textgen_core.data.reader import MixtureWeights
from textgen_core.data.tokenizer import END
from textgen_core.evaluation import measuring, scoring
from textgen_core.evaluation.scoring import Scorer
from textgen_core.evaluation.step_scoring import score_by_steps
from textgen_core.evaluation.windows import choose_windows, read_as_documents
from textgen_core.generation.tensorflow_runtime import TensorFlowRuntime

VOCABULARY, WINDOW = 11, 8
WEIGHTS = MixtureWeights(network=0.8, counts=0.6)
COUNTS = FakeCounts(order=4, vocabulary_size=VOCABULARY, weights=WEIGHTS)


def mixed(model, counts=COUNTS):
    return attrs.evolve(language_model(model, VOCABULARY), counts=counts)


def tokens_of(length):
    token_ids = draw_token_ids(length, VOCABULARY)
    token_ids[5::7] = END
    return token_ids


def parts_of(model, token_ids):
    """The slow way: losses of mixture, network and counts, `(3, tokens - 1)`, read as one row."""
    read, targets = read_as_documents(token_ids[:-1]), token_ids[1:]
    network = model(tf.constant(read[None]))[0].numpy().astype(np.float64)
    counts = np.stack([COUNTS.after(read[: place + 1]) for place in range(len(read))])
    mixture = WEIGHTS.network * network + WEIGHTS.counts * counts.astype(np.float64)
    logits = (mixture, network, counts)
    return np.stack([losses_of(each, targets) for each in logits])


def windowed(model, token_ids, stride):
    found = [parts_of(model, token_ids[: WINDOW + 1])]
    for start in range(stride, len(token_ids) - 1 - WINDOW + stride, stride):
        found.append(parts_of(model, token_ids[start : start + WINDOW + 1])[:, WINDOW - stride :])
    return np.concatenate(found, axis=1)


def all_parts(scorer, token_ids):
    losses, parts = scorer.score_parts(token_ids)
    assert losses.tolist() == scorer.score(token_ids).tolist()
    return np.stack([losses, parts.network, parts.counts])


@pytest.mark.parametrize(("kind", "stride"), [(FadingModel, 3), (ProjectingModel, 8)])
def test_windows_lose_what_network_and_counts_lose_together(kind, stride, monkeypatch) -> None:
    monkeypatch.setattr(measuring, "_MOST_LOGITS_AT_ONCE", 5 * VOCABULARY)  # several chunks
    model = kind(VOCABULARY)
    scorer = Scorer(mixed(model), stride=stride, batch_size=4)
    for length in (2, 60):
        token_ids = tokens_of(length)
        wanted = windowed(model, token_ids, stride)
        np.testing.assert_allclose(all_parts(scorer, token_ids), wanted, rtol=1e-4, atol=1e-5)


def test_the_network_alone_loses_what_it_would_without_counts() -> None:
    token_ids = tokens_of(60)
    model = AdvancingModel(VOCABULARY)
    _, parts = Scorer(mixed(model), stride=3).score_parts(token_ids)
    plain, none = Scorer(mixed(model, None), stride=3).score_parts(token_ids)
    np.testing.assert_array_equal(parts.network, plain)
    assert none is None


def test_counts_see_all_of_a_stream() -> None:
    model = ProjectingModel(VOCABULARY)
    token_ids = tokens_of(83)  # chunks of 64, 8 and 1
    found = all_parts(Scorer(mixed(model), carry=True), token_ids)
    np.testing.assert_allclose(found, parts_of(model, token_ids), rtol=1e-3, atol=1e-4)


def test_rows_side_by_side_lose_what_one_stream_does(monkeypatch) -> None:
    monkeypatch.setattr(scoring, "WARM_UP", 96)
    model = AdvancingModel(VOCABULARY)
    token_ids = tokens_of(801)
    losses = Scorer(mixed(model), carry=True, batch_size=2).score_side_by_side(token_ids)
    np.testing.assert_allclose(losses, parts_of(model, token_ids)[0], rtol=1e-3, atol=1e-3)


def test_windows_apart_begin_without_context_for_the_counts_too() -> None:
    model = FadingModel(VOCABULARY)
    token_ids = tokens_of(40)
    wanted = [parts_of(model, token_ids[8 * at : 8 * at + 9])[0] for at in range(4)]
    found = Scorer(mixed(model)).score_apart(token_ids)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_a_limited_state_is_reset_for_the_counts_too() -> None:
    model, capacity = LimitedModel(VOCABULARY), LimitedModel.state_capacity
    token_ids = tokens_of(40)
    wanted, held = [], []
    for token, target in itertools.pairwise(token_ids):
        held = [*(held[-capacity // 2 :] if len(held) == capacity else held), token]
        wanted.append(parts_of(model, np.array([*held, target]))[0, -1])
    losses = Scorer(mixed(model), carry=True).score(token_ids)
    np.testing.assert_allclose(losses, wanted, rtol=1e-4)


@pytest.mark.parametrize(("kind", "carry"), [(FadingModel, False), (AdvancingModel, True)])
def test_steps_lose_what_windows_and_streams_do(kind, carry) -> None:
    model, token_ids = mixed(kind(VOCABULARY)), tokens_of(45)
    capacity = model.state_capacity
    windows = choose_windows(WINDOW, capacity, stride=3, carry=carry)
    found = score_by_steps(TensorFlowRuntime(model), windows, token_ids)
    wanted = Scorer(model, stride=3, carry=carry).score(token_ids)
    np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_nothing_to_score_has_no_losses_of_parts_either() -> None:
    losses, parts = Scorer(mixed(FadingModel(VOCABULARY))).score_parts(np.int32([2]))
    assert losses.shape == parts.network.shape == parts.counts.shape == (0,)


@pytest.mark.parametrize("kept", [1 << 25, 2], ids=["read once", "read each time"])
@pytest.mark.parametrize(("kind", "carry"), [(ProjectingModel, False), (AdvancingModel, True)])
def test_the_curve_of_the_loss_is_that_of_losses_nearby(kind, carry, kept, monkeypatch):
    """Its first and second derivatives, against differences of losses with other weights."""
    monkeypatch.setattr(scoring, "_MOST_KEPT", kept)
    monkeypatch.setattr(scoring, "_MOST_LOGITS", 400)  # so that it takes several chunks
    token_ids = tokens_of(60)
    model = kind(VOCABULARY)

    def loss_at(network, counts):
        weights = MixtureWeights(network=network, counts=counts)
        scorer = Scorer(mixed(model, attrs.evolve(COUNTS, weights=weights)), carry=carry)
        return float(scorer.score_side_by_side(token_ids).sum(dtype=np.float64))

    at, little = np.array([0.7, 0.4]), 0.03
    curve = Scorer(mixed(model), carry=carry).curve(token_ids)(
        MixtureWeights(network=at[0], counts=at[1])
    )
    first, second = little * np.eye(2)
    assert curve.loss == pytest.approx(loss_at(*at), rel=1e-5)
    slopes = [(loss_at(*(at + by)) - loss_at(*(at - by))) / (2 * little) for by in (first, second)]
    np.testing.assert_allclose(curve.gradient, slopes, rtol=2e-2, atol=0.05)
    curvature = [
        [
            (
                loss_at(*(at + one + other))
                - loss_at(*(at + one - other))
                - loss_at(*(at - one + other))
                + loss_at(*(at - one - other))
            )
            / (4 * little**2)
            for other in (first, second)
        ]
        for one in (first, second)
    ]
    np.testing.assert_allclose(curve.curvature, curvature, rtol=3e-2, atol=0.5)
