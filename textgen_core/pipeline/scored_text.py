"""A text that a run is scored on beside its own: read, and the surprisal of each of its tokens.

A short text is scored by programs, which start at once; TensorFlow reads a long one faster.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import attrs
import numpy as np
import tokenizers

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import Corpus, clean_corpus, read_corpus
from textgen_core.data.token_files import tokenize_documents
from textgen_core.data.tokenizer import START
from textgen_core.errors import CorpusError, RunDirectoryError, UsageError
from textgen_core.evaluation.evidence import HeldOut
from textgen_core.evaluation.figures import measure_losses
from textgen_core.evaluation.step_scoring import can_score, score_by_steps
from textgen_core.evaluation.surprisal import ScoredText
from textgen_core.evaluation.token_texts import scored_tokens, split_into_tokens
from textgen_core.evaluation.windows import choose_windows
from textgen_core.formatting import expand_home
from textgen_core.pipeline.run_runtime import RunRuntime


def text_or_file(text: str | Path, file: str | Path | None) -> str | Path:
    """Return what `Run.score` was given: a text, or the path of a file.

    Raises UsageError unless it was given one of the two.
    """
    if bool(text) == (file is not None):
        problem = "score() was given two texts." if text else "score() was given no text."
        raise UsageError(problem, "Allowed: a text, a pathlib.Path, or file=.")
    if file is not None:
        return expand_home(file)
    if not isinstance(text, str):
        return expand_home(text)
    if not _names_a_file(text):
        return text
    warnings.warn(
        "A file is score(file=...) or a pathlib.Path: in textgen 0.3 a str is always the text.",
        DeprecationWarning,
        stacklevel=3,
    )
    return expand_home(text)


def _names_a_file(text: str) -> bool:
    try:
        return expand_home(text).is_file()
    except (OSError, ValueError):  # too long for a name, or a null in it
        return False


def score_text(text: str | Path, run: RunRuntime) -> ScoredText:
    """Return the surprisal of every token of a text, or of that in the file at a path.

    run: what computes, and the run's configuration. Raises CorpusError if the text cannot be read,
    RunDirectoryError if the model is damaged.
    """
    tokenizer = run.reader.tokenizer
    if isinstance(text, str):
        corpus = clean_corpus(Corpus(documents=[text]), run.configuration.corpus)
        held_out = _encoded(corpus, "text", tokenizer)
    else:
        held_out = read_other_text(text, run.configuration, tokenizer)
    split = split_into_tokens(held_out.documents, tokenizer)
    token_ids = np.array([START, *(token_id for token_id, _ in split)], np.int32)
    losses = _losses(token_ids, run)
    if np.isnan(losses).any():
        raise RunDirectoryError(
            f"The model of {run.directory.path} is damaged: its losses are NaN.",
            advice="Use another run, or train a new one.",
        )
    tokens = held_out.tokens
    return ScoredText(
        name=held_out.split,
        tokens=scored_tokens(split, losses),
        figures=measure_losses(losses, tokens.text_bytes, tokens.unknown_bytes),
        unknown_tokens=tokens.unknown_tokens,
        notes=held_out.notes,
    )


def _losses(token_ids: np.ndarray, run: RunRuntime) -> np.ndarray:
    configuration, runtime = run.configuration, run.best
    if runtime.name == "program":
        windows = choose_windows(
            run.reader.context_length,
            runtime.state_capacity,
            stride=configuration.evaluation.stride,
            carry=configuration.data.batching == "stream",
        )
        if can_score(runtime, windows, len(token_ids)):
            return score_by_steps(runtime, windows, token_ids)
    model = run.get_model()
    from textgen_core.pipeline.assembly import make_scorer

    return make_scorer(configuration, model).score(token_ids)


def read_other_text(
    path: Path, configuration: Configuration, tokenizer: tokenizers.Tokenizer
) -> HeldOut:
    """Return a text that is not the run's own, cleaned and encoded as that was.

    Raises CorpusError if it cannot be read, or holds no token.
    """
    return _encoded(read_text_file(path, configuration), path.name, tokenizer, str(path))


def read_text_file(path: Path, configuration: Configuration) -> Corpus:
    """Return a text that is not the run's own, cleaned as that was.

    Raises CorpusError if it cannot be read.
    """
    # It may be in another encoding than the corpus, and no option says which.
    settings = attrs.evolve(configuration.corpus, encoding="auto")
    try:
        return clean_corpus(read_corpus([path], settings), settings)
    except CorpusError as error:
        if not any(option in error.advice for option in ("--set", "textgen run")):
            raise
        allowed, advice = error.allowed, "Save the text as UTF-8, and score that."
        if "corpus.encoding" not in error.advice:  # a table, or text in another format
            allowed = "Allowed: plain text, or a table like those of the run's corpus."
            advice = "Save its text alone, as UTF-8, and score that."
        raise CorpusError(error.problem, allowed, advice) from error


def _encoded(
    corpus: Corpus, name: str, tokenizer: tokenizers.Tokenizer, called: str = "The text"
) -> HeldOut:
    tokens = tokenize_documents(corpus.documents, tokenizer, name)
    if len(tokens.token_ids) < 2:
        raise CorpusError(f"{called} holds no token to score.")
    return HeldOut(
        split=name,
        documents=corpus.documents,
        tokens=tokens,
        is_own=False,
        notes=corpus.notes,
    )
