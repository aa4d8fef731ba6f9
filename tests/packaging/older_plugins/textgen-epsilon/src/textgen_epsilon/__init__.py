"""A plugin for textgen: the sampler `epsilon`.

textgen finds this module by the entry point in pyproject.toml, and asks the hook below what there
is. Keep what is imported here light: `textgen plugins` imports it, and should start at once.
"""

from __future__ import annotations

from collections.abc import Mapping

from textgen_core import Sampler, hookimpl

from textgen_epsilon.epsilon import EpsilonSampler


@hookimpl
def textgen_samplers() -> Mapping[str, type[Sampler]]:
    """Return the samplers of this plugin by name."""
    return {"epsilon": EpsilonSampler}
