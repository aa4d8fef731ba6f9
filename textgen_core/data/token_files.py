"""Token files: a split's tokens on disk, memory-mapped, in a cache outside the run.

A token file is the ids and nothing else: little-endian uint16, or uint32 where the vocabulary needs
it. Beside it a JSON file says what it holds, with a checksum. Both are named by a hash of the text,
the tokenizer and the format, so a file is never out of date; a damaged one is written again.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import numpy as np
import tokenizers

from textgen_core.corpus.documents import (
    Progress,
    count_all_characters,
    iterate_pieces,
    report_progress,
)
from textgen_core.data.tokenizer import END, SAMPLE, START, UNK, encode
from textgen_core.data.windowed_encoding import EncodedPiece, encode_in_pieces
from textgen_core.runs.cache import (
    CACHE_VARIABLE,
    cache_errors,
    is_foreign,
    open_own,
    private_folder,
    usable_cache,
)
from textgen_core.runs.files import atomic_write, check_space
from textgen_core.runs.making import making

FORMAT_VERSION = 2
DOCUMENT_END = b"\xff"  # no byte of UTF-8
UNKNOWN_COUNTED = 100_000  # different texts that `<UNK>` stands for
UNKNOWN_SHOWN = 10
SPANS = 16  # of a sample that stands for a whole split
BLOCK = 2**20  # bytes that are checked at once


@attrs.frozen(kw_only=True, eq=False)
class TokenFile:
    """The tokens of one split: `<START>`, then the documents, with `<END>` between them alone."""

    path: Path
    token_ids: np.ndarray  # uint16 or uint32 `(tokens,)`, memory-mapped
    text_bytes: int  # of the documents' UTF-8
    unknown_tokens: int  # that are `<UNK>`
    unknown_bytes: int  # that these stand for
    unknown: tuple[tuple[str, int], ...] = ()  # the most frequent of their texts, counted


def tokenize_documents(
    documents: Sequence[str],
    tokenizer: tokenizers.Tokenizer,
    name: str,
    folder: Path | None = None,
    progress: Progress | None = None,
) -> TokenFile:
    """Return the token file of `documents`, from the cache if it is there.

    `name` says whose tokens they are ("train") in the file's name. The cache is `folder`, else
    that of `usable_cache`. Files that another user put there are not used. Where several processes
    need the same file, one makes it and the others wait. Raises ConfigurationError if the cache
    cannot be written.
    """
    folder = folder or usable_cache()
    key, text_bytes = _key(documents, tokenizer)
    path = folder / f"{name}-{key}.tokens"
    if is_foreign(path) or is_foreign(path.with_suffix(".json")):
        folder = private_folder(folder)
        path = folder / path.name
    if (found := _open(path)) is not None:
        return found
    with cache_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with making(path):  # another process may have made it by now
        return _open(path) or _make(path, documents, tokenizer, name, text_bytes, progress)


def _make(
    path: Path,
    documents: Sequence[str],
    tokenizer: tokenizers.Tokenizer,
    name: str,
    text_bytes: int,
    progress: Progress | None,
) -> TokenFile:
    """Write the token file of `documents`, and what its JSON file says."""
    folder = path.parent
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    dtype = np.dtype("<u2" if size <= 2**16 else "<u4")
    check_space(
        folder,
        _expected_tokens(documents, tokenizer) * dtype.itemsize,
        f"The tokens of {name}",
        f"Make room, or set {CACHE_VARIABLE} to a folder on another disk.",
    )
    with cache_errors(folder):
        with atomic_write(path) as file:
            pieces = encode_in_pieces(documents, tokenizer)
            reported = report_progress(pieces, lambda piece: piece.characters, documents, progress)
            facts = _write_tokens(file, reported, dtype)
        facts["text_bytes"] = text_bytes
        with atomic_write(path.with_suffix(".json")) as file:
            file.write(json.dumps(facts, indent=2).encode())
        if (written := _open(path)) is None:
            raise OSError("what was written is not what is read")
    return written


def _expected_tokens(documents: Sequence[str], tokenizer: tokenizers.Tokenizer) -> int:
    """Return about how many tokens the documents have, judged by their beginning."""
    beginning = "".join(piece.text[:SAMPLE] for piece in islice(iterate_pieces(documents), 10))
    tokens = len(encode(tokenizer, beginning[:SAMPLE]))
    return count_all_characters(documents) * tokens // max(1, min(SAMPLE, len(beginning)))


def _write_tokens(
    file: BinaryIO, pieces: Iterable[EncodedPiece], dtype: np.dtype[Any]
) -> dict[str, Any]:
    """Write the tokens of all documents, and return what the JSON file says about them."""
    facts: dict[str, Any] = {"version": FORMAT_VERSION, "dtype": dtype.str}
    facts |= dict.fromkeys(("tokens", "checksum", "unknown_tokens", "unknown_bytes"), 0)
    unknown: Counter[str] = Counter()

    def write(token_ids: Sequence[int] | np.ndarray) -> None:
        block = np.asarray(token_ids, dtype=dtype).tobytes()
        file.write(block)
        facts["checksum"] = zlib.crc32(block, facts["checksum"])
        facts["tokens"] += len(token_ids)

    write([START])
    between = False
    for piece in pieces:
        if between:
            write([END])
        write(piece.token_ids)
        facts["unknown_tokens"] += int(np.count_nonzero(piece.token_ids == UNK))
        facts["unknown_bytes"] += sum(len(text.encode()) for text in piece.unknown)
        unknown.update(piece.unknown)
        if len(unknown) > UNKNOWN_COUNTED:  # the rarest go, so that memory is bounded
            unknown = Counter(dict(unknown.most_common(UNKNOWN_COUNTED // 2)))
        between = piece.ends_document
    return {**facts, "unknown": unknown.most_common(UNKNOWN_SHOWN)}


def _open(path: Path) -> TokenFile | None:
    """Return the token file at `path`, or None if it is absent or not what its JSON says."""
    try:
        with open_own(path.with_suffix(".json")) as file:
            facts = json.loads(file.read())
        with open_own(path) as file:
            checksum = _checksum(file)
            token_ids = np.memmap(file, dtype=np.dtype(facts["dtype"]), mode="r")
        if facts["tokens"] != len(token_ids) or facts["checksum"] != checksum:
            return None
        return TokenFile(
            path=path,
            token_ids=token_ids,
            text_bytes=int(facts["text_bytes"]),
            unknown_tokens=int(facts["unknown_tokens"]),
            unknown_bytes=int(facts["unknown_bytes"]),
            unknown=tuple((str(text), int(times)) for text, times in facts["unknown"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _checksum(file: BinaryIO) -> int:
    checksum = 0
    while block := file.read(BLOCK):  # pages of a mapped file would count as the process's memory
        checksum = zlib.crc32(block, checksum)
    return checksum


def _key(documents: Sequence[str], tokenizer: tokenizers.Tokenizer) -> tuple[str, int]:
    """Return the hash of all that the tokens depend on, and the text's UTF-8 bytes."""
    digest, text_bytes = hash_documents(documents, f"{FORMAT_VERSION}\n{tokenizer.to_str()}\n")
    return digest[:32], text_bytes


