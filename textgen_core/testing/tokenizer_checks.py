"""Checks of a tokenizer trainer: ids, the file, exactness, the same tokenizer every time."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from textgen_core.registry.specs import plain_options
from textgen_core.testing.check import ConformanceFault, check, require
from textgen_core.testing.fresh_process import NOT_FOUND, run_fresh
from textgen_core.testing.material import (
    ALL_TEXTS,
    AWKWARD_TEXTS,
    KNOWN_WORDS,
    UNICODE_TEXTS,
    training_pieces,
)
from textgen_core.testing.subject import Subject

if TYPE_CHECKING:
    import tokenizers

# A set of texts has another order in every process: two hash seeds show who relies on it.
_TRAIN = """
import hashlib, operator
from textgen_core.registry.specs import construct, parse_spec
from textgen_core.testing.material import training_pieces
cls = operator.attrgetter(given["class"])(module)
trainer = construct(cls, parse_spec({"name": "x", **given["options"]}), place="a fresh process")
found = hashlib.sha256(trainer.train(training_pieces()).to_str().encode()).hexdigest()
"""


@check("tokenizer.special-ids", "tokenizer")
def numbers_special_tokens(subject: Subject) -> None:
    """<PAD>, <UNK>, <START>, <END> are special, their ids are 0 to 3, and no id is left out."""
    import tokenizers

    from textgen_core.data.tokenizer import SPECIAL_TOKENS

    returned = subject.instance().train(training_pieces())
    require(
        isinstance(returned, tokenizers.Tokenizer),
        f"train returns a {type(returned).__name__}, not a tokenizers.Tokenizer.",
    )
    vocabulary = returned.get_vocab(with_added_tokens=True)
    added = returned.get_added_tokens_decoder()
    for number, token in enumerate(SPECIAL_TOKENS):
        found = vocabulary.get(token)
        require(found == number, f"The id of {token} is {found}, not {number}.")
        is_special = number in added and added[number].special
        require(is_special, f"{token} is not declared as a special token.")
    count, ids = len(vocabulary), sorted(vocabulary.values())
    is_whole = ids == list(range(count))
    require(is_whole, f"Its {count} tokens have ids up to {ids[-1]}, some left out or used twice.")
    require(count > len(SPECIAL_TOKENS), "It learns no token beside the special ones.")


@check("tokenizer.ids-in-range", "tokenizer")
def keeps_ids_in_range(subject: Subject) -> None:
    """Every id that it gives is below the size of its vocabulary, and empty text has none."""
    from textgen_core.data.tokenizer import encode

    tokenizer = trained(subject)
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    for text in ALL_TEXTS:
        highest = max(encode(tokenizer, text), default=0)
        require(highest < size, f"{_cut(text)} has the id {highest}, and {size} is the size.")
    token_ids = encode(tokenizer, "")
    require(not token_ids, f"The empty text has the ids {token_ids[:20]}.")


@check("tokenizer.unicode", "tokenizer")
def takes_unicode(subject: Subject) -> str | None:
    """Any text can be encoded and decoded; a known word comes back, case aside."""
    from textgen_core.data.tokenizer import UNK, encode

    tokenizer = trained(subject)
    for text in (*AWKWARD_TEXTS, *UNICODE_TEXTS):
        try:
            tokenizer.decode(encode(tokenizer, text))
        except Exception as error:
            raise ConformanceFault(f"{_cut(text)}: {type(error).__name__}: {error}") from error
    known = 0
    for word in KNOWN_WORDS:
        token_ids = encode(tokenizer, word)
        if token_ids and UNK not in token_ids:
            known += 1
            decoded = tokenizer.decode(token_ids)
            same = decoded.strip().casefold() == word
            require(same, f"The word {word!r} of its own text comes back as {_cut(decoded)}.")
    return None if known else "it knows no common word of its text: only that nothing raises"


@check("tokenizer.file-round-trip", "tokenizer")
def survives_its_file(subject: Subject) -> None:
    """Saved as tokenizer.json and loaded again, it encodes and decodes as before."""
    from textgen_core.data.tokenizer import encode, load_tokenizer, save_tokenizer

    tokenizer = trained(subject)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        save_tokenizer(tokenizer, path)
        loaded = load_tokenizer(path)
    for text in ALL_TEXTS:
        ids, again = encode(tokenizer, text), encode(loaded, text)
        require(again == ids, f"{_cut(text)} is encoded as {ids[:20]}, then {again[:20]}.")
        one, other = tokenizer.decode(ids), loaded.decode(ids)
        require(one == other, f"{_cut(text)} is decoded as {_cut(one)}, then as {_cut(other)}.")


@check("tokenizer.lossless", "tokenizer")
def is_lossless(subject: Subject) -> str | None:
    """Where it says that it is lossless, decoding gives any text back, special-token text too."""
    from textgen_core.data.tokenizer import encode

    tokenizer = trained(subject)
    claims = bool(subject.instance().lossless)
    for text in ALL_TEXTS:
        decoded = tokenizer.decode(encode(tokenizer, text))
        if claims:
            require(decoded == text, f"{_cut(text)} comes back as {_cut(decoded)}.")
    return None if claims else "it does not say that it is lossless"


@check("tokenizer.repeatable", "tokenizer")
def is_repeatable(subject: Subject) -> str | None:
    """The same text gives the same tokenizer, in this process and in others."""
    first, second = (subject.instance().train(training_pieces()).to_str() for _ in range(2))
    require(first == second, "Trained twice on one text, it is another tokenizer each time.")
    given = {"class": subject.cls.__qualname__, "options": plain_options(subject.instance())}
    one, other = (run_fresh(subject.cls, _TRAIN, given, hash_seed=seed) for seed in ("1", "2"))
    require(one == other, "Two processes train two tokenizers: it may rely on the order of a set.")
    return NOT_FOUND if one is None else None


def use(subject: Subject) -> None:
    """Train once."""
    subject.instance().train(training_pieces())


def trained(subject: Subject) -> tokenizers.Tokenizer:
    """Return a tokenizer that takes every text whole and for text, as the core sets each one."""
    tokenizer: tokenizers.Tokenizer = subject.instance().train(training_pieces())
    tokenizer.encode_special_tokens = True
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _cut(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
