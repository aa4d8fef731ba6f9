"""Sizes, durations, paths and foreign text as people read them, and sentences in their language."""

from textgen_core.formatting.languages import LANGUAGES, chosen_language, say
from textgen_core.formatting.sentences import Sentence, say_again, say_word
from textgen_core.formatting.text import (
    expand_home,
    format_count,
    format_duration,
    format_list,
    format_message,
    format_size,
    printable,
    shell_word,
    visible,
)

__all__ = [
    "LANGUAGES",
    "Sentence",
    "chosen_language",
    "expand_home",
    "format_count",
    "format_duration",
    "format_list",
    "format_message",
    "format_size",
    "printable",
    "say",
    "say_again",
    "say_word",
    "shell_word",
    "visible",
]