def hash_documents(documents: Sequence[str], before: str = "") -> tuple[str, int]:
    """Return the SHA-256 of documents and of what comes before them, and their UTF-8 bytes."""
    digest = hashlib.sha256(before.encode())
    text_bytes = 0
    for text, ends_document in iterate_pieces(documents):
        block = text.encode()
        digest.update(block + DOCUMENT_END * ends_document)  # borders between documents count
        text_bytes += len(block)
    return digest.hexdigest(), text_bytes


def subsample_evenly(token_ids: np.ndarray, wanted: int | None) -> np.ndarray:
    """Return about `wanted` of `token_ids`, integers `(tokens,)`; None: all of them.

    The spans are at even distances, the first at the beginning and the last at the end, and are
    concatenated: so each but the first begins after a token that it does not follow.
    """
    if wanted is None or wanted >= len(token_ids):
        return token_ids
    return cut_spans(token_ids, wanted).reshape(-1)


def cut_spans(token_ids: np.ndarray, wanted: int) -> np.ndarray:
    """Return spans of as many of `token_ids`, which are more, integers `(spans, length)`."""
    length = max(2, wanted // SPANS)
    starts = np.linspace(0, len(token_ids) - length, max(1, wanted // length)).astype(int)
    return np.stack([token_ids[start : start + length] for start in starts])
