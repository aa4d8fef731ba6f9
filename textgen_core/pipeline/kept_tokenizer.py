"""The tokenizer of a large text is trained once, and kept in the cache for the runs to come.

It is found by the text, the trainer with its options, and the trainer's code; where these cannot be
told it is trained each time. Of several processes that need it at once, one trains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import tokenizers

from textgen_core.corpus import count_all_characters
from textgen_core.data.token_files import hash_documents
from textgen_core.data.tokenizer import load_tokenizer, train_tokenizer
from textgen_core.errors import RunDirectoryError
from textgen_core.programs.keys import trainer_key
from textgen_core.registry import ResolvedComponent
from textgen_core.runs.cache import is_foreign, usable_cache
from textgen_core.runs.files import hash_text, read_text, write_text
from textgen_core.runs.making import making

LARGE = 1_000_000  # characters; a smaller text takes no second


def tokenizer_of_text(
    trainer: ResolvedComponent, documents: Sequence[str], large: int = LARGE
) -> tokenizers.Tokenizer:
    """Return the tokenizer that a component trains on documents, from the cache if it is there.

    Args:
        trainer: the component.
        documents: the training split.
        large: characters from which on it is kept.

    Raises:
        PluginFailure: as `train_tokenizer`.
        ConfigurationError: the cache cannot be used.
    """
    path = _path(trainer, documents) if count_all_characters(documents) >= large else None
    if path is None:
        return _train(trainer, documents)
    with making(path):
        if (kept := _load(path)) is not None:
            return kept
        tokenizer = _train(trainer, documents)
        _keep(tokenizer, path)
    return tokenizer


def _train(trainer: ResolvedComponent, documents: Sequence[str]) -> tokenizers.Tokenizer:
    return train_tokenizer(trainer.instance, documents, name=trainer.description)


def _path(trainer: ResolvedComponent, documents: Sequence[str]) -> Path | None:
    """Return where a tokenizer is kept; None if it is not."""
    key = trainer_key(trainer, hash_documents(documents)[0])
    if key is None:
        return None
    path = usable_cache() / f"tokenizer-{key[:32]}.json"
    return None if is_foreign(path) or is_foreign(_digest_of(path)) else path


def _digest_of(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _load(path: Path) -> tokenizers.Tokenizer | None:
    """Return the tokenizer that is kept; None if it is not, or not as it was."""
    try:
        return load_tokenizer(path, read_text(_digest_of(path)))
    except RunDirectoryError:
        return None


def _keep(tokenizer: tokenizers.Tokenizer, path: Path) -> None:
    text = tokenizer.to_str(pretty=True) + "\n"
    with suppress(RunDirectoryError):  # then it is trained again next time
        write_text(path, text)
        write_text(_digest_of(path), hash_text(text))
