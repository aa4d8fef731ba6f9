"""Repairs text that was decoded wrongly somewhere on its way, with the library ftfy.

`schÃ¶n` becomes `schön`, `&lt;` becomes `<` in a line without tags. Quotes, ligatures, widths, line
ends and the Unicode form stay as they are: other settings, or none, change those.

ftfy: Robyn Speer, "ftfy" (2019), Zenodo, doi:10.5281/zenodo.2591652.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

from textgen_core.corpus.text import change_lines
from textgen_core.errors import ConfigurationError


def repair_lines(text: str) -> tuple[str, int]:
    """Repair each line of `text` by itself; return how many were changed."""
    if _is_plain(text):
        return text, 0
    return change_lines(text, lambda line: line if _is_plain(line) else load_ftfy()(line))


def _is_plain(text: str) -> bool:
    return text.isascii() and "&" not in text


@cache
def load_ftfy() -> Callable[[str], str]:
    """Return ftfy's repair of a text; raises ConfigurationError unless it is installed."""
    try:
        import ftfy
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "corpus.repair is 'ftfy', which needs a library that is not installed.",
            "Allowed: none, and ftfy with its library.",
            "Install it: pip install 'textgen-core[ftfy]'",
        ) from error
    config = ftfy.TextFixerConfig(
        remove_terminal_escapes=False,
        fix_latin_ligatures=False,
        fix_character_width=False,
        uncurl_quotes=False,
        fix_line_breaks=False,
        fix_surrogates=False,
        remove_control_chars=False,
        normalization=None,
        explain=False,
    )
    return partial(ftfy.fix_text, config=config)
