"""What to say of a command that does not exist: the one that was meant, or all that there are."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperGroup

from textgen_core.formatting import printable

# A typing error: `score` for `compare` would be none.
_ALIKE = 0.75
# What other programs call these.
_SAME = {
    "train": "run",
    "fit": "run",
    "finetune": "run CORPUS --from RUN",
    "fine-tune": "run CORPUS --from RUN",
    "continue": "resume",
    "write": "generate",
    "sample": "generate",
    "chat": "generate --interactive",
    "eval": "evaluate",
    "test": "evaluate",
    "server": "serve",
    "play": "serve",
    "list": "runs",
    "ls": "runs",
    "rm": "runs remove",
    "remove": "runs remove",
    "delete": "runs remove",
    "show": "runs show",
    "pack": "runs pack",
    "unpack": "runs unpack",
    "analyse": "analyze",
    "models": "plugins",
    "version": "--version",
}


class Group(TyperGroup):
    """A command with subcommands, which says of one that it lacks what there is."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the subcommand that is called; raises Typer's error if there is none."""
        try:
            return super().resolve_command(ctx, args)
        except typer.TyperException as error:
            if args and not args[0].startswith("-"):
                error.message = explain(ctx.command_path, args[0], list(self.commands))
            raise


def explain(path: str, name: str, commands: Sequence[str]) -> str:
    """Return what is wrong with the name of a command of `path`, and what is allowed."""
    shown = printable(name, keep="")[:40]
    same = _SAME if path == "textgen" else {}
    close = get_close_matches(name.lower(), [*commands, *same], cutoff=_ALIKE)
    meant = " or ".join(dict.fromkeys(same.get(each, each) for each in close[:2]))
    meant = f" Did you mean {path} {meant}?" if meant else ""
    return f"There is no command {path} {shown}.{meant}\nAllowed: {', '.join(commands)}."
