"""The course's LSTM in PyTorch: nn.LSTM, eager, in float32 or under bfloat16 autocast.

One fused module of all layers, the fused Adam, gradients set to none, and batches that are ready
beforehand: the fastest of the ways that PyTorch's documentation offers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch_batches import repeated_batches
from worker import Peer, serve, train_by_steps


class LanguageModel(nn.Module):
    """Embeddings, layers of LSTM with dropout after each, and an output over the vocabulary."""

    def __init__(self, setting: dict[str, Any]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(setting["vocabulary_size"], setting["embedding"])
        self.lstm = nn.LSTM(
            setting["embedding"],
            setting["units"],
            setting["layers"],
            dropout=setting["dropout"],
            batch_first=True,
        )
        self.dropout = nn.Dropout(setting["dropout"])
        self.output = nn.Linear(setting["units"], setting["vocabulary_size"])

    def forward(self, token_ids: torch.Tensor) -> torch.Tensor:
        """Return logits `(batch, time, vocabulary)` of `(batch, time)`."""
        hidden, _ = self.lstm(self.embedding(token_ids))
        return self.output(self.dropout(hidden))


def build(setting: dict[str, Any]) -> Peer:
    """Return the peer of a setting."""
    torch.set_num_threads(setting["threads"])
    torch.manual_seed(1)
    model = LanguageModel(setting)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=True)
    batches = repeated_batches(setting)
    bfloat16 = setting["precision"] == "bfloat16"

    def step() -> float:
        inputs, targets = next(batches)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = model(inputs)
            loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    tokens = setting["batch_size"] * setting["sequence_length"]
    return Peer(
        train=train_by_steps(step, tokens),
        about={"compiled_with": "eager", "versions": {"torch": torch.__version__}},
    )


if __name__ == "__main__":
    serve(build)
