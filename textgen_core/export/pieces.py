"""The pieces of text that tokens stand for, so that whoever has no tokenizer can join them.

Known are the decoders that join names of tokens, replace in the whole, and read GPT-2's alphabet of
bytes. What was found is tried on random tokens: it holds, or there are no pieces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tokenizers

from textgen_core.data.token_bytes import TokenBytes
from textgen_core.data.tokenizer import SPECIAL_TOKENS

_TEXTS, _TOKENS = 8, 64  # that are tried
_JOINING = {"Fuse", "ByteLevel"}


class _UnknownError(ValueError):
    """A decoder joins tokens in another way."""


def describe_pieces(tokenizer: tokenizers.Tokenizer) -> dict[str, Any]:
    """Return what `tables.decode` of an export reads, as JSON.

    Its `pieces` are a text for each token, empty for special ones, or None where tokens are joined
    otherwise; with `are_bytes` each of their characters is a byte. `replacements` follow, pairs of
    a regular expression and a text. `are_characters`: a text is read character by character.
    """
    token_bytes = TokenBytes(tokenizer)
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    try:
        steps = list(_steps(tokenizer))
        if token_bytes.is_byte_level:
            pieces = [each.decode("latin-1") for each in token_bytes.after(()).added]
        else:
            names = (tokenizer.id_to_token(each) or "" for each in range(size))
            pieces = [
                "" if place < len(SPECIAL_TOKENS) else name for place, name in enumerate(names)
            ]
        found = {
            "pieces": pieces,
            "are_bytes": token_bytes.is_byte_level,
            "are_characters": _are_characters(tokenizer),
            "replacements": steps,
        }
        _check(found, tokenizer)
    except (_UnknownError, re.error):
        return {"pieces": None, "are_bytes": False, "are_characters": False, "replacements": []}
    return found


def decode(found: Mapping[str, Any], token_ids: Sequence[int]) -> str:
    """Return the text of tokens by their pieces, as an export does it."""
    text = "".join(found["pieces"][each] for each in token_ids)
    if found["are_bytes"]:
        text = text.encode("latin-1").decode(errors="ignore")
    for pattern, new in found["replacements"]:
        text = re.sub(pattern, new.replace("\\", r"\\"), text)
    return text


def _steps(tokenizer: tokenizers.Tokenizer) -> Iterator[tuple[str, str]]:
    """Yield what a decoder replaces once it has joined its tokens."""
    decoder = tokenizer.decoder
    if decoder is None:
        raise _UnknownError
    table = json.loads(decoder.__getstate__())
    first, *others = table["decoders"] if table["type"] == "Sequence" else [table]
    if first["type"] not in _JOINING:
        raise _UnknownError
    for each in others:
        if each["type"] != "Replace":
            raise _UnknownError
        ((kind, pattern),) = each["pattern"].items()
        yield (pattern if kind == "Regex" else re.escape(pattern)), each["content"]


def _are_characters(tokenizer: tokenizers.Tokenizer) -> bool:
    """Whether a text is read character by character: pairs are never merged, nothing is split."""
    table = json.loads(tokenizer.to_str())
    model = table["model"]
    return (
        model["type"] == "BPE"
        and not model["merges"]
        and table["normalizer"] is table["pre_tokenizer"] is None
        and not model.get("byte_fallback")
    )


def _check(found: Mapping[str, Any], tokenizer: tokenizers.Tokenizer) -> None:
    """Raise _UnknownError unless random tokens become the text that the tokenizer makes of them."""
    draw = np.random.default_rng(0)
    for _ in range(_TEXTS):
        token_ids = draw.integers(0, len(found["pieces"]), _TOKENS).tolist()
        expected = tokenizer.decode(token_ids, skip_special_tokens=True)
        text = decode(found, token_ids)
        if text != expected and not found["are_bytes"]:
            raise _UnknownError
