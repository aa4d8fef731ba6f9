"""Joins the words of a command line, as bash passes them to a completion, to arguments again."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, MutableMapping

INSTRUCTION = "_TEXTGEN_COMPLETE"  # the variable in which the shell asks
BEFORE = "_TEXTGEN_BEFORE"  # ours: the part of the argument before the word that is completed
_SEPARATORS = (":", "=", ":=")  # bash makes words of these


def rejoin_words(environment: MutableMapping[str, str]) -> None:
    """Undo in bash's variables that it splits specs at each `:` and `=`.

    Only what follows the last of these is completed; the part of the argument before it is kept in
    the variable `BEFORE`.
    """
    environment.pop(BEFORE, None)
    if environment.get(INSTRUCTION) != "complete_bash":
        return
    try:
        words = shlex.split(environment["COMP_WORDS"])
        position = int(environment["COMP_CWORD"])
    except (KeyError, ValueError):  # a quote is open, or it was not bash that asked
        return
    if position < 0:
        return
    words = words[: position + 1] + [""] * (position + 1 - len(words))
    if words[-1] in _SEPARATORS:
        words.append("")
    arguments, last = _arguments(words), words[-1]
    environment[BEFORE], arguments[-1] = arguments[-1].removesuffix(last), last
    environment["COMP_WORDS"] = shlex.join(arguments)
    environment["COMP_CWORD"] = str(len(arguments) - 1)


def _arguments(words: Iterable[str]) -> list[str]:
    """Return the arguments that bash has split into words."""
    arguments: list[str] = []
    continues = False
    for word in words:
        if word == "=" and arguments and arguments[-1].startswith("--"):
            continue  # `--sampler=x` becomes two words, which mean the same
        separates = word in _SEPARATORS
        if (separates or continues) and arguments:
            arguments[-1] += word
        else:
            arguments.append(word)
        continues = separates
    return arguments
