"""What transformers' logits processors make of distributions that a file holds.

Called with a folder: reads logits.npy `(rows, vocabulary)` and cases.json, writes a file of
transformed logits for each case.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from transformers.generation import logits_process as processors

CLASSES = {
    "temperature": processors.TemperatureLogitsWarper,
    "top-k": processors.TopKLogitsWarper,
    "nucleus": processors.TopPLogitsWarper,
    "min-p": processors.MinPLogitsWarper,
    "typical": processors.TypicalLogitsWarper,
    "repetition-penalty": processors.RepetitionPenaltyLogitsProcessor,
    "no-repeat-ngram": processors.NoRepeatNGramLogitsProcessor,
}


def main() -> None:
    """Transform the logits by every case."""
    folder = Path(sys.argv[1])
    logits = torch.from_numpy(np.load(folder / "logits.npy"))
    cases = json.loads((folder / "cases.json").read_text())
    for number, case in enumerate(cases["cases"]):
        processor = CLASSES[case["name"]](case["value"])
        rows = [
            processor(torch.tensor([text]), row[None].clone())[0]
            for text, row in zip(cases["texts"], logits, strict=True)
        ]
        np.save(folder / f"{number}.npy", torch.stack(rows).numpy())


if __name__ == "__main__":
    main()
