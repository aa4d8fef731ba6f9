"""The report of a run: one HTML file that can be read anywhere, for as long as there are browsers.

Reads nothing but the run directory, so that a report can be written again without the corpus, the
plugins or TensorFlow.
"""

from textgen_core.report.page import write_report

__all__ = ["write_report"]
