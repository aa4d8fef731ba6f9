"""The five phases in their order, the run that they leave, and the Python API over both.

`preparing` holds phases 2 and 3, `training` phase 4, `running` all five; `api` is what users call.
It is imported on use: who only follows a run needs none of it, and who opens one no TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textgen_core.pipeline.api import open_run, resume, run
    from textgen_core.pipeline.comparing import compare
    from textgen_core.pipeline.search.samplers import tune_samplers
    from textgen_core.pipeline.search.tuning import tune

__all__ = ["compare", "open_run", "resume", "run", "tune", "tune_samplers"]


def __getattr__(name: str) -> Any:
    if name == "compare":
        from textgen_core.pipeline import comparing

        return comparing.compare
    if name == "tune":
        from textgen_core.pipeline.search import tuning

        return tuning.tune
    if name == "tune_samplers":
        from textgen_core.pipeline.search import samplers

        return samplers.tune_samplers
    if name in __all__:
        from textgen_core.pipeline import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
