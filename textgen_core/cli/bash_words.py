"""The words of a command line as bash hands them over, put together to arguments again.

This module knows nothing about what is offered to complete them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, MutableMapping

INSTRUCTION = "_TEXTGEN_COMPLETE"  # the variable by which the shell asks
BEFORE = "_TEXTGEN_BEFORE"  # ours: what stands in an argument before the word that is completed
_CUTS = (":", "=", ":=")  # the words that bash makes of an argument's separators


def rejoin_words(environment: MutableMapping[str, str]) -> None:
    """Undo in bash's variables how it cuts the line: at each `:` and `=`, in the middle of specs.

    Only what follows the last of these in the argument is completed; what stands before it in the
    argument is kept in the variable `BEFORE`.
    """
    environment.pop(BEFORE, None)
    if environment.get(INSTRUCTION) != "complete_bash":
        return
    try:
        words = shlex.split(environment["COMP_WORDS"])
        position = int(environment["COMP_CWORD"])
    except (KeyError, ValueError):  # a quote is open, or nobody asked in this way
        return
    if position < 0:
        return
    words = words[: position + 1] + [""] * (position + 1 - len(words))
    if words[-1] in _CUTS:
        words.append("")
    arguments, last = _arguments(words), words[-1]
    environment[BEFORE], arguments[-1] = arguments[-1].removesuffix(last), last
    environment["COMP_WORDS"] = shlex.join(arguments)
    environment["COMP_CWORD"] = str(len(arguments) - 1)


def _arguments(words: Iterable[str]) -> list[str]:
    """Return the arguments that bash has cut into words."""
    arguments: list[str] = []
    is_glued = False
    for word in words:
        if word == "=" and arguments and arguments[-1].startswith("--"):
            continue  # `--sampler=x` is two words then, which mean the same
        cuts = word in _CUTS
        if (cuts or is_glued) and arguments:
            arguments[-1] += word
        else:
            arguments.append(word)
        is_glued = cuts
    return arguments
