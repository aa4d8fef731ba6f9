"""How network and counts are weighed: by the least loss on a text, and kept in a file."""

from __future__ import annotations

import attrs
import numpy as np
import pytest

from textgen_core.counts.mixture import LARGEST, LossCurve, fit_weights, load_mixture, save_mixture
from textgen_core.data.reader import MixtureWeights
from textgen_core.errors import RunDirectoryError

START = MixtureWeights()
VOCABULARY = 6


class Text:
    """Tokens that were drawn from a distribution of which network and counts know a part each."""

    def __init__(self, tokens, network=1.0, counts=1.0, scale=1.0, seed=0):
        random = np.random.default_rng(seed)
        true, *noise = random.normal(size=(3, tokens, VOCABULARY))
        logits = scale * (network * true + noise[0])
        log_counts = counts * true + noise[1]
        log_counts -= np.log(np.exp(log_counts).sum(1, keepdims=True))
        shares = np.cumsum(softmax(2 * true), axis=1)
        self.targets = (random.random((tokens, 1)) > shares).sum(1).clip(max=VOCABULARY - 1)
        self.features = np.stack([logits, log_counts])  # (2, tokens, vocabulary)
        self.measured = []

    def curve(self, weights):
        """Loss, gradient and curvature, from the definitions."""
        self.measured.append(weights)
        shares = softmax(self.mixed(weights))
        means = (shares * self.features).sum(-1)  # (2, tokens)
        gradient = (means - self.features[:, np.arange(len(shares)), self.targets]).sum(-1)
        curvature = np.einsum("tv,itv,jtv->ij", shares, self.features, self.features)
        return LossCurve(
            loss=self.loss(weights), gradient=gradient, curvature=curvature - means @ means.T
        )

    def mixed(self, weights):
        return weights.network * self.features[0] + weights.counts * self.features[1]

    def loss(self, weights):
        shares = softmax(self.mixed(weights))
        return float(-np.log(shares[np.arange(len(shares)), self.targets]).sum())

    def search(self):
        """The best weights of a grid, and of a finer one around these."""
        best = MixtureWeights(network=1.0, counts=1.0)
        for step in (0.2, 0.04):
            near = step * np.arange(-5, 6)
            networks, counts = (np.maximum(0, near + each) for each in attrs.astuple(best))
            found = [MixtureWeights(network=n, counts=c) for n in networks for c in counts]
            best = min(found, key=self.loss)
        return best


def softmax(logits):
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def quadratic(weights, best=(0.8, 0.2), loss=0.0):
    """A loss that one step of Newton's method leads to the end of."""
    away = np.subtract(attrs.astuple(weights), best)
    return LossCurve(loss=loss + away @ away / 2, gradient=away, curvature=np.eye(2))


@pytest.mark.parametrize(
    "text",
    [
        {},
        {"network": 0.2},
        {"counts": 0.1},
        {"counts": 0.1, "network": 2.0},
        {"scale": 0.6},
        {"scale": 3.0},  # too sure of itself: the first step leads too far
    ],
)
def test_the_fitted_weights_lose_as_little_as_those_of_a_grid_search(text):
    tokens = 1000
    drawn = Text(tokens, **text)
    found, best = fit_weights(drawn.curve, tokens), drawn.search()
    assert drawn.loss(found) < drawn.loss(best) + 1e-3 * tokens
    np.testing.assert_allclose(attrs.astuple(found), attrs.astuple(best), atol=0.1)
    assert drawn.loss(found) < drawn.loss(START) - 5e-3 * tokens
    assert len(drawn.measured) <= 8


@pytest.mark.parametrize("part", ["network", "counts"])
def test_what_predicts_the_opposite_has_no_weight_and_the_other_its_best_one(part):
    drawn = Text(1000, **{part: -1.0})
    found, best = fit_weights(drawn.curve, 1000), drawn.search()
    assert getattr(found, part) == getattr(best, part) == 0
    np.testing.assert_allclose(attrs.astuple(found), attrs.astuple(best), atol=0.1)
    assert all(min(attrs.astuple(weights)) >= 0 for weights in drawn.measured)


