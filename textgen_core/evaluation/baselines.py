"""What the held-out text costs without a model: guessing, counting, and compressing."""

from __future__ import annotations

import lzma
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from textgen_core.corpus import StoredDocuments, iterate_pieces
from textgen_core.counts.counting import count
from textgen_core.data.token_files import TokenFile
from textgen_core.evaluation.evidence import HeldOut, TrainingData
from textgen_core.evaluation.figures import bits_per_byte

LONGEST_NGRAMS = 6  # tokens

# xz finds a repetition no further back than its dictionary reaches, 8 MiB at this preset: of the
# training text the last 8 MiB are enough.
_XZ_PRESET = 6
_XZ_REACH = 8 << 20

_COUNTED_AT_ONCE = 1 << 20  # tokens of a memory-mapped split in memory

# "bits_per_byte", and where it has them "loss" in nats per token, "order" of the longest n-grams.
BaselineFigures = Mapping[str, float]


def measure_baselines(
    held_out: HeldOut, training: TrainingData, vocabulary_size: int
) -> dict[str, BaselineFigures]:
    """Return what the held-out text costs without the model: uniform, unigram, ngram and xz."""
    tokens = held_out.tokens
    baselines = {"uniform": measure_uniform(tokens, vocabulary_size)}
    if len(training.token_ids) > 1:
        baselines["unigram"] = measure_unigram(training.token_ids, tokens, vocabulary_size)
        baselines["ngram"] = measure_ngram(training.token_ids, tokens, vocabulary_size)
    if training.documents:
        baselines["xz"] = measure_xz(training.documents, held_out.documents, tokens.text_bytes)
    return baselines


def measure_uniform(tokens: TokenFile, vocabulary_size: int) -> BaselineFigures:
    """Return what guessing among all tokens alike costs: log(vocabulary) nats for each."""
    scored = max(0, len(tokens.token_ids) - 1)
    return _figures(scored * math.log(vocabulary_size), tokens)


def measure_unigram(
    training_token_ids: np.ndarray, tokens: TokenFile, vocabulary_size: int
) -> BaselineFigures:
    """Return what the frequency of each token costs, counted in training with one added to each.

    Token ids are int `(tokens,)` with `<START>` first, which is neither counted nor scored.
    """
    counts = count_tokens(training_token_ids[1:], vocabulary_size)
    losses = math.log(counts.sum() + vocabulary_size) - np.log(counts + 1.0)
    return _figures(float(count_tokens(tokens.token_ids[1:], vocabulary_size) @ losses), tokens)


def measure_ngram(
    training_token_ids: np.ndarray, tokens: TokenFile, vocabulary_size: int
) -> BaselineFigures:
    """Return what an n-gram model costs: interpolated modified Kneser-Ney over token ids.

    Of a long training split tokens from all over it are counted; every held-out token is scored.
    The first document begins like the others, as it does for the model.
    """
    counts = count(training_token_ids, vocabulary_size, LONGEST_NGRAMS)
    return {**_figures(float(counts.losses(tokens.token_ids).sum()), tokens), "order": counts.order}


def _figures(nats: float, tokens: TokenFile) -> dict[str, float]:
    scored = len(tokens.token_ids) - 1
    return {
        "loss": nats / scored if scored > 0 else math.nan,
        "bits_per_byte": bits_per_byte(nats, tokens.text_bytes, tokens.unknown_bytes),
    }


def count_tokens(
    token_ids: np.ndarray, vocabulary_size: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return how often each id occurs, or what its `weights` add up to, `(vocabulary,)`."""
    counts = np.zeros((vocabulary_size,), np.int64 if weights is None else np.float64)
    for start in range(0, len(token_ids), _COUNTED_AT_ONCE):
        here = slice(start, start + _COUNTED_AT_ONCE)
        part = np.asarray(token_ids[here], np.int64)
        weighted = None if weights is None else weights[here]
        counts += np.bincount(part, weights=weighted, minlength=vocabulary_size)
    return counts


def measure_xz(
    training: Iterable[str], held_out: Sequence[str], text_bytes: int
) -> BaselineFigures:
    """Return what xz adds to the compressed training documents for the held-out ones.

    A zero byte ends each document, since the model is told where a document ends too.
    """
    before = _last_bytes(training, _XZ_REACH)
    added = _compressed_size([before, *_ended(held_out)]) - _compressed_size([before])
    return {"bits_per_byte": 8 * added / text_bytes if text_bytes else math.nan}


def _ended(documents: Iterable[str]) -> Iterator[bytes]:
    for text, ends_document in iterate_pieces(documents):
        yield text.encode("utf-8", "surrogatepass") + (b"\0" if ends_document else b"")


def _last_bytes(documents: Iterable[str], most: int) -> bytes:
    if isinstance(documents, StoredDocuments):  # a character takes at least a byte
        documents = documents.part(documents.characters - most, documents.characters)
    held = bytearray()
    for piece in _ended(documents):
        held += piece
        if len(held) > 2 * most:
            del held[:-most]
    return bytes(held[-most:])


def _compressed_size(pieces: Iterable[bytes]) -> int:
    compressor = lzma.LZMACompressor(preset=_XZ_PRESET)
    size = sum(len(compressor.compress(piece)) for piece in pieces)
    return size + len(compressor.flush())
