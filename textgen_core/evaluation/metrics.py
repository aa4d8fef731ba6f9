"""Runs the metrics on the evidence, and holds each to what it declared.

The caller names each metric's distribution, so that a failure is reported to the right people.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Iterable
from typing import Any, NamedTuple

from textgen_core.components import Evidence, Metric
from textgen_core.errors import PluginFailure, component_errors


class NamedMetric(NamedTuple):
    """A metric with the label of its figures and the distribution that it comes from."""

    label: str
    distribution: str
    metric: Metric


Entries = Iterable[tuple[str, str, Metric]]


def measure_all(metrics: Entries, evidence: Evidence) -> dict[str, dict[str, float | None]]:
    """Return each metric's figures under its label; one that is not finite is None.

    Of two metrics with one label the second is `label-2`. Raises PluginFailure if a metric raises,
    or its figures are not those that it declares.
    """
    return {label: _measure(named, evidence) for label, named in _labelled(metrics).items()}


def sign_all(metrics: Entries, evidence: Evidence) -> dict[str, str]:
    """Return, under the labels of `measure_all`, the signatures of those metrics that have one.

    Raises PluginFailure if a metric raises, or its signature is no text.
    """
    signed = {label: _signature(named, evidence) for label, named in _labelled(metrics).items()}
    return {label: text for label, text in signed.items() if text is not None}


def read_declared(metrics: Entries) -> dict[str, dict[str, dict[str, str]]]:
    """Return, under the labels of `measure_all`, each figure's `help` and `direction`."""
    return {
        label: {
            name: {"help": figure.help, "direction": figure.direction}
            for name, figure in named.metric.figures.items()
        }
        for label, named in _labelled(metrics).items()
    }


def _labelled(metrics: Entries) -> dict[str, NamedMetric]:
    labelled: dict[str, NamedMetric] = {}
    for named in map(NamedMetric._make, metrics):
        number, label = 1, named.label
        while label in labelled:
            number += 1
            label = f"{named.label}-{number}"
        labelled[label] = named
    return labelled


def _signature(named: NamedMetric, evidence: Evidence) -> str | None:
    signature = getattr(named.metric, "signature", None)
    if not callable(signature):
        return None
    with component_errors(_description(named), doing="its signature"):
        wants_evidence = "evidence" in inspect.signature(signature).parameters
        text = signature(evidence=evidence) if wants_evidence else signature()
    if not isinstance(text, str):
        raise PluginFailure(
            f"{_description(named)} has the signature {text!r}.", "Allowed: a text."
        )
    return text


def _description(named: NamedMetric) -> str:
    return f"The metric {named.label} ({named.distribution})"


def _measure(named: NamedMetric, evidence: Evidence) -> dict[str, float | None]:
    with component_errors(_description(named)):
        figures = dict(named.metric.measure(evidence))
        declared = list(named.metric.figures)
    if set(figures) != set(declared):
        raise PluginFailure(
            f"{_description(named)} returned the figures {_list(figures)}.",
            f"Allowed: those that it declares, {_list(declared)}.",
        )
    return {name: _finite_or_none(named, name, figures[name]) for name in declared}


def _finite_or_none(named: NamedMetric, name: str, value: Any) -> float | None:
    try:
        number = float(operator.sub(value, 0))  # a number or a numpy scalar; text is neither
    except (TypeError, ValueError) as error:
        raise PluginFailure(
            f"{_description(named)} returned {value!r} as {name}.",
            "Allowed: a number; NaN where it is undefined.",
        ) from error
    return number if math.isfinite(number) else None


def _list(names: Iterable[object]) -> str:
    return ", ".join(sorted(map(str, names))) or "(none)"
