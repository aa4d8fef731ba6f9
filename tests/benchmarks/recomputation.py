"""What recomputing activations saves and costs, on a deep Transformer's whole training step.

    python tests/benchmarks/recomputation.py [--layers 12] [--batch 16] [--time 128] ...

The memory is what XLA reserves for the temporary buffers of the compiled step, as its own report
of the buffers says: the same in every run. The times are medians of alternating steps. The
gradients are compared through Adam's momentum after one step from the same weights and seeds.
Exit code 1 if less than 30 % is saved, more than 30 % more time is taken, or the gradients differ.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

VOCABULARY = 68
HEAD_SIZE = 32
MOST_MEMORY = 0.7  # of the step's that keeps everything
MOST_TIME = 1.3
MOST_DIFFERENCE = 1e-6  # of the largest number in a gradient


def main() -> int:
    """Measure both steps, print a table or JSON, and return the exit code."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as reports:
        # Read when XLA compiles for the first time in a process.
        os.environ["XLA_FLAGS"] = f"--xla_dump_to={reports} --xla_dump_hlo_pass_re=none"
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        found = _measure(asked, Path(reports))
    passes = _passes(found)
    print(json.dumps({**found, "passes": passes}) if asked.json else _table(asked, found, passes))
    return 0 if passes else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, default in (("layers", 12), ("heads", 8), ("batch", 16), ("time", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rounds", type=int, default=9, help="timed pairs of steps; 0: no times")
    parser.add_argument("--batching", choices=("windows", "stream"), default="windows")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--json", action="store_true", help="print JSON in place of a table")
    return parser.parse_args()


def _measure(asked: argparse.Namespace, reports: Path) -> dict[str, Any]:
    """Return bytes, milliseconds and the largest difference; index 1 is with recomputation."""
    batch = _batch(asked)
    steps, temporary, gradients = [], [], []
    for recompute in (False, True):
        step, optimizer = _step(asked, recompute)
        before = set(reports.iterdir())
        float(step([batch], 1e-3).loss_sum)
        temporary.append(_temporary_bytes(set(reports.iterdir()) - before))
        momenta = [each for each in optimizer.variables if each.name.endswith("_momentum")]
        gradients.append([variable.numpy() for variable in momenta])
        steps.append(step)
    milliseconds: list[list[float]] = [[], []]
    for _ in range(asked.rounds):
        for taken, step in zip(milliseconds, steps, strict=True):
            began = time.perf_counter()
            float(step([batch], 1e-3).loss_sum)
            taken.append(1000 * (time.perf_counter() - began))
    return {
        "temporary_bytes": temporary,
        "step_milliseconds": [statistics.median(taken) for taken in milliseconds if taken],
        "gradient_difference": _difference(*gradients),
        "gradients": len(gradients[0]),
    }


def _step(asked: argparse.Namespace, recompute: bool) -> tuple[Any, Any]:
    """Return a training step and its optimizer, drawn from the same seed every time."""
    import keras

    from textgen_core.config.settings import TrainingSettings
    from textgen_core.models.language_model import LanguageModel
    from textgen_core.training.optimizer import build_optimizer
    from textgen_core.training.step import TrainingStep
    from textgen_models.transformer import TransformerBuilder

    precision = {"float32": "float32", "bfloat16": "mixed_bfloat16"}[asked.precision]
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(1)
    model = TransformerBuilder(
        layers=asked.layers,
        heads=asked.heads,
        head_size=HEAD_SIZE,
        feed_forward=4 * asked.heads * HEAD_SIZE,
    ).build(VOCABULARY, asked.time)
    model.recompute = recompute
    settings = TrainingSettings(optimizer="adam", compile="xla", clip_norm=1.0)
    optimizer = build_optimizer(settings, model, False)
    language_model = LanguageModel(model=model, tokenizer=_tokenizer(), context_length=asked.time)
    carries_state = asked.batching == "stream"
    return TrainingStep(language_model, optimizer, settings, carries_state=carries_state), optimizer


def _tokenizer() -> Any:
    import tokenizers

    words = {f"w{number}": number for number in range(VOCABULARY)}
    return tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="w1"))


def _batch(asked: argparse.Namespace) -> Any:
    import numpy as np

    from textgen_core.data.batches import Batch

    drawn = np.random.default_rng(0).integers(4, VOCABULARY, (asked.batch, asked.time + 1))
    token_ids = drawn.astype(np.int32)
    return Batch(inputs=token_ids[:, :-1], targets=token_ids[:, 1:], starts_afresh=True)


def _temporary_bytes(reports: set[Path]) -> int:
    """Return the temporary bytes of the largest program among XLA's new reports."""
    found = [
        int(size)
        for report in reports
        if report.name.endswith("-buffer-assignment.txt")
        for size in re.findall(r"size (\d+), preallocated-temp", report.read_text())
    ]
    if not found:
        raise RuntimeError("XLA wrote no report of its buffers: has a step been compiled?")
    return max(found)


def _difference(one: list[Any], other: list[Any]) -> float:
    """Return the largest difference between two lists of gradients, each to its own scale."""
    import numpy as np

    differences = [
        float(np.abs(left - right).max() / max(np.abs(left).max(), 1e-30))
        for left, right in zip(one, other, strict=True)
    ]
    return max(differences)


def _passes(found: dict[str, Any]) -> bool:
    kept, recomputed = found["temporary_bytes"]
    passes = bool(recomputed <= MOST_MEMORY * kept)
    passes = passes and found["gradient_difference"] <= MOST_DIFFERENCE
    if found["step_milliseconds"]:
        kept, recomputed = found["step_milliseconds"]
        passes = passes and recomputed <= MOST_TIME * kept
    return passes


def _table(asked: argparse.Namespace, found: dict[str, Any], passes: bool) -> str:
    memory, times = found["temporary_bytes"], found["step_milliseconds"] or [float("nan")] * 2
    width = asked.heads * HEAD_SIZE
    rows = [
        f"{asked.layers} layers, width {width}, batch {asked.batch} x {asked.time}, "
        f"{asked.batching}, {asked.precision}",
        f"{'':<14}{'temporary MB':>14}{'step ms':>10}",
        f"{'kept':<14}{memory[0] / 1e6:>14.1f}{times[0]:>10.1f}",
        f"{'recomputed':<14}{memory[1] / 1e6:>14.1f}{times[1]:>10.1f}",
        f"{'ratio':<14}{memory[1] / memory[0]:>14.3f}{times[1] / times[0]:>10.3f}",
        f"wanted: at most {MOST_MEMORY} and {MOST_TIME}",
        f"largest difference of {found['gradients']} gradients, to the scale of each: "
        f"{found['gradient_difference']:.1e} (at most {MOST_DIFFERENCE:.0e})",
        "passed" if passes else "NOT passed",
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
