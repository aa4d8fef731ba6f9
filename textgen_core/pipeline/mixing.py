"""Counts of n-grams beside the network: counted before training, and mixed with it afterwards.

How to mix is fitted on the end of the training tokens, which neither of the two has learned from.
"""

from __future__ import annotations

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.counts.counting import count
from textgen_core.counts.counts import Counts
from textgen_core.counts.files import save_counts
from textgen_core.counts.mixture import fit_weights, save_mixture
from textgen_core.data.reader import MixtureWeights
from textgen_core.data.token_files import subsample_evenly
from textgen_core.evaluation.scoring import Scorer
from textgen_core.formatting import format_count, format_size
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.assembly import load_language_model, make_scorer
from textgen_core.pipeline.preparing import Prepared, make_batches
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.weights import best_step

# Of the training tokens: enough to fit two weights, and little that the network lacks.
_KEPT_OUT, _MOST_KEPT_OUT = 0.04, 8_192
_PLAIN = (  # both evenly, and each alone
    MixtureWeights(),
    MixtureWeights(network=1.0, counts=0.0),
    MixtureWeights(network=0.0, counts=1.0),
)


def with_counts(
    prepared: Prepared,
    configuration: Configuration,
    counts: Counts | None = None,
    *,
    counted: bool = True,
) -> Prepared:
    """Return what was prepared with the counts of its n-grams, if they are mixed with the network.

    counts: those of the run that is resumed. counted: whether they are needed; a worker that only
    trains has the same batches without. Until the end of training both weigh the same, in a
    run that goes on too: else its losses would be compared with those of another mixture.
    """
    if not configuration.training.counts:
        return prepared
    token_ids = prepared.token_files["train"].token_ids
    room = len(token_ids) - configuration.data.sequence_length - 1  # a batch has to be left
    kept = max(0, min(_MOST_KEPT_OUT, int(_KEPT_OUT * len(token_ids)), room))
    learned = len(token_ids) - kept
    prepared = attrs.evolve(
        prepared,
        batches=make_batches(configuration, token_ids[:learned]),
        kept_out=token_ids[learned:],
    )
    if not counted:
        return prepared
    counts = counts or _count(prepared, configuration, len(token_ids))
    return attrs.evolve(prepared, counts=attrs.evolve(counts, weights=MixtureWeights()))


def _count(prepared: Prepared, configuration: Configuration, tokens: int) -> Counts:
    """Return the counts of the first `tokens` of training."""
    token_ids = prepared.token_files["train"].token_ids[:tokens]
    size = prepared.tokenizer.get_vocab_size(with_added_tokens=True)
    return count(token_ids, size, configuration.training.counts)


def keep_counts(run: RunDirectory, counts: Counts, wanted: int) -> str:
    """Write the counts of a run; return in a line what was counted, of how many tokens at most."""
    save_counts(counts, run.counts)
    found = f"counts: {counts.ngrams:,} n-grams of up to {format_count(counts.order, 'token')}"
    fewer = f" (not {wanted}: the text has too many)" if counts.order < wanted else ""
    return f"{found}{fewer}, {format_size(run.counts.stat().st_size)}"


def fit_mixture(
    run: RunDirectory,
    configuration: Configuration,
    prepared: Prepared,
    language_model: LanguageModel | None = None,
) -> str:
    """Fit how the best checkpoint and the counts are mixed, and keep it; return it in a line.

    language_model: that of the best checkpoint, where it is at hand. If the validation text is
    better off with one of the two alone, or with both evenly, so it is mixed: a network that
    learned nothing does not spoil its counts.
    """
    kept_out = prepared.kept_out
    learned = len(prepared.token_files["train"].token_ids) - len(kept_out)
    if language_model is None:
        language_model = load_language_model(run, configuration, best_step(run))
    counts = _count(prepared, configuration, learned)
    scorer = make_scorer(configuration, attrs.evolve(language_model, counts=counts))
    weights = fit_weights(scorer.curve(kept_out), len(kept_out) - 1)
    reason = f"as {len(kept_out):,} tokens tell that neither has learned from"
    best = _best_on_validation(weights, scorer, prepared)
    if best is not weights:
        fitted = f"{weights.network:.2f} and {weights.counts:.2f}"
        reason = f"since {fitted}, fitted on {len(kept_out):,} tokens, lose on the validation text"
        weights = best
    save_mixture(weights, run.mixture)
    return (
        f"mixed: {weights.network:.2f} x the network's logits + {weights.counts:.2f} x the counts' "
        f"log-probabilities, {reason}"
    )


def _best_on_validation(
    fitted: MixtureWeights, scorer: Scorer, prepared: Prepared
) -> MixtureWeights:
    """Return what validation text is best mixed with: the fitted weights, or plain ones.

    Plain ones are better where little text was kept out, or where the training text ends with what
    it had before: there counts know all.
    """
    if "validation" not in prepared.token_files:
        return fitted
    token_ids = subsample_evenly(prepared.token_files["validation"].token_ids, _MOST_KEPT_OUT)
    if len(token_ids) < 2:
        return fitted
    candidates = (fitted, *_PLAIN)
    curve_at = scorer.curve(token_ids)
    losses = [curve_at(each).loss for each in candidates]
    return candidates[losses.index(min(losses))]
