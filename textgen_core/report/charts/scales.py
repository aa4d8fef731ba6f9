"""Maps values to places along an axis, shares of it, and finds the round values to write there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import attrs
import numpy as np

from textgen_core.report.wording import show_short

Points = Sequence[tuple[float, float]]
Ticks = Sequence[tuple[float, str]]  # places from 0 to 1, and what is written there

MOST_POINTS = 400  # of a curve: more than a screen tells apart

_ROUND_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_CLOCKS = ((3600.0, "h"), (60.0, "min"))
_LEAST_UNITS = 1.5  # of a unit, from which on it is that of the axis


@attrs.frozen(kw_only=True)
class Scale:
    """An axis from `low` to `high`, with low < high; both above 0 where it is logarithmic.

    ticked: the values that are written there, where they are not to be round ones.
    """

    low: float
    high: float
    logarithmic: bool = False
    ticked: tuple[float, ...] = ()

    def place(self, value: float) -> float:
        """Return where a value lies: 0 at `low`, 1 at `high`."""
        if self.logarithmic:
            span = math.log(self.high) - math.log(self.low)
            return (math.log(value) - math.log(self.low)) / span
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int = 6) -> list[float]:
        """Return at most about `most` round values within the axis, or those it was given."""
        if self.ticked:
            return list(self.ticked)
        if self.logarithmic:
            first = math.ceil(math.log10(self.low) - 1e-9)
            last = math.floor(math.log10(self.high) + 1e-9)
            every = max(1, math.ceil((last - first + 1) / most))
            return [10.0**power for power in range(first, last + 1, every)]
        step = round_step(self.high - self.low, most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    def labelled_ticks(self, most: int) -> Ticks:
        """Return the places of the ticks with their labels."""
        return [(self.place(value), show_short(value)) for value in self.ticks(most)]


@attrs.frozen(kw_only=True)
class Axis:
    """Ticks beneath those of an axis, which tell its places in other units."""

    label: str
    ticks: Ticks


def time_axis(steps: Scale, clock: Points, most: int = 5) -> Axis | None:
    """Return when the steps of an axis were made; None where no time is known.

    clock: steps with the seconds that training had taken, in their order.
    """
    if not clock or clock[-1][1] <= 0:
        return None
    places = [steps.place(step) for step, _ in clock]
    seconds = np.maximum.accumulate([second for _, second in clock])
    total = float(seconds[-1])
    found = (each for each in _CLOCKS if total >= _LEAST_UNITS * each[0])
    size, unit = next(found, (1.0, "s"))
    step = round_step(total / size, most)
    times = [number * step for number in range(math.floor(total / size / step + 1e-9) + 1)]
    # Training begins at no step and no second, whatever the first row has.
    at = np.interp([size * time for time in times], [0.0, *seconds], [steps.place(0), *places])
    ticks = [(float(place), show_short(time)) for place, time in zip(at, times, strict=True)]
    return Axis(label=unit, ticks=ticks)


def round_step(span: float, most: int) -> float:
    """Return the smallest of 1, 2, 2.5, 5 times a power of ten that makes at most `most` steps."""
    rough = span / most
    power = 10.0 ** math.floor(math.log10(rough))
    return power * next(step for step in _ROUND_STEPS if step * power >= rough * (1 - 1e-9))


def scale_for(values: Iterable[float], *, from_zero: bool = False, rounded: bool = True) -> Scale:
    """Return an axis on which all values lie, with round ends if asked for."""
    values = [0.0, *values] if from_zero else list(values) or [0.0]
    low, high = min(values), max(values)
    if not high - low > 1e-12 * max(abs(low), abs(high)):
        margin = abs(high) / 2 or 1.0
        low, high = (low if from_zero else low - margin), high + margin
    if rounded:
        step = round_step(high - low, 6)
        low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return Scale(low=low, high=high)


def logarithmic_scale(values: Iterable[float]) -> Scale:
    """Return a logarithmic axis from a power of ten on which all values, above 0, lie."""
    values = list(values) or [1.0]
    low = 10.0 ** math.floor(math.log10(min(values)))
    return Scale(low=low, high=max(1.25 * max(values), 10 * low), logarithmic=True)


def thin(points: Points, most: int) -> Points:
    """Return at most `most` points: the means of neighbours, where there are more."""
    if len(points) <= most:
        return points
    size = math.ceil(len(points) / most)
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [
        (sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group))
        for group in groups
    ]
