"""What to say of a command that does not exist: the one that was meant, or all that there are."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from typer.core import TyperGroup

from textgen_core.errors import UsageError
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
        """Return the subcommand that is called; raises UsageError if there is none of its name."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise UsageError(*explain(ctx.command_path, args[0], list(self.commands)))
        return super().resolve_command(ctx, args)


def explain(path: str, name: str, commands: Sequence[str]) -> tuple[str, str, str]:
    """Return what is wrong with the name of a command of `path`, what is allowed, and a way on."""
    shown = printable(name, keep="")[:40]
    same = _SAME.get(name.lower()) if path == "textgen" else None
    close = get_close_matches(name.lower(), commands, cutoff=_ALIKE)
    if same is None and close:
        same = " or ".join(close)
    meant = f" Did you mean {path} {same}?" if same else ""
    problem = f"There is no command {path} {shown}.{meant}"
    return problem, f"Allowed: {', '.join(commands)}.", f"See: {path} --help"
