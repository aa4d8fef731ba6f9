"""How good a run will be, by a law that was fitted to measured runs.

What counts of n-grams lose on the held-out text is measured in seconds, so two things are left to
forecast: what a network alone will lose, and what the mixture of both gains over the counts.

The network begins at the loss of guessing and tends to a floor, which depends on the counts' loss:

    network = floor + (guessing - floor) h / (1 + h)
    h = (seen / t)^-a + (parameters / n)^-1/2 + (tokens / d)^-c

(bounded, as arXiv 2605.09189 has it: a few kilobytes are no reason for more than guessing). The
better the network is beside the counts, the more the mixture gains over them, exponentially; and of
two networks that lose the same alone the larger one adds more. The constants follow from the runs
in `tests/benchmarks/plan_runs.json`, by `plan_law.py` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

_LEAST_EXCESS = -0.1  # of the network's loss over the counts': no run was better by more
_NEAR = 0.3  # the logarithm of a factor outside of what was measured that is no matter
_WIDER = 0.5  # how much wider an interval is, for each factor of e outside of what was measured


@attrs.frozen(kw_only=True)
class Case:
    """A run that may be made; losses in bits per byte of the held-out text, arrays or floats.

    counts: of n-grams alone; uniform: of guessing. tokens: of the training text; seen: how many
    tokens the training reads, passes included.
    """

    counts: Any
    uniform: Any
    tokens: Any
    seen: Any
    parameters: Any
    is_recurrent: Any = False


@attrs.frozen(kw_only=True)
class Law:
    """The constants of the law, with tokens in units of 100,000 and the rest in millions.

    floor, floor_text: the network's floor in units of the counts' loss, and its power of the text's
    tokens. lag, lag_recurrent, speed: the logarithm of what a network lacks after a million tokens,
    what a recurrent one lacks beside it, and the power of the tokens seen. room: the logarithm of
    what a network of a million parameters lacks. lack, text: the same of the text's tokens, and
    their power. gain, gain_size, fade: the logarithm of what a mixture gains where network and
    counts lose the same, by which power of the parameters it is more, and how fast it fades with
    the network's excess.
    """

    floor: float
    floor_text: float
    lag: float
    lag_recurrent: float
    speed: float
    room: float
    lack: float
    text: float
    gain: float
    gain_size: float
    fade: float

    def network(self, case: Case) -> Any:
        """Return the loss of the network alone, in bits per byte."""
        seen, parameters = np.log(case.seen) - np.log(1e6), np.log(case.parameters) - np.log(1e6)
        tokens = np.log(case.tokens) - np.log(1e5)
        lag = self.lag + self.lag_recurrent * np.asarray(case.is_recurrent, float)
        lacks = np.exp(lag - self.speed * seen) + np.exp(self.room - parameters / 2)
        lacks = lacks + np.exp(self.lack - self.text * tokens)
        floor = self.floor * case.counts * np.exp(self.floor_text * tokens)
        return floor + (case.uniform - floor) * lacks / (1 + lacks)

    def mixture(self, case: Case, network: Any) -> Any:
        """Return the loss of the mixture, in bits per byte; network: the network's."""
        excess = np.maximum(_LEAST_EXCESS, network / case.counts - 1)
        size = self.gain_size * (np.log(case.parameters) - np.log(1e6))
        return case.counts - np.exp(self.gain + size - self.fade * excess)


@attrs.frozen(kw_only=True)
class Forecast:
    """What a run will reach on held-out text, in bits per byte.

    low, high: four of five runs are expected to lie between. network: alone. outside: what of the
    run lies outside of what was measured, so that the interval is a guess.
    """

    bits_per_byte: float
    low: float
    high: float
    network: float
    outside: tuple[str, ...]


# All below is printed by `tests/benchmarks/plan_law.py`; a test fits it again.
LAW = Law(
    floor=0.7183,
    floor_text=0.1242,
    lag=-3.4124,
    lag_recurrent=1.0651,
    speed=1.2382,
    room=-3.5068,
    lack=-2.2464,
    text=0.6851,
    gain=-2.1116,
    gain_size=0.0200,
    fade=7.2828,
)
# Bits per byte; four of five forecasts of a text that the fit had not seen were no further off.
HALF_INTERVAL = 0.0305
MEASURED: Mapping[str, tuple[int, int]] = {
    "tokens": (11_377, 1_796_174),
    "seen": (69_632, 8_847_360),
    "parameters": (165_304, 3_597_220),
}
# Of the runs, SHA-256.
RUNS_HASH = "3dfe0b39069d2cfc2dfbccb5c7a6c2fff99ccbc05e44ec1f8e4ed7c360ab785a"


def forecast(case: Case) -> Forecast:
    """Return what a run will reach; its numbers are floats."""
    network = float(LAW.network(case))
    expected = float(LAW.mixture(case, network))
    distances = {name: _distance(getattr(case, name), *MEASURED[name]) for name in MEASURED}
    half = HALF_INTERVAL * (1 + _WIDER * sum(distances.values()))
    return Forecast(
        bits_per_byte=expected,
        low=max(0.0, expected - half),
        high=expected + half,
        network=network,
        outside=tuple(name for name, distance in distances.items() if distance),
    )


def _distance(value: float, low: float, high: float) -> float:
    """Return the logarithm of the factor by which a value lies outside of a range, 0 near it."""
    found = float(max(0.0, np.log(low / value), np.log(value / high)))
    return found if found > _NEAR else 0.0
