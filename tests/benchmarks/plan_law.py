"""Fits the law that `textgen plan` forecasts with, and tells how far off it is.

    python tests/benchmarks/plan_law.py [plan_runs.json]

Prints what `textgen_core/pipeline/planning/law.py` holds: the constants, the interval, what was
measured, and the hash of the runs. Then, for each text of the fit, how far off a law is that never
saw it; and the law itself on the texts of TESTED, which are wholly out of the fit. A second law, a
log-linear regression of the gain, is told beside it.

Every text weighs the same, however many runs it has. The constants are fitted by least squares
(Levenberg and Marquardt) to network and mixture at once, each with a weak prior. Which size is
better is what a plan is asked, and what is peculiar to a text cancels out there: so the differences
between runs of two sizes, of one text and about as much work, weigh more than the losses do.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from textgen_core.pipeline.planning.law import Case, Law

RUNS = Path(__file__).parent / "plan_runs.json"
TESTED = (  # other languages, sizes and kinds of text than those of the fit
    *("spanish 0.9 MB", "spanish book 72 kB", "code 1 MB", "code 4 MB"),
    *("russian 3.5 MB", "russian 200 kB", "italian chat 59 kB"),
)
CLOSE = 0.08  # bits per byte
_SCALE_MIXTURE, _SCALE_NETWORK = 0.03, 0.08  # bits per byte, and a share: what errors weigh
_SCALE_DIFFERENCE = 0.007  # bits per byte, likewise
_OTHER_SIZE, _SAME_WORK = 1.5, np.e  # factors of parameters, and of tokens times parameters
_SAME_COUNTS = 0.002  # bits per byte: runs on the same splits of a text
# Where a fit begins, and how far from there it may easily go; of positive ones the logarithms.
_PRIOR = {
    "floor": (-0.2, 0.3),
    "floor_text": (0.0, 0.2),
    "lag": (-2.8, 1.0),
    "lag_recurrent": (0.5, 0.5),
    "speed": (0.0, 0.5),
    "room": (-4.0, 1.5),
    "lack": (-3.0, 1.5),
    "text": (-0.3, 0.7),
    "gain": (-2.0, 1.0),
    "gain_size": (0.0, 0.2),
    "fade": (1.8, 0.7),
}
_POSITIVE = ("floor", "speed", "text", "fade")
_PRIOR_WEIGHT = 0.3
Row = dict[str, Any]


def read_runs(path: Path) -> list[Row]:
    """Return the runs, one a row."""
    found: list[Row] = json.loads(path.read_text(encoding="utf-8"))
    return found


def hash_of(rows: Sequence[Row]) -> str:
    """Return the SHA-256 of runs, whatever the layout of their file."""
    text = json.dumps(rows, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def column(rows: Sequence[Row], name: str) -> np.ndarray:
    """Return a figure of all rows, float64."""
    return np.array([float(row[name]) for row in rows])


def case_of(rows: Sequence[Row]) -> Case:
    """Return what the law is asked for these runs."""
    return Case(
        counts=column(rows, "counts"),
        uniform=np.log(column(rows, "vocabulary")) / column(rows, "nats"),
        tokens=column(rows, "tokens"),
        seen=column(rows, "seen"),
        parameters=column(rows, "parameters"),
        is_recurrent=np.array([row["size"].startswith("lstm") for row in rows]),
    )


def fit(rows: Sequence[Row]) -> Law:
    """Return the law that follows from runs."""
    case, weights = case_of(rows), np.sqrt(weights_of(rows))
    network, mixture = column(rows, "network"), column(rows, "mixture")
    larger, smaller = pairs_of(rows)
    begin, spread = np.array(list(_PRIOR.values())).T

    def residuals(values: np.ndarray) -> np.ndarray:
        law = law_of(values)
        found = law.network(case)
        errors = law.mixture(case, found) - mixture
        of_mixture = weights * errors / _SCALE_MIXTURE
        of_network = weights * np.log(found / network) / _SCALE_NETWORK
        of_pairs = (errors[larger] - errors[smaller]) / _SCALE_DIFFERENCE
        of_prior = _PRIOR_WEIGHT * (values - begin) / spread
        return np.concatenate([of_mixture, of_network, of_pairs, of_prior])

    return law_of(least_squares(residuals, begin))


def pairs_of(rows: Sequence[Row]) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of Transformers of two sizes, the larger ones first, `(pairs,)` each."""
    found = [
        (one, other)
        for one, larger in enumerate(rows)
        for other, smaller in enumerate(rows)
        if is_pair(larger, smaller)
    ]
    larger, smaller = np.array(found, int).reshape(-1, 2).T
    return larger, smaller


def is_pair(larger: Row, smaller: Row) -> bool:
    """Return whether two runs differ in the size of their Transformers alone, and in their time."""
    works = [row["seen"] * row["parameters"] for row in (larger, smaller)]
    return (
        all(larger[name] == smaller[name] for name in ("text", "tokenizer", "tokens"))
        and abs(larger["counts"] - smaller["counts"]) < _SAME_COUNTS
        and not any(row["size"].startswith("lstm") for row in (larger, smaller))
        and larger["parameters"] > _OTHER_SIZE * smaller["parameters"]
        and max(works) < _SAME_WORK * min(works)
    )


def law_of(values: np.ndarray) -> Law:
    """Return the law with these values, of which the positive ones are logarithms."""
    named = dict(zip(_PRIOR, values.tolist(), strict=True))
    return Law(**{name: np.exp(v) if name in _POSITIVE else v for name, v in named.items()})