def test_a_little_text_moves_the_weights_little():
    def moved(tokens):
        found = fit_weights(Text(tokens, counts=0.1, network=2.0).curve, tokens)
        return np.abs(np.subtract(attrs.astuple(found), attrs.astuple(START))).max()

    assert 0 < 3 * moved(5) < moved(1000)


@pytest.mark.parametrize("tokens", [50, 5000])
def test_fifty_tokens_weigh_as_much_as_the_weights_that_a_fit_begins_with(tokens):
    found = fit_weights(quadratic, tokens)
    share = tokens / (tokens + 50)
    expected = 0.5 + share * 0.3, 0.5 - share * 0.3
    np.testing.assert_allclose(attrs.astuple(found), expected, rtol=1e-6)


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_a_loss_that_is_no_number_keeps_the_weights_that_a_fit_begins_with(loss):
    assert fit_weights(lambda weights: quadratic(weights, loss=loss), 1000) == START


def test_a_loss_that_is_no_number_further_on_is_not_gone_to():
    def curve_at(weights):
        return quadratic(weights, loss=np.nan if weights.network > 0.7 else 0.0)

    assert 0.5 < fit_weights(curve_at, 100_000).network <= 0.7


@pytest.mark.parametrize("curvature", [0.0, np.nan, np.inf])
@pytest.mark.parametrize("gradient", [0.0, np.nan])
def test_without_a_curve_the_weights_are_kept(curvature, gradient):
    def curve_at(weights):
        del weights
        return LossCurve(
            loss=7.0, gradient=np.full(2, gradient), curvature=np.full((2, 2), curvature)
        )

    assert fit_weights(curve_at, 1000) == START


def test_no_weight_leaves_its_bounds_on_a_slope_without_an_end():
    def curve_at(weights):
        slope = np.array([-1.0, 1.0])
        loss = float(slope @ attrs.astuple(weights))
        return LossCurve(loss=loss, gradient=slope, curvature=np.zeros((2, 2)))

    assert fit_weights(curve_at, 1000) == MixtureWeights(network=LARGEST, counts=0.0)


def test_what_was_written_is_read_and_without_a_file_both_weigh_the_same(tmp_path):
    path = tmp_path / "mixture.json"
    assert load_mixture(path) == START == MixtureWeights(network=0.5, counts=0.5)
    for weights in (MixtureWeights(network=0.1 + 0.2, counts=LARGEST), MixtureWeights(counts=0.0)):
        save_mixture(weights, path)
        assert load_mixture(path) == weights


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be read"),
        ("weights", "cannot be read"),
        ('{"network": NaN, "counts": 0.5}', "cannot be read"),
        ("[0.5, 0.5]", "its keys are others"),
        ("null", "its keys are others"),
        ("{}", "its keys are others"),
        ('{"network": 0.5}', "its keys are others"),
        ('{"network": 0.5, "counts": 0.5, "more": 1}', "its keys are others"),
        ('{"network": -0.1, "counts": 0.5}', "network is -0.1"),
        ('{"network": 0.5, "counts": 10.5}', "counts is 10.5"),
        ('{"network": 0.5, "counts": 1e999}', "counts is inf"),
        (f'{{"network": 1{"0" * 400}, "counts": 0.5}}', "network is 1000"),
        ('{"network": "0.5", "counts": 0.5}', "network is 0.5"),
        ('{"network": true, "counts": 0.5}', "network is True"),
        ('{"network": 0.5, "counts": [0.5]}', "counts is [0.5]"),
    ],
)
def test_a_damaged_file_is_refused_with_the_way_out(tmp_path, text, words):
    path = tmp_path / "mixture.json"
    path.write_text(text)
    with pytest.raises(RunDirectoryError) as caught:
        load_mixture(path)
    assert f"{path} " in caught.value.problem
    assert words in caught.value.problem
    assert "Restore mixture.json from a copy of the run, or delete it" in caught.value.advice


def test_a_link_is_not_followed(tmp_path):
    path = tmp_path / "mixture.json"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunDirectoryError, match="symbolic link"):
        load_mixture(path)
