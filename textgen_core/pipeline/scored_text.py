"""A text that a run is scored on beside its own: read, and the surprisal of each of its tokens.

A short text is scored by programs, which start at once; TensorFlow reads a long one faster.
"""

from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import tokenizers

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import clean_corpus, read_corpus
from textgen_core.data.token_files import tokenize_documents
from textgen_core.data.tokenizer import START
from textgen_core.errors import CorpusError, RunDirectoryError
from textgen_core.evaluation.evidence import HeldOut
from textgen_core.evaluation.figures import measure_losses
from textgen_core.evaluation.step_scoring import can_score, score_by_steps
from textgen_core.evaluation.surprisal import ScoredText
from textgen_core.evaluation.token_texts import scored_tokens, split_into_tokens
from textgen_core.evaluation.windows import choose_windows
from textgen_core.pipeline.run_runtime import RunRuntime


def score_text(path: Path, run: RunRuntime) -> ScoredText:
    """Return the surprisal of every token of a text file.

    run: what computes, and the run's configuration. Raises CorpusError if the text cannot be read,
    RunDirectoryError if the model is damaged.
    """
    tokenizer = run.reader.tokenizer
    held_out = read_other_text(path, run.configuration, tokenizer)
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
    # It may be in another encoding than the corpus, and no option says which.
    settings = attrs.evolve(configuration.corpus, encoding="auto")
    try:
        corpus = clean_corpus(read_corpus([path], settings), settings)
    except CorpusError as error:
        if not any(option in error.advice for option in ("--set", "textgen run")):
            raise
        allowed, advice = error.allowed, "Save the text as UTF-8, and score that."
        if "corpus.encoding" not in error.advice:  # a table, or text in another format
            allowed = "Allowed: plain text, or a table like those of the run's corpus."
            advice = "Save its text alone, as UTF-8, and score that."
        raise CorpusError(error.problem, allowed, advice) from error
    tokens = tokenize_documents(corpus.documents, tokenizer, path.name)
    if len(tokens.token_ids) < 2:
        raise CorpusError(f"{path} holds no token to score.")
    return HeldOut(
        split=path.name,
        documents=corpus.documents,
        tokens=tokens,
        is_own=False,
        notes=corpus.notes,
    )
