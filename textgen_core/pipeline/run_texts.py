"""The texts that a run is scored on: its own, prepared once more, and any other."""

from __future__ import annotations

from pathlib import Path

import attrs
import tokenizers

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import Texts, clean_corpus, read_corpus, read_texts
from textgen_core.data.token_files import tokenize_documents
from textgen_core.data.tokenizer import load_tokenizer
from textgen_core.errors import ConfigurationError, CorpusError, RunDirectoryError
from textgen_core.evaluation.held_out import HeldOut
from textgen_core.pipeline.preparing import Prepared, prepare
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json
from textgen_core.runs.manifest import changed_files


def prepare_again(run: RunDirectory, configuration: Configuration) -> Prepared:
    """Return a run's texts, split and encoded by its own tokenizer as when it was made.

    Raises CorpusError, or RunDirectoryError if the corpus has changed.
    """
    texts = read_texts(configuration.corpus)
    check_corpus(run, texts)
    return prepare(texts, configuration, load_tokenizer(run.tokenizer))


def held_out_of(prepared: Prepared, configuration: Configuration, directory: Path) -> HeldOut:
    """Return the test split, or without one the validation split.

    Raises ConfigurationError if the run holds out nothing.
    """
    for split in ("test", "validation"):
        if split in prepared.token_files:
            return HeldOut(
                split=split,
                documents=getattr(prepared.splits, split),
                tokens=prepared.token_files[split],
            )
    raise ConfigurationError(
        f"{directory} has no held-out text: its split is "
        f"{','.join(f'{share:g}' for share in configuration.corpus.split)}.",
        advice="Score it on another text: textgen evaluate RUN --text FILE",
    )


def read_other_text(
    path: Path, configuration: Configuration, tokenizer: tokenizers.Tokenizer
) -> HeldOut:
    """Return another text, cleaned and encoded as the run's own; raises CorpusError."""
    # It may be in another encoding than the corpus, and no option says which.
    settings = attrs.evolve(configuration.corpus, encoding="auto")
    try:
        corpus = clean_corpus(read_corpus([path], settings), settings)
    except CorpusError as error:
        if "--set" not in error.advice:
            raise
        advice = "Save the text as UTF-8, and score that."
        raise CorpusError(error.problem, error.allowed, advice) from error
    tokens = tokenize_documents(corpus.documents, tokenizer, path.name)
    if len(tokens.token_ids) < 2:
        raise CorpusError(f"{path} holds no token to score.")
    return HeldOut(split=path.name, documents=corpus.documents, tokens=tokens)


def check_corpus(run: RunDirectory, texts: Texts) -> None:
    """Raise RunDirectoryError if the corpus is not the one that the run was made from."""
    changed = changed_files(read_json(run.manifest), texts.files)
    if changed:
        others = {1: ".", 2: ", nor is another file."}.get(
            len(changed), f", nor are {len(changed) - 1} other files."
        )
        raise RunDirectoryError(
            f"{changed[0]} is not the text that {run.path} was trained on{others}",
            "Allowed: the same files, byte for byte (their SHA-256 is in manifest.json).",
            "Bring the old text back, or train a new run on this one: textgen run.",
        )
