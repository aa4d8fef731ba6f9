"""From a word to its tokens, and from a token to the text that a person is shown for it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import attrs
import tokenizers

from textgen_core.data.reader import Reader
from textgen_core.data.text_input import TextInput
from textgen_core.data.tokenizer import SPECIAL_TOKENS, UNK
from textgen_core.errors import UsageError
from textgen_core.generation.trace_recorder import token_text


@attrs.frozen(kw_only=True)
class Word:
    """A word and its tokens, with the text of each.

    after_space: whether these are its tokens after a space, where it is fewer tokens than at the
    start of a text. of_pieces: whether the tokenizer's tokens are pieces of words.
    """

    text: str
    token_ids: tuple[int, ...]
    tokens: tuple[str, ...]
    after_space: bool
    of_pieces: bool = False
    notes: tuple[str, ...] = ()  # how it was cleaned


def find_word(reader: TextInput | Reader, text: str) -> Word:
    """Return a word as a tokenizer cuts it, at the start of a text or after a space.

    Raises UsageError if it is empty, or if the tokenizer has never seen it or a part of it.
    """
    forms = (text,) if text[:1].isspace() else (text, f" {text}")
    tokenizer = reader.tokenizer
    read = [reader.read(form) for form in forms]
    cut = [(form, each.token_ids) for form, each in zip(forms, read, strict=True)]
    if not text or not cut[0][1]:
        raise UsageError(f"The word {text!r} holds no token.", "Allowed: a word of the text.")
    known = [(form, token_ids) for form, token_ids in cut if token_ids and UNK not in token_ids]
    if not known:
        raise UsageError(
            f"The tokenizer has never seen {text!r}.{_meant(tokenizer, text)}",
            "Allowed: what the training text holds, spelt as it is there.",
        )
    form, token_ids = min(known, key=lambda each: len(each[1]))  # the first of the shortest
    return Word(
        text=text,
        token_ids=token_ids,
        tokens=token_texts(tokenizer, token_ids),
        after_space=form != text,
        of_pieces=type(tokenizer.model).__name__ != "WordLevel",
        notes=read[0].notes,
    )


def token_texts(tokenizer: tokenizers.Tokenizer, token_ids: Sequence[int]) -> tuple[str, ...]:
    """Return the text of each token alone: the name of a special token."""
    return tuple(token_text(tokenizer, token_id) for token_id in token_ids)


def quoted(token: str) -> str:
    """Return a token's text between quotes, what cannot be printed as escapes.

    So spaces are seen, a line end does not break the line, and nothing moves a terminal.
    """
    return '"' + "".join(_shown(each) for each in token) + '"'


def _shown(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    is_shown = character.isprintable()
    return character if is_shown else character.encode("unicode_escape").decode("ascii")


def _meant(tokenizer: tokenizers.Tokenizer, text: str) -> str:
    """Return a question with the nearest token, or an empty string if none is near."""
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    texts = token_texts(tokenizer, range(len(SPECIAL_TOKENS), size))
    by_lower = {each.strip().lower(): each.strip() for each in texts}
    near = difflib.get_close_matches(text.strip().lower(), by_lower, n=1)
    return f" Did you mean {by_lower[near[0]]!r}?" if near else ""
