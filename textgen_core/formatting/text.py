"""Sizes, durations, counts, paths and untrusted text, formatted for people and their terminals."""

from __future__ import annotations

import os
import re
import shlex
import unicodedata
from collections.abc import Sequence
from pathlib import Path

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# Control characters of both sets, among them those that begin a terminal's sequences; what turns
# the direction of the text after it; and halves of a surrogate pair.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BREAKS = re.compile("[\u2028\u2029]")
_LONGEST_LINE = 1000  # characters of a line of a message
_MOST_LINES = 40  # lines of a message


def format_size(size: float) -> str:
    """Return a number of bytes: `800 bytes`, `12.5 kB`, `340 MB`, `1.2 GB`."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.{1 if size < 100 * unit else 0}f} {name}"
    return f"{size:.0f} bytes"


def format_duration(seconds: float) -> str:
    """Return a time in its two largest units: `45 s`, `3 min 20 s`, `1 h 5 min`."""
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    named = [(hours, "h"), (minutes, "min")] if hours else [(minutes, "min"), (whole, "s")]
    return " ".join(f"{number:,} {unit}" for number, unit in named if number) or "0 s"


def format_count(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 line`, `2,000 lines`; `plural` where no s makes it."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def format_list(names: Sequence[str], most: int = 4) -> str:
    """Return names with commas between them, and how many more there are: `a, b and 16 more`."""
    shown, left = names[:most], len(names) - most
    return ", ".join(shown) + (f" and {left:,} more" if left > 0 else "")


def printable(text: str, *, keep: str = "\n\t") -> str:
    """Return a text without colours, and U+FFFD in place of whatever a terminal would act on.

    keep: control characters that may stay, "" for a text that must be one line.
    """
    plain = _COLOUR.sub("", text)
    if "\n" not in keep:
        plain = _BREAKS.sub("\N{REPLACEMENT CHARACTER}", plain)
    return _CONTROLS.sub(
        lambda found: found[0] if found[0] in keep else "\N{REPLACEMENT CHARACTER}", plain
    )


def format_message(text: str) -> str:
    """Return a message as a terminal may show it: nothing that it acts on, nothing endless.

    Of too many lines those before the last are left out, which is the advice.
    """
    lines = [_shortened(line) for line in printable(text).split("\n")]
    if len(lines) > _MOST_LINES:
        left_out = len(lines) - _MOST_LINES
        lines[_MOST_LINES - 1 : -1] = [f"... and {left_out + 1:,} lines more"]
    return "\n".join(lines)


def _shortened(line: str) -> str:
    if len(line) <= _LONGEST_LINE:
        return line
    half = _LONGEST_LINE // 2
    left_out = f" ... {len(line) - 2 * half:,} characters ... "
    return line[:half] + left_out + line[-half:]


def shell_word(path: str | os.PathLike[str]) -> str:
    """Return a path as it is written in a command of a POSIX shell, quoted where it has to be.

    PowerShell and cmd quote in other ways, and are not provided for.
    """
    text = os.fspath(path)
    text = f"./{text}" if text.startswith(("-", "~")) else text  # neither an option nor a home
    if printable(text, keep="") == text:
        return shlex.quote(text)
    shown = "".join(
        chr(each) if 0x20 <= each < 0x7F and chr(each) not in "\\'" else f"\\x{each:02x}"
        for each in os.fsencode(text)
    )
    return f"$'{shown}'"


def expand_home(path: str | os.PathLike[str]) -> Path:
    """Return a path with a leading `~` or `~NAME` replaced by that home, as a shell does.

    No shell has done so in `--out=~/x`, a TOML file or Python. Where there is no such home, the
    path stays as it is.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def visible(text: str) -> str:
    r"""Return a short text with what cannot be seen made visible: `\r`, `U+FEFF`, `U+0301`."""
    shown = "".join(_visible(each) for each in text)
    is_alone = unicodedata.category(text[:1] or " ")[0] == "M"  # a mark, which needs a letter
    return f"U+{ord(text[0]):04X}{shown[1:]}" if is_alone else shown


def _visible(character: str) -> str:
    escapes = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    if character in escapes:
        return escapes[character]
    return character if character.isprintable() else f"U+{ord(character):04X}"
