"""The conformance kit: does a component keep its contract?

One line in a plugin author's test file, which becomes one case for each check:

    from textgen_core.testing import conformance

    test_nucleus = conformance("textgen-core:sampler/nucleus")

A class or an instance does as well: `conformance(MySampler)`, `conformance(MyModel(units=8))`.
`known_failures={"sampler.compiles": "why"}` declares what fails, and fails itself once that holds.
`run_checks` does the same without pytest, which is imported nowhere else; `summarise` counts its
results in words. The kit uses a component as a run does, on tiny texts and models: all checks of
one take seconds.
"""

from __future__ import annotations

from textgen_core.testing.check import Check, ConformanceFault, Result, summarise
from textgen_core.testing.running import checks_for, conformance, run_checks

__all__ = [
    "Check",
    "ConformanceFault",
    "Result",
    "checks_for",
    "conformance",
    "run_checks",
    "summarise",
]
