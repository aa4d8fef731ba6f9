from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import attrs
import numpy as np
import pytest

from textgen_core.components import Evidence, Figure, Metric
from textgen_core.errors import PluginFailure
from textgen_core.evaluation.metrics import NamedMetric, measure_all, read_declared, sign_all

EVIDENCE = Evidence(
    samples=["a"],
    prompts=["b"],
    references=["c"],
    training_text=["d"],
    token_losses=np.zeros(1, np.float32),
    token_ids=np.zeros(1, np.int32),
    tokenizer=None,
    score=lambda text: np.zeros(len(text), np.float32),
)


@attrs.frozen(kw_only=True)
class GivenMetric(Metric):
    values: Mapping[str, object]
    figures: ClassVar[Mapping[str, Figure]] = {"one": Figure(), "two": Figure()}

    def measure(self, evidence):
        return self.values


@attrs.frozen(kw_only=True)
class RaisingMetric(Metric):
    figures: ClassVar[Mapping[str, Figure]] = {}

    def measure(self, evidence):
        raise KeyError("no such thing")


def measure(values):
    metric = GivenMetric(values=values)
    return measure_all([NamedMetric("given", "textgen-given", metric)], EVIDENCE)["given"]


def test_figures_come_as_plain_floats_in_the_order_declared():
    figures = measure({"two": np.float32(0.5), "one": 3})
    assert figures == {"one": 3.0, "two": 0.5}
    assert list(figures) == ["one", "two"]
    assert {type(value) for value in figures.values()} == {float}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_a_figure_that_is_not_finite_becomes_none(value):
    assert measure({"one": value, "two": 1.0}) == {"one": None, "two": 1.0}


@pytest.mark.parametrize("values", [{"one": 1.0}, {"one": 1.0, "two": 2.0, "three": 3.0}, {}])
def test_figures_other_than_those_declared_are_a_failure_of_the_plugin(values):
    with pytest.raises(PluginFailure, match=r"given \(textgen-given\)") as caught:
        measure(values)
    assert "one, two" in caught.value.allowed


@pytest.mark.parametrize("value", ["0.5", None, [1.0]])
def test_a_figure_that_is_no_number_is_a_failure_of_the_plugin(value):
    with pytest.raises(PluginFailure, match="as one"):
        measure({"one": value, "two": 1.0})


def test_a_metric_that_raises_is_named_with_its_distribution():
    with pytest.raises(PluginFailure, match=r"raising \(textgen-strange\)") as caught:
        measure_all([("raising", "textgen-strange", RaisingMetric())], EVIDENCE)
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_metric_that_exits_is_a_failure_of_the_plugin():
    class Exiting(RaisingMetric):
        def measure(self, evidence):
            raise SystemExit(0)

    with pytest.raises(PluginFailure, match="SystemExit: 0"):
        measure_all([("exiting", "textgen-strange", Exiting())], EVIDENCE)


def test_a_metric_that_returns_no_mapping_is_a_failure_of_the_plugin():
    with pytest.raises(PluginFailure, match="textgen-given"):
        measure(7)


def test_an_interruption_is_not_blamed_on_the_metric():
    class Interrupted(RaisingMetric):
        def measure(self, evidence):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_all([("raising", "textgen-strange", Interrupted())], EVIDENCE)


def test_two_metrics_of_one_label_are_both_kept():
    one, two = ({"one": number, "two": 0.0} for number in (1.0, 2.0))
    measured = measure_all(
        [("given", "x", GivenMetric(values=one)), ("given", "x", GivenMetric(values=two))], EVIDENCE
    )
    assert measured == {"given": one, "given-2": two}


def test_what_a_metric_says_of_its_figures_is_kept_under_its_label():
    @attrs.frozen(kw_only=True)
    class Declaring(RaisingMetric):
        figures: ClassVar[Mapping[str, Figure]] = {"heat": Figure("lower", help="heat of words")}

    declared = read_declared([("given", "x", Declaring()), ("given", "x", RaisingMetric())])
    assert declared == {
        "given": {"heat": {"help": "heat of words", "direction": "lower"}},
        "given-2": {},
    }


@attrs.frozen(kw_only=True)
class SigningMetric(GivenMetric):
    text: object = "how|it was computed"

    def signature(self):
        if isinstance(self.text, Exception):
            raise self.text
        return self.text


def test_metrics_that_have_a_signature_give_it_under_their_label():
    plain, signing = GivenMetric(values={}), SigningMetric(values={})
    entries = [("given", "x", plain), ("signing", "x", signing), ("signing", "x", signing)]
    assert sign_all(entries, EVIDENCE) == {
        "signing": "how|it was computed",
        "signing-2": "how|it was computed",
    }
    assert sign_all([], EVIDENCE) == {}


def test_a_signature_that_depends_on_the_text_is_given_the_evidence():
    @attrs.frozen(kw_only=True)
    class ScriptMetric(GivenMetric):
        def signature(self, evidence):
            return f"script:{evidence.script}"

    chinese = attrs.evolve(EVIDENCE, references=["天还没亮。"])
    entries = [("script", "x", ScriptMetric(values={}))]
    assert sign_all(entries, chinese) == {"script": "script:Han"}
    assert sign_all(entries, EVIDENCE) == {"script": "script:Latin"}


@pytest.mark.parametrize("text", [None, 7, ValueError("no")])
def test_a_signature_that_is_no_text_is_a_failure_of_the_plugin(text):
    with pytest.raises(PluginFailure, match=r"signing \(textgen-strange\)"):
        sign_all([("signing", "textgen-strange", SigningMetric(values={}, text=text))], EVIDENCE)
