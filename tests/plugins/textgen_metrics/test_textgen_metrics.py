from __future__ import annotations

import math
import subprocess
import sys

import attrs
import pytest

import textgen_metrics

METRICS = sorted(textgen_metrics.textgen_metrics().items())


def test_the_hook_offers_the_bundled_metrics_by_name():
    assert [name for name, _ in METRICS] == ["bleu", "diversity", "novelty", "repetition"]


@pytest.mark.parametrize(("name", "metric"), METRICS)
@pytest.mark.parametrize(
    "samples", [[], [""], ["word"], ["The same words.", "The same words."], ["a b " * 40, "c\nd"]]
)
def test_every_figure_is_declared_and_lies_in_its_range(measure, name, metric, samples):
    figures = measure(metric(), samples, ["What followed." for _ in samples])
    assert set(figures) == set(metric.figures)
    for figure, value in figures.items():
        declared = metric.figures[figure]
        assert declared.help
        assert math.isnan(value) or value >= declared.low
        assert math.isnan(value) or declared.high is None or value <= declared.high + 1e-9


@pytest.mark.parametrize(("name", "metric"), METRICS)
def test_a_metric_is_frozen(name, metric):
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        metric().lowercase = True


def test_the_metrics_are_listed_without_heavy_imports():
    program = (
        "import sys, textgen_metrics\n"
        "heavy = {'tensorflow', 'keras', 'tokenizers', 'numpy', 'sacrebleu'} & set(sys.modules)\n"
        "print(*heavy)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("\n", "")
