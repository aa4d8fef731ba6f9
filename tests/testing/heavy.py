"""A component whose module is not light."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
from testing.sound import SoundMetric

from textgen_core import Evidence


@attrs.frozen(kw_only=True)
class HeavyMetric(SoundMetric):
    """Counts with numpy."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        return {"mean": float(np.mean([len(each) for each in evidence.samples]))}
