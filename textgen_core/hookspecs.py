"""The five hooks that a plugin may implement: each returns its components by name.

A name is lower-case letters, digits and hyphens, and starts with a letter. These functions are only
the specifications; `registry` calls the implementations.
"""

from __future__ import annotations

from collections.abc import Mapping

import pluggy

from textgen_core.components import Metric, ModelBuilder, Sampler, TokenizerTrainer, Tracker

PROJECT = "textgen"  # the pluggy project and the entry-point group

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def textgen_tokenizers() -> Mapping[str, type[TokenizerTrainer]]:  # type: ignore[empty-body]
    """Register tokenizer trainers.

    Returns:
        TokenizerTrainer classes by name.
    """


@hookspec
def textgen_models() -> Mapping[str, type[ModelBuilder]]:  # type: ignore[empty-body]
    """Register model builders.

    Returns:
        ModelBuilder classes by name.
    """


@hookspec
def textgen_samplers() -> Mapping[str, type[Sampler]]:  # type: ignore[empty-body]
    """Register samplers.

    Returns:
        Sampler classes by name.
    """


@hookspec
def textgen_metrics() -> Mapping[str, type[Metric]]:  # type: ignore[empty-body]
    """Register metrics.

    Returns:
        Metric classes by name.
    """


@hookspec
def textgen_trackers() -> Mapping[str, type[Tracker]]:  # type: ignore[empty-body]
    """Register experiment trackers.

    Returns:
        Tracker classes by name.
    """