def weights_of(rows: Sequence[Row]) -> np.ndarray:
    """Return what each row weighs, so that all texts weigh the same."""
    counted = Counter(row["text"] for row in rows)
    return np.array([1 / counted[row["text"]] for row in rows])


def least_squares(residuals: Callable[[np.ndarray], np.ndarray], start: np.ndarray) -> np.ndarray:
    """Return where the sum of squares is least, by Levenberg and Marquardt's method."""
    at, damping = start.copy(), 1e-2
    found = residuals(at)
    for _ in range(200):
        jacobian = np.stack(
            [(residuals(at + step) - found) / 1e-6 for step in 1e-6 * np.eye(len(at))], 1
        )
        normal, gradient = jacobian.T @ jacobian, jacobian.T @ found
        for _ in range(20):
            move = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), -gradient)
            tried = residuals(at + move)
            if tried @ tried < found @ found:
                break
            damping *= 4
        else:
            return at
        gained = 1 - (tried @ tried) / (found @ found)
        at, found, damping = at + move, tried, max(damping / 5, 1e-9)
        if gained < 1e-10:
            return at
    return at


def errors_of(law: Law, rows: Sequence[Row]) -> np.ndarray:
    """Return by how much forecasts are above what was reached, in bits per byte."""
    case = case_of(rows)
    return law.mixture(case, law.network(case)) - column(rows, "mixture")


def errors_left_out(
    rows: Sequence[Row], errors: Callable[[list[Row], list[Row]], np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the errors on each text of a law that was fitted without it."""
    found = {}
    for text in sorted({row["text"] for row in rows}):
        out = [row for row in rows if row["text"] == text]
        found[text] = errors([row for row in rows if row["text"] != text], out)
    return found


def half_interval(errors: dict[str, np.ndarray]) -> float:
    """Return what four of five errors do not exceed, where every text weighs the same."""
    sizes = np.concatenate([np.abs(each) for each in errors.values()])
    weights = np.concatenate([np.full(len(each), 1 / len(each)) for each in errors.values()])
    order = np.argsort(sizes)
    share = np.cumsum(weights[order]) / weights.sum()
    return float(sizes[order][np.searchsorted(share, 0.8)])


def log_linear_errors(rows: list[Row], out: list[Row]) -> np.ndarray:
    """Return the errors of the other law: the logarithm of the gain, by those of four figures."""

    def features(of: list[Row]) -> np.ndarray:
        names = ("seen", "tokens", "parameters", "counts")
        return np.stack([np.ones(len(of)), *(np.log(column(of, name)) for name in names)], 1)

    gain = np.maximum(0.003, column(rows, "counts") - column(rows, "mixture"))
    weights = np.sqrt(weights_of(rows) * gain)  # small gains have large relative errors
    known = features(rows) * weights[:, None]
    ridge = 0.05 * np.eye(known.shape[1])
    ridge[0, 0] = 0
    solved = np.linalg.solve(known.T @ known + ridge, known.T @ (np.log(gain) * weights))
    forecast = column(out, "counts") - np.exp(features(out) @ solved)
    return forecast - column(out, "mixture")


def describe(name: str, errors: np.ndarray) -> str:
    """Return errors in a line."""
    sizes = np.abs(errors)
    return (
        f"{name:<24} {len(errors):>3} runs, {np.mean(sizes):.3f} off on average, "
        f"{errors.mean():+.3f} to one side, {sizes.max():.3f} at most, "
        f"{np.mean(sizes <= CLOSE):4.0%} within {CLOSE}"
    )


def main() -> None:
    """Fit the law, and print all of it."""
    rows = read_runs(Path(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
    known = [row for row in rows if row["text"] not in TESTED]
    law = fit(known)
    left_out = errors_left_out(known, lambda others, out: errors_of(fit(others), out))
    print("LAW = Law(")
    for name, value in attrs.asdict(law).items():
        print(f"    {name}={value:.4f},")
    print(f")\nHALF_INTERVAL = {half_interval(left_out):.4f}\nMEASURED = {{")
    for name in ("tokens", "seen", "parameters"):
        figures = column(rows, name)
        print(f'    "{name}": ({figures.min():_.0f}, {figures.max():_.0f}),')
    print(f'}}\nRUNS_HASH = "{hash_of(rows)}"\n\nLeft out of the fit, one text at a time:')
    for text, errors in left_out.items():
        print(describe(text, errors))
    print(describe("all of them", np.concatenate(list(left_out.values()))))
    other = errors_left_out(known, log_linear_errors)
    print(describe("a log-linear law", np.concatenate(list(other.values()))))
    print("\nBetween two sizes, larger less smaller:")
    for larger, smaller in zip(*pairs_of(rows), strict=True):
        pair = [rows[larger], rows[smaller]]
        about = ", ".join(f"{row['size']} {row['steps']:,} steps" for row in pair)
        reached = pair[0]["mixture"] - pair[1]["mixture"]
        one, other = errors_of(law, pair)
        difference = f"reached {reached:+.3f}, forecast {reached + one - other:+.3f}"
        print(f"{pair[0]['text'] + ', ' + about:<60} {difference}")
    print("\nNever seen:")
    tested = [row for row in rows if row["text"] in TESTED]
    for row in tested:
        (error,) = errors_of(law, [row])
        about = f"{row['text']}, {row['size']}, {row['steps']:,} steps"
        print(f"{about:<45} reached {row['mixture']:.3f}, forecast {row['mixture'] + error:.3f}")
    print(describe("all of them", errors_of(law, tested)))
    print(describe("a log-linear law", log_linear_errors(known, tested)))


if __name__ == "__main__":
    main()
