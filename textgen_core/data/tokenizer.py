"""The tokenizer: trained, held to its contract, saved and loaded as a standard tokenizer.json."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import tokenizers

from textgen_core.components import TokenizerTrainer
from textgen_core.corpus import count_all_characters, iterate_pieces
from textgen_core.data.tokenizer_limits import fault_of_rules
from textgen_core.errors import (
    PluginFailure,
    RunDirectoryError,
    component_errors,
    is_component_fault,
    reason_of,
)
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import hash_text, read_text, recorded_hash, write_text
from textgen_core.runs.parsing import parse_json

SPECIAL_TOKENS = ("<PAD>", "<UNK>", "<START>", "<END>")
PAD, UNK, START, END = range(len(SPECIAL_TOKENS))
NO_TEXT = frozenset((PAD, START, END))  # ids that no text holds, whatever a tokenizer makes of it

SAMPLE = 20_000  # characters of the training text that the checks encode
PIECE = 65_536  # characters that a trainer is given at once, or up to twice as many
_SAMPLE_PIECES = 64  # that a sample has at least, about


def train_tokenizer(
    trainer: TokenizerTrainer, texts: Sequence[str], *, name: str = ""
) -> tokenizers.Tokenizer:
    """Return a tokenizer trained on `texts`, the documents of the training split.

    The trainer is given them in pieces, so that its memory is bounded, and no more of them than it
    requests. Raises PluginFailure if it raises, or if what it returns breaks the contract of a
    tokenizer. `name`: what that error calls it.
    """
    name = name or f"The tokenizer trainer {type(trainer).__name__}"
    with component_errors(name):
        tokenizer = trainer.train(read_for_training(texts, sample_of(trainer, texts)))
    if not isinstance(tokenizer, tokenizers.Tokenizer):
        raise PluginFailure(
            f"{name} returned a {type(tokenizer).__name__}.", "Allowed: a tokenizers.Tokenizer."
        )
    sample = "\n".join(piece.text[:SAMPLE] for piece in islice(iterate_pieces(texts), 10))[:SAMPLE]
    with component_errors(name, doing="the tokenizer that it returned"):
        fault = (
            fault_of_rules(parse_json(tokenizer.to_str()))
            or _fault_of_ids(tokenizer)
            or _fault_of_encoding(_prepare(tokenizer), sample, lossless=bool(trainer.lossless))
        )
    if fault:
        raise PluginFailure(f"{name} returned a tokenizer that breaks its contract: {fault}.")
    return tokenizer


def sample_of(trainer: TokenizerTrainer, texts: Sequence[str]) -> int | None:
    """Return how many characters of `texts` a trainer is given, or None if it is all of them."""
    wanted: int | None = getattr(trainer, "sample_characters", None)
    return wanted if wanted is not None and wanted < count_all_characters(texts) else None


def save_tokenizer(tokenizer: tokenizers.Tokenizer, path: Path) -> None:
    """Write tokenizer.json whole or not at all; raises RunDirectoryError if that fails."""
    write_text(path, tokenizer.to_str(pretty=True) + "\n")


def load_tokenizer(path: Path, sha256: str | None = None) -> tokenizers.Tokenizer:
    """Return the tokenizer in a tokenizer.json; special-token text in a text is ordinary for it.

    sha256: that of the file as it was made, where that is known. Raises RunDirectoryError if the
    file is missing, damaged or another, or has other special tokens.
    """
    text = read_text(path)
    if sha256 is not None and sha256 != hash_text(text):
        raise RunDirectoryError(
            f"{path} is not the file that the run was made with: its SHA-256 is not the one in "
            "manifest.json.",
            advice="Restore it from a copy of the run.",
        )
    try:
        if fault := fault_of_rules(parse_json(text)):
            raise RunDirectoryError(f"{path} holds no tokenizer that textgen opens: {fault}.")
        tokenizer = tokenizers.Tokenizer.from_str(text)
        fault = _fault_of_ids(tokenizer)
    except BaseException as error:
        if isinstance(error, RunDirectoryError) or not is_component_fault(error):
            raise
        raise RunDirectoryError(f"{path} is damaged: {error}.") from error
    if fault:
        raise RunDirectoryError(f"{path} holds no tokenizer of textgen: {fault}.")
    return _guarded(_prepare(tokenizer), path)


def tokenizer_of(run: RunDirectory) -> tokenizers.Tokenizer:
    """Return the tokenizer of a run, as it was when the run was made.

    Raises RunDirectoryError as `load_tokenizer`; the manifest of an older run knows no hash of it.
    """
    return load_tokenizer(run.tokenizer, recorded_hash(run.manifest, run.tokenizer.name))


def encode(tokenizer: tokenizers.Tokenizer, text: str) -> list[int]:
    """Return the token ids of a text, and nothing that a post-processor would add to them."""
    return as_text_ids(tokenizer.encode(text, add_special_tokens=False).ids)


def encode_with_spans(
    tokenizer: tokenizers.Tokenizer, text: str
) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Return the token ids of a text, and of each the place in the text: its start and its end."""
    encoding = tokenizer.encode(text, add_special_tokens=False)
    return tuple(as_text_ids(encoding.ids)), tuple(encoding.offsets)


