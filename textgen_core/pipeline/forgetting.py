"""What a run forgets that began with another: the score on held-out text of the earlier run.

The tokens lie in the new run, and the score before in its manifest.json: so it is measured again
wherever the run is, whatever became of the earlier one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from textgen_core.data.token_files import TokenFile, subsample_evenly, tokenize_documents
from textgen_core.errors import CorpusError, RunDirectoryError
from textgen_core.evaluation.figures import measure_losses
from textgen_core.evaluation.scoring import Scorer
from textgen_core.pipeline.assembly import load_language_model, make_scorer
from textgen_core.pipeline.earlier_run import EarlierRun
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.run_texts import find_texts
from textgen_core.pipeline.splitting import split_texts
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.door import is_there
from textgen_core.runs.files import read_json
from textgen_core.runs.tensors import open_tensors
from textgen_core.runs.weights import save_tensors
from textgen_core.training.callbacks import Callback

FORGETTING = "forgetting"  # in manifest.json, and in evaluation.json
NETWORK = "network_bits_per_byte"  # without counts, which are of the new text
_MOST = 20_000  # tokens that are scored before and after: their difference is what counts
_TOKENS = "token_ids"


def keep_held_out(
    directory: RunDirectory, earlier: EarlierRun, warn: Callable[[str], None]
) -> dict[str, Any] | None:
    """Keep held-out text of the earlier run in a new one; return how that scores now.

    None where the text is not at hand, or none was held out: `warn` is told why.
    """
    try:
        split, tokens = _held_out(earlier)
    except (CorpusError, RunDirectoryError) as error:
        warn(f"What is forgotten is not measured. {error.problem}")
        return None
    token_ids = np.asarray(subsample_evenly(tokens.token_ids, _MOST), np.int32)
    share = len(token_ids) / len(tokens.token_ids)
    sizes = {
        "bytes": round(tokens.text_bytes * share),
        "unknown_bytes": round(tokens.unknown_bytes * share),
    }
    model = load_language_model(earlier.directory, earlier.configuration, earlier.step)
    before = _score(make_scorer(earlier.configuration, model), token_ids, sizes)
    save_tensors({_TOKENS: token_ids}, directory.earlier)
    kept = {"run": earlier.name, "split": split, "tokens": len(token_ids) - 1, **sizes}
    return {**kept, "before": before}


def measure_forgetting(directory: RunDirectory, scorer: Scorer) -> dict[str, Any]:
    """Return the score on the earlier run's held-out text, before and after; {} if there is none.

    Raises RunDirectoryError if what is kept of it is damaged.
    """
    if not is_there(directory.earlier):
        return {}
    kept = _read(directory)
    token_ids = open_tensors(directory.earlier).tensors.get(_TOKENS)
    size = scorer.language_model.vocabulary_size
    if token_ids is None or token_ids.dtype != np.int32 or token_ids.ndim != 1:
        raise RunDirectoryError(f"{directory.earlier} is damaged: it holds no tokens.")
    if not len(token_ids) or token_ids.min() < 0 or token_ids.max() >= size:
        raise RunDirectoryError(f"{directory.earlier} holds tokens that the model does not know.")
    return {**kept, "after": _score(scorer, token_ids, kept)}


def _held_out(earlier: EarlierRun) -> tuple[str, TokenFile]:
    """Return the test split of the earlier run, or its validation split, and its name."""
    texts = find_texts(earlier.directory, earlier.configuration, Places(), "evaluate")
    splits, _ = split_texts(texts, earlier.configuration, Callback().on_progress)
    for name, documents in (("test", splits.test), ("validation", splits.validation)):
        if documents:
            tokens = tokenize_documents(documents, earlier.tokenizer, name)
            if len(tokens.token_ids) > 1:
                return name, tokens
    raise CorpusError(f"{earlier.name} has no held-out text.")


def _score(scorer: Scorer, token_ids: np.ndarray, sizes: Mapping[str, Any]) -> dict[str, float]:
    losses, parts = scorer.score_parts(token_ids)
    of_both, of_network = (
        measure_losses(each, sizes["bytes"], sizes["unknown_bytes"])
        for each in (losses, parts.network if parts else losses)
    )
    return {
        "loss": of_both.loss,
        "bits_per_byte": of_both.bits_per_byte,
        NETWORK: of_network.bits_per_byte,
    }


def _read(directory: RunDirectory) -> dict[str, Any]:
    """Return what manifest.json says of the text that is kept."""
    found = read_json(directory.manifest).get(FORGETTING)
    try:
        kept = {key: str(found[key]) for key in ("run", "split")}
        numbers = {key: int(found[key]) for key in ("tokens", "bytes", "unknown_bytes")}
        before = {key: float(found["before"][key]) for key in ("loss", "bits_per_byte", NETWORK)}
        if min(numbers.values()) < 0 or not all(map(math.isfinite, before.values())):
            raise ValueError("a number that cannot be")
    except (TypeError, LookupError, ValueError, OverflowError) as error:
        problem = f"{directory.manifest} is damaged: its {FORGETTING} cannot be read."
        raise RunDirectoryError(problem) from error
    return {**kept, **numbers, "before": before}
