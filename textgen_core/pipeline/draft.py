"""A text that a person and a model write in turns, and every version that it has had.

It knows nothing of terminals: `cli/interactive` shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import attrs

from textgen_core.errors import UsageError
from textgen_core.generation import GenerationOptions, PieceStream
from textgen_core.registry import ResolvedComponent

if TYPE_CHECKING:
    from textgen_core.pipeline.opened_run import Run

# Characters at the end of a text that a model reads in each turn: a recurrent one would read on and
# on. CHARACTERS of a token are more than most have, so that a context is full.
WINDOW, CHARACTERS = 5_000, 8


@attrs.frozen
class _Version:
    """The text after a change; of one by the model, where what it wrote begins."""

    text: str
    written_from: int | None = None


class Draft:
    """A text in the making.

    Every change makes a version: what a person adds is one, what the model writes after it is
    another. The n-th text that the model writes has the n-th seed from the first one on, so the
    same changes make the same text.

    Args:
        run: the run that writes.
        text: what the text starts from; an empty one is the start of a document.
        sampler: the samplers, as `Run.stream` takes them; by default the run's own.
        max_new_tokens: the most tokens that the model writes in a turn.
        seed: that of the first turn.
        stop: texts that the model stops before.

    Raises:
        TextgenError: a value that nothing can be written with.
    """

    def __init__(
        self,
        run: Run,
        text: str = "",
        *,
        sampler: Any = None,
        max_new_tokens: int,
        seed: int,
        stop: Sequence[str] = (),
    ) -> None:
        self._run = run
        self._samplers = run.samplers(sampler)
        self._options = GenerationOptions(max_new_tokens=max_new_tokens, seed=seed, stop=stop)
        self._window = max(WINDOW, CHARACTERS * run.configuration.data.sequence_length)
        self._versions = [_Version(text)]
        self._at = 0

    # ---- the text -------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The text as it stands, also while the model writes."""
        return self._version.text

    @property
    def first_text(self) -> str:
        """What the text started from."""
        return self._versions[0].text

    def append(self, text: str) -> None:
        """Add a text as it is."""
        self.replace(self.text + text)

    def append_line(self, line: str) -> None:
        """Add a line of its own; an empty one ends the line that was begun."""
        is_within = bool(self.text) and not self.text.endswith("\n")
        self.append(("\n" if is_within else "") + (f"{line}\n" if line else ""))

    def replace(self, text: str) -> None:
        """Put another text in place of the whole; nothing, if it is the same."""
        if text != self.text:
            self._add(_Version(text))

    def undo(self) -> bool:
        """Go back to the version before the last change; return whether there is one."""
        is_possible = self._at > 0
        self._at -= is_possible
        return is_possible

    def redo(self) -> bool:
        """Go to the version that `undo` left; return whether there is one."""
        is_possible = self._at + 1 < len(self._versions)
        self._at += is_possible
        return is_possible

    # ---- writing --------------------------------------------------------------------------------

    def write(self) -> Writing:
        """Let the model go on from the text."""
        return self._write_after(self.text)

    def retry(self) -> Writing:
        """Let the model write anew, with the next seed, what it wrote last; else go on.

        The text is as it was until the first piece has come, and `undo` brings it back.
        """
        return self._write_after(self.text[: self._version.written_from])

    @property
    def samplers(self) -> tuple[ResolvedComponent, ...]:
        """The chain of samplers."""
        return self._samplers

    def choose_samplers(self, request: Any) -> None:
        """Write with other samplers from now on, and make them ready.

        Raises:
            TextgenError: they cannot be used; those before stay.
        """
        before, self._samplers = self._samplers, self._run.samplers(request)
        try:
            self.prepare()
        except BaseException:
            self._samplers = before
            raise

    def prepare(self) -> None:
        """Make ready what a turn needs, such as the model, so that the next one begins at once."""
        next(self._stream(self.text), None)

    @property
    def max_new_tokens(self) -> int:
        """The most tokens that the model writes in a turn."""
        return self._options.max_new_tokens

    @max_new_tokens.setter
    def max_new_tokens(self, count: int) -> None:
        self._options = attrs.evolve(self._options, max_new_tokens=count)

    @property
    def seed(self) -> int:
        """The seed of the next turn."""
        return self._options.seed

    @seed.setter
    def seed(self, seed: int) -> None:
        if seed < 0:
            raise UsageError(f"The seed is {seed}.", "Allowed: 0, 1, 2 ...")
        self._options = attrs.evolve(self._options, seed=seed)

    @property
    def stop(self) -> tuple[str, ...]:
        """The texts that the model stops before."""
        return tuple(self._options.stop)

    def _write_after(self, text: str) -> Writing:
        pieces = self._stream(text)
        self.seed += 1
        return Writing(pieces, text[: -self._window], self.seed - 1, self._keep)

    def _stream(self, text: str) -> PieceStream:
        """Return what the model writes after a text, which it begins when it is asked."""
        return self._run.stream(
            [text[-self._window :]],
            sampler=self._samplers,
            max_new_tokens=self.max_new_tokens,
            seed=self.seed,
            stop=self.stop,
        )

    def _keep(self, version: _Version, *, is_first: bool) -> None:
        """Make a version of what the model has written so far."""
        if is_first:
            self._add(version)
        else:
            self._versions[self._at] = version

    @property
    def _version(self) -> _Version:
        return self._versions[self._at]

    def _add(self, version: _Version) -> None:
        self._versions[self._at + 1 :] = [version]
        self._at += 1


class Writing(Iterator[str]):
    """What the model writes in one turn, in pieces that are in the draft once they are returned.

    seed: that of the turn. before: the text that it follows, which stays as it was cleaned, where
    the corpus was. unknown_characters, notes: what there is to know of it, as in `Generation`.
    """

    def __init__(
        self, pieces: PieceStream, unread: str, seed: int, keep: Callable[..., None]
    ) -> None:
        """Prepare to write; unread: what of the draft lies before the text that was read."""
        self.seed = seed
        self.unknown_characters = pieces.unknown_characters
        self.notes = pieces.notes
        self.text = ""
        self._pieces = pieces
        self.before = unread + pieces.prompts[0]
        self._keep = keep

    def __next__(self) -> str:
        piece = next(self._pieces).text
        if piece:
            is_first = not self.text
            self.text += piece
            version = _Version(self.before + self.text, len(self.before))
            self._keep(version, is_first=is_first)
        return piece

    def stopped_by(self) -> Literal["length", "stop", "end"]:
        """Return what ended it, once no more pieces come: "length", a "stop" text, or <END>."""
        return self._pieces.generation().samples[0].stopped_by
