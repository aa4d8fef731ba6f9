"""The bundled samplers, each a transform of one distribution.

Beam search is not among them: it compares whole texts, where a sampler sees the next token alone.

Tokens that are equally likely are treated alike: where a sampler keeps one of them, it keeps all,
and the core's draw decides between them. So `greedy`, `top-k:1`, a nucleus of next to nothing and a
temperature near zero are the same distribution. TensorFlow is imported only in a transform.
"""

from __future__ import annotations

from collections.abc import Mapping

from textgen_core import Sampler, hookimpl
from textgen_samplers.greedy import GreedySampler
from textgen_samplers.min_p import MinPSampler
from textgen_samplers.no_repeat_ngram import NoRepeatNgramSampler
from textgen_samplers.nucleus import NucleusSampler
from textgen_samplers.occurrence_penalty import OccurrencePenaltySampler
from textgen_samplers.repetition_penalty import RepetitionPenaltySampler
from textgen_samplers.temperature import TemperatureSampler
from textgen_samplers.top_k import TopKSampler
from textgen_samplers.typical import TypicalSampler


@hookimpl
def textgen_samplers() -> Mapping[str, type[Sampler]]:
    """Return the bundled samplers by name."""
    return {
        "greedy": GreedySampler,
        "temperature": TemperatureSampler,
        "top-k": TopKSampler,
        "nucleus": NucleusSampler,
        "min-p": MinPSampler,
        "typical": TypicalSampler,
        "repetition-penalty": RepetitionPenaltySampler,
        "occurrence-penalty": OccurrencePenaltySampler,
        "no-repeat-ngram": NoRepeatNgramSampler,
    }
