"""What a text is like, in plain numbers, and what that means for training on it."""

from textgen_core.corpus.analysis.advice import advise_on
from textgen_core.corpus.analysis.analyse import Analysis, analyse_corpus

__all__ = ["Analysis", "advise_on", "analyse_corpus"]
