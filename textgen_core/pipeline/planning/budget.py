"""How many steps of training fit into some minutes. Plain numbers: no clock is read."""

from __future__ import annotations

import math

import attrs

# Seconds before the first step: XLA compiles each layer of a Transformer, and an LSTM's loop once.
_COMPILING, _COMPILING_LAYER, _COMPILING_LOOP = 8.0, 3.0, 6.0
_EVENTS = 0.04  # of the time: validations, samples and checkpoints
# Seconds of a step beside its products: 2 layers of width 64 take 0.085 s on a core, where their
# products take 0.05.
_BESIDE = 0.035


@attrs.frozen(kw_only=True)
class Pace:
    """How fast a model is trained.

    layers: of a Transformer; 0: the model is recurrent. step_tokens: of a batch.
    """

    tokens_per_second: float
    step_tokens: int
    layers: int

    @property
    def _step_seconds(self) -> float:
        return self.step_tokens / max(self.tokens_per_second, 1e-9) + _BESIDE

    @property
    def _compiling(self) -> float:
        return _COMPILING + _COMPILING_LAYER * self.layers if self.layers else _COMPILING_LOOP

    def steps(self, minutes: float) -> int:
        """Return about how many steps a run of some minutes makes: at least one."""
        seconds = (1 - _EVENTS) * 60 * minutes - self._compiling
        return max(1, math.floor(seconds / self._step_seconds))

    def seconds(self, steps: int) -> float:
        """Return about how long a training of some steps takes."""
        return (steps * self._step_seconds + self._compiling) / (1 - _EVENTS)