def as_text_ids(token_ids: Iterable[int]) -> list[int]:
    """Return the ids of a text, `<UNK>` in place of the other special tokens.

    A tokenizer may have those among its pieces, and takes their names in a text for them.
    """
    return [UNK if token_id in NO_TEXT else token_id for token_id in token_ids]


def _prepare(tokenizer: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    """Return `tokenizer`, set to encode every text whole and as text.

    The file format does not keep the first of these, and may bring along the other two.
    """
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _guarded(tokenizer: tokenizers.Tokenizer, path: Path) -> tokenizers.Tokenizer:
    """Return `tokenizer`, whose methods name its file where the library fails, or panics, in them.

    A file can hold steps that do so with some texts alone.
    """
    for name in ("encode", "encode_batch", "encode_batch_fast", "decode", "decode_batch"):
        if hasattr(tokenizer, name):
            setattr(tokenizer, name, _naming(path, getattr(tokenizer, name)))
    return tokenizer


def _naming(path: Path, method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def call(*given: Any, **named: Any) -> Any:
        try:
            return method(*given, **named)
        except BaseException as error:
            if not is_component_fault(error):
                raise
            raise RunDirectoryError(
                f"{path} does not work: {reason_of(error)[:200]}.",
                advice="Restore it from a copy of the run.",
            ) from error

    return call


def _fault_of_ids(tokenizer: tokenizers.Tokenizer) -> str:
    """Return what is wrong with the token ids, or an empty string."""
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    special = tokenizer.get_added_tokens_decoder()
    for number, token in enumerate(SPECIAL_TOKENS):
        if vocabulary.get(token) != number:
            return f"the id of {token} is {vocabulary.get(token)}, and must be {number}"
        if number not in special or not special[number].special:
            return f"{token} is not declared as a special token"
    if set(vocabulary.values()) != set(range(len(vocabulary))):
        return f"the ids of its {len(vocabulary)} tokens are not 0 to {len(vocabulary) - 1}"
    return ""


def _fault_of_encoding(tokenizer: tokenizers.Tokenizer, sample: str, *, lossless: bool) -> str:
    """Return what is wrong with the encoding of a sample, or an empty string."""
    again = _prepare(tokenizers.Tokenizer.from_str(tokenizer.to_str()))
    for text in (sample, " ".join(SPECIAL_TOKENS), ""):
        token_ids = encode(tokenizer, text)
        if encode(again, text) != token_ids:
            return f"it encodes {text[:40]!r} differently once it was saved and loaded"
        if lossless and tokenizer.decode(token_ids) != text:
            return f"it is declared lossless and does not give {text[:40]!r} back"
    return ""


def read_for_training(texts: Sequence[str], sample: int | None = None) -> Iterator[str]:
    """Yield the texts in pieces that end after a line, in a very long line after a word.

    With a `sample` about so many characters: pieces at even distances, from all over the texts.
    """
    every = count_all_characters(texts) / sample if sample else 1.0
    piece = min(PIECE, max(1, sample // _SAMPLE_PIECES)) if sample else PIECE
    wanted = 0.0
    for number, text in enumerate(_whole_lines(texts, piece)):
        if number >= wanted:
            wanted += every
            yield text


def _whole_lines(texts: Sequence[str], piece: int) -> Iterator[str]:
    held = ""
    for text, ends_document in iterate_pieces(texts):
        held, at = held + text, 0
        while len(held) - at >= 2 * piece:
            ends = (held.find(border, at + piece, at + 2 * piece) + 1 for border in "\n ")
            end = next(filter(None, ends), at + 2 * piece)
            yield held[at:end]
            at = end
        held = held[at:]
        if ends_document and held:
            yield held
            held = ""
