"""The counts of a run on disk: `counts.safetensors`, checked and mapped into memory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from textgen_core.counts.counts import Counts
from textgen_core.counts.mixture import load_mixture
from textgen_core.counts.trie import Level, Trie
from textgen_core.errors import RunDirectoryError
from textgen_core.formatting import format_size
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import atomic_write, file_errors, json_text, recorded_hash
from textgen_core.runs.parsing import parse_json
from textgen_core.runs.tensors import TensorFile, hash_file, open_tensors

FORMAT_VERSION = 1

_KINDS = {"tokens": "u", "starts": "i", "discounted": "f", "left": "f"}  # by numpy's letters
_LARGEST = 1 << 30  # bytes; the most n-grams that are counted take a fifth of it
_METADATA = "counts"


def save_counts(counts: Counts, path: Path) -> None:
    """Write counts to a file, whole or not at all; raises RunDirectoryError if that fails."""
    import safetensors.numpy  # to read takes none of it

    tensors = {
        f"{length}/{kind}": np.ascontiguousarray(getattr(level, kind))
        for length, level in enumerate(counts.trie.levels, start=1)
        for kind in _KINDS
    }
    facts = {
        "format_version": FORMAT_VERSION,
        "order": counts.order,
        "vocabulary_size": counts.vocabulary_size,
    }
    # One text, since the library writes several in any order.
    written = safetensors.numpy.save(tensors, {_METADATA: json_text(facts)})
    with file_errors(path, "written"), atomic_write(path) as file:
        file.write(written)


def load_counts(path: Path, vocabulary_size: int) -> Counts:
    """Open a file of `save_counts`; its pages are read when they are needed, but for a check.

    Args:
        path: `counts.safetensors` in a run's directory.
        vocabulary_size: of the run's tokenizer.

    Raises:
        RunDirectoryError: it is missing or damaged, of another version, or another vocabulary's.
    """
    try:
        opened = open_tensors(path)
        return _counts_of(opened, vocabulary_size)
    except (ValueError, KeyError, RecursionError) as error:
        problem = f"{path} does not hold the counts of this run: {error}."
        raise RunDirectoryError(problem, advice=_advise(path)) from error
    except RunDirectoryError as error:
        if isinstance(error.__cause__, PermissionError):
            raise
        raise RunDirectoryError(error.problem, error.allowed, _advise(path)) from error


def counts_of(run: RunDirectory, vocabulary_size: int, most_order: int) -> Counts:
    """Return the counts of a run, as they were when the run was made.

    most_order: of the run's settings; a long text is counted with a smaller one. Raises
    RunDirectoryError as `load_counts`, and if they are another file than the manifest knows.
    """
    recorded = recorded_hash(run.manifest, run.counts.name)
    counts = load_counts(run.counts, vocabulary_size)
    weights = load_mixture(run.mixture)
    if counts.order > most_order:
        raise RunDirectoryError(
            f"{run.counts} holds counts of {counts.order}-grams, and training.counts is "
            f"{most_order} in {run.configuration.name}.",
            advice=_advise(run.counts),
        )
    if recorded is not None and recorded != hash_file(run.counts):
        raise RunDirectoryError(
            f"{run.counts} is not the file that the run was made with: its SHA-256 is not the one "
            "in manifest.json.",
            advice=_advise(run.counts),
        )
    return attrs.evolve(counts, weights=weights)


def _advise(path: Path) -> str:
    return f"Restore {path.name} from a copy of the run, or open another run."


def _counts_of(opened: TensorFile, vocabulary_size: int) -> Counts:
    """Return what a file holds; raises ValueError or KeyError if that cannot be."""
    if opened.size > _LARGEST:  # before its numbers are looked at
        raise ValueError(f"it has {format_size(opened.size)}")
    order = _read_order(opened.metadata, vocabulary_size)
    if len(opened.tensors) != order * len(_KINDS):
        raise ValueError(f"it has {len(opened.tensors)} tensors, not those of order {order}")
    levels, contexts = [], 1
    for length in range(1, order + 1):
        each = {kind: opened.tensors[f"{length}/{kind}"] for kind in _KINDS}
        _check_level(length, each, contexts, vocabulary_size)
        levels.append(Level(**each))
        contexts = len(each["tokens"])
    return Counts(trie=Trie(levels=tuple(levels)), vocabulary_size=vocabulary_size)


def _read_order(metadata: Mapping[str, str], vocabulary_size: int) -> int:
    """Return the order that a file states; raises ValueError if that cannot be."""
    facts = parse_json(metadata.get(_METADATA, "{}"))
    if not isinstance(facts, dict) or facts.get("format_version") != FORMAT_VERSION:
        raise ValueError(f"it is not of version {FORMAT_VERSION} of the format")
    order, counted = map(facts.get, ("order", "vocabulary_size"))
    if counted != vocabulary_size:
        raise ValueError(f"it is of {str(counted)[:20]} tokens, the tokenizer of {vocabulary_size}")
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"its order is {str(order)[:20]}")
    return order


def _check_level(
    length: int, tensors: Mapping[str, Any], contexts: int, vocabulary_size: int
) -> None:
    """Raise ValueError unless the n-grams of a length can be looked up, and are probabilities."""
    tokens, starts = tensors["tokens"], tensors["starts"]
    sizes = {"tokens": tokens.size, "starts": contexts + 1}
    sizes |= {"discounted": tokens.size, "left": contexts}
    for kind, tensor in tensors.items():
        if tensor.dtype.kind != _KINDS[kind] or tensor.shape != (sizes[kind],):
            raise ValueError(f"{length}/{kind} is {tensor.dtype} {tensor.shape}")
    if not tokens.size or int(tokens.max()) >= vocabulary_size:
        raise ValueError(f"{length}/tokens holds tokens that the vocabulary has not")
    if starts[0] or starts[-1] != tokens.size or (starts[1:] < starts[:-1]).any():
        raise ValueError(f"{length}/starts holds no places in rising order")
    # Not a number is in no range. Something is left after every context, for what was never seen.
    for kind, low in (("discounted", 0.0), ("left", np.finfo(np.float32).tiny)):
        tensor = tensors[kind]
        if not (tensor.min() >= low and tensor.max() <= 1):
            raise ValueError(f"{length}/{kind} holds numbers that are no probabilities")
