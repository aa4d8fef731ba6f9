"""`textgen generate --interactive`: a person and the model write in turns.

On a terminal a line is typed after a prompt. Elsewhere stdin is a script of the same lines, and
stdout is the text: where some of it was taken back, it comes again from its beginning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textgen_core.cli.escapes import replace_escapes
from textgen_core.cli.interactive_commands import execute, save
from textgen_core.cli.interrupts import interrupts_noticed
from textgen_core.cli.options import warn_of_text
from textgen_core.cli.output import fail, note, show_line, show_text
from textgen_core.cli.typed_lines import TypedLines
from textgen_core.errors import Interrupted, TextgenError

if TYPE_CHECKING:
    from textgen_core.pipeline.draft import Draft, Writing

PROMPT = "> "
HINT = (
    "Write a line, and Enter lets the model go on. /retry writes that anew, /undo takes it back,\n"
    "/help shows all. Ctrl-C stops the model, Ctrl-D leaves."
)
_SHOWN_BEFORE = 72  # characters of the line in which the model goes on
_WROTE_NOTHING = {
    "end": "It takes this for the end of a text: write on, /retry or /new.",
    "stop": "A stop text came at once: write on, or /retry.",
}


class Screen:
    """The text on a terminal: what is new, below the end of what it follows."""

    def whole(self, text: str) -> None:
        """Show the text."""
        if text.strip():
            show_text(text, end="\n")

    def end_of(self, text: str) -> None:
        """Show where the text goes on."""
        line = text.rstrip("\n").rpartition("\n")[2]
        left_out = "..." if len(line) > _SHOWN_BEFORE else ""
        ends = text[len(text.rstrip("\n")) :][:2] if line else ""
        show_line(left_out + line[-_SHOWN_BEFORE:] + ends, "dim", end="")

    def piece(self, piece: str, text: str) -> None:
        """Show a piece, with which the text is as given."""
        del text
        show_text(piece)

    def changed(self, text: str) -> None:
        """Show where the text stands after a change that a person made."""
        if text:
            self.end_of(text)
            show_text("\n")
        else:
            note("The text is empty.")

    def finish(self, text: str) -> None:
        """End what the model wrote."""
        del text
        show_text("\n")

    def leave(self, text: str) -> None:
        """End the session."""


class Transcript:
    """The text in a file or a pipe: as it grows, and anew where some of it was taken back."""

    def __init__(self) -> None:
        self._shown = ""

    def whole(self, text: str) -> None:
        """Show the text, again if it was shown."""
        if self._shown:
            show_text(f"{self._line_end()}\n{'-' * 8}\n\n")
        self._shown = ""
        self.changed(text)

    def changed(self, text: str) -> None:
        """Show what is new of the text."""
        if not text.startswith(self._shown):
            self.whole(text)
            return
        show_text(text[len(self._shown) :])
        self._shown = text

    def end_of(self, text: str) -> None:
        """Show nothing: the end of the text is where it goes on."""

    def piece(self, piece: str, text: str) -> None:
        """Show a piece, with which the text is as given."""
        del piece
        self.changed(text)

    def finish(self, text: str) -> None:
        """Show the rest."""
        self.changed(text)

    def leave(self, text: str) -> None:
        """Show the rest, and end the last line."""
        self.changed(text)
        show_text(self._line_end())

    def _line_end(self) -> str:
        return "" if not self._shown or self._shown.endswith("\n") else "\n"


class Session:
    """One session: lines in, text out, until stdin ends or `/quit`."""

    def __init__(self, draft: Draft, lines: TypedLines, *, has_escapes: bool) -> None:
        """Begin with a draft.

        has_escapes: whether a backslash and n are a line end, as they are unless the training text
        has such pairs.
        """
        self.draft = draft
        self.has_escapes = has_escapes
        self.are_own_lines = False  # whether each line that is typed is one of the text
        self.is_over = False
        self.file: str | None = None  # where the text was saved last
        self.saved = draft.text
        self.is_typed = lines.are_typed
        self.show: Screen | Transcript = Screen() if lines.are_typed else Transcript()
        self._lines = lines
        self._told: set[str] = set()  # what the tokenizer does not know, once each
        self._exit_code = 0

    def run(self) -> int:
        """Take line after line, and return the exit code: of a script, that of its first error."""
        if self.is_typed:
            note(HINT)
        self.show.whole(self.draft.text)
        try:
            while not self.is_over:
                self._take_turn()
            self.show.leave(self.draft.text)
        finally:  # whatever happened, the text is not lost without a word
            self._offer_to_save()
        return self._exit_code

    def write(self, writing: Writing) -> None:
        """Show what the model writes, until it is done or Ctrl-C stops it."""
        self._warn(writing)
        try:
            if self._show(writing):
                self._say_how_it_ended(writing)
        except KeyboardInterrupt:  # what was written by then stays
            if not self.is_typed:
                raise
        finally:
            self.show.finish(self.draft.text)

    def _show(self, writing: Writing) -> bool:
        """Show piece after piece, and return whether that was all: Ctrl-C comes between two."""
        with interrupts_noticed() as is_interrupted:
            for piece in writing:
                self.show.piece(piece, self.draft.text)
                if is_interrupted():
                    if not self.is_typed:
                        raise KeyboardInterrupt
                    return False
        return True

    def _say_how_it_ended(self, writing: Writing) -> None:
        ended_by = writing.stopped_by()
        if not writing.text and ended_by in _WROTE_NOTHING:
            note(f"The model wrote nothing. {_WROTE_NOTHING[ended_by]}")
        elif ended_by == "end" and self.is_typed:
            show_line("\n(end)", "dim", end="")

    def _take_turn(self) -> None:
        """Read one line and do what it says; Ctrl-C at a terminal clears it."""
        try:
            line = self._lines.read(PROMPT)
            if line is None:
                self.is_over = True
            else:
                self._take(line)
        except KeyboardInterrupt:
            if not self.is_typed:
                self.is_over, self._exit_code = True, Interrupted.exit_code
            show_text("\n" if self.is_typed else "")

    def _take(self, line: str) -> None:
        """Do what a line says; what is wrong with it is said, and the text stays."""
        try:
            if line.startswith("/") and not line.startswith("//"):
                execute(self, line)
            else:
                self._add(line.removeprefix("/") if line.startswith("//") else line)
        except TextgenError as error:
            fail(str(error))
            if not self.is_typed:
                self._exit_code = self._exit_code or error.exit_code

    def _add(self, line: str) -> None:
        """Add a line to the text, and let the model go on."""
        text = replace_escapes(line) if self.has_escapes else line
        if self.are_own_lines:
            self.draft.append_line(text)
        else:
            self.draft.append(text)
        writing = self.draft.write()
        if not text:
            self.show.end_of(self.draft.text)
        self.write(writing)

    def _warn(self, writing: Writing) -> None:
        new = [each for each in writing.unknown_characters if each not in self._told]
        self._told.update(new)
        warn_of_text(new, writing.notes, "text")

    def _offer_to_save(self) -> None:
        """Ask for a file on a terminal, if the text has changed since it was saved."""
        while self.is_typed and self.draft.text not in (self.saved, self.draft.first_text, ""):
            try:
                note("The text is not saved. Name a file to save it to, or leave with Enter.")
                name = (self._lines.read("file: ") or "").strip()
                if not name:
                    break
                save(self, name)
            except TextgenError as error:
                fail(str(error))
            except KeyboardInterrupt:
                show_text("\n")
                break
