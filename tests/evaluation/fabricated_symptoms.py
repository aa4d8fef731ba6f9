"""Rows of metrics.jsonl and figures of runs that nobody made, to be diagnosed."""

from textgen_core.evaluation.diagnosis import Symptoms, diagnose


def rows_of(*losses):
    """Rows of metrics.jsonl: two training rows and a validation row every hundred steps."""
    rows = []
    for number, (training, validation) in enumerate(losses, 1):
        rows += [
            {"step": 100 * number - 50, "loss": training + 0.1},
            {"step": 100 * number, "loss": training - 0.1},
            {"step": 100 * number, "validation_loss": validation},
        ]
    return rows


def findings(**figures):
    """What is found in a run of which these figures are known."""
    nothing = {"tokens": 1000, "unknown_tokens": 0, "loss": 2.0, "bits_per_byte": 2.0}
    return diagnose(Symptoms(**{**nothing, **figures}))


WELL = rows_of((3.0, 3.0), (2.0, 2.1), (1.6, 1.7), (1.5, 1.62), (1.48, 1.61), (1.47, 1.605))
