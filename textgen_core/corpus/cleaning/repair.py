"""Repairs text that was decoded wrongly somewhere on its way, with the library ftfy.

`schÃ¶n` becomes `schön`, `&lt;` becomes `<` in a line without tags. Quotes, ligatures, widths, line
ends and the Unicode form stay as they are: other settings, or none, change those.

ftfy: Robyn Speer, "ftfy" (2019), Zenodo, doi:10.5281/zenodo.2591652.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from textgen_core.errors import ConfigurationError


def repair_lines(text: str) -> tuple[str, int]:
    """Repair each line of `text` on its own; return how many were changed."""
    if text.isascii() and "&" not in text:
        return text, 0
    fix, config = _ftfy()
    lines = text.split("\n")
    changed = 0
    for index, line in enumerate(lines):
        if line.isascii() and "&" not in line:
            continue
        repaired = fix(line, config)
        if repaired != line:
            lines[index] = repaired
            changed += 1
    return "\n".join(lines), changed


def check_installed() -> None:
    """Raise ConfigurationError unless ftfy is there."""
    _ftfy()


@cache
def _ftfy() -> tuple[Any, Any]:
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
    return ftfy.fix_text, config
