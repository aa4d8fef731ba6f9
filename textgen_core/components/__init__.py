"""What a plugin implements: the five contracts, their options, and what the core hands to them.

Imports nothing heavy: every plugin begins here.
"""

from textgen_core.components.contracts import (
    History,
    Metric,
    ModelBuilder,
    Sampler,
    TokenizerTrainer,
)
from textgen_core.components.evidence import Evidence, Figure
from textgen_core.components.options import RULES, Option, OptionRules, option, options_of
from textgen_core.components.tracking import Outcome, TrackedRun, Tracker, TrackerSession

__all__ = [
    "RULES",
    "Evidence",
    "Figure",
    "History",
    "Metric",
    "ModelBuilder",
    "Option",
    "OptionRules",
    "Outcome",
    "Sampler",
    "TokenizerTrainer",
    "TrackedRun",
    "Tracker",
    "TrackerSession",
    "option",
    "options_of",
]
