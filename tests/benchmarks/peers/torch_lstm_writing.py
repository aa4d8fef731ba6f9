"""The course's LSTM in PyTorch, written with in a Python loop that carries the state.

The nucleus is cut as PyTorch users do it: sort, cumulative sum, one draw by `multinomial`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from worker import Peer, serve, write_by_texts


class LanguageModel(nn.Module):
    """Embeddings, layers of LSTM, and an output over the vocabulary."""

    def __init__(self, setting: dict[str, Any]) -> None:
        super().__init__()
        self.embedding = nn.Embedding(setting["vocabulary_size"], setting["embedding"])
        self.lstm = nn.LSTM(
            setting["embedding"], setting["units"], setting["layers"], batch_first=True
        )
        self.output = nn.Linear(setting["units"], setting["vocabulary_size"])

    def forward(self, token_ids: torch.Tensor, state: Any) -> tuple[torch.Tensor, Any]:
        """Return the logits `(batch, vocabulary)` of the next token, and the state."""
        hidden, state = self.lstm(self.embedding(token_ids), state)
        return self.output(hidden[:, -1]), state


def nucleus(logits: torch.Tensor, p: float) -> torch.Tensor:
    """Return tokens `(batch, 1)` drawn from the nuclei of logits `(batch, vocabulary)`."""
    probabilities, order = torch.sort(torch.softmax(logits, dim=-1), dim=-1, descending=True)
    before = torch.cumsum(probabilities, dim=-1) - probabilities
    probabilities = probabilities.masked_fill(before >= p, 0.0)
    return order.gather(-1, torch.multinomial(probabilities, 1))


def build(setting: dict[str, Any]) -> Peer:
    """Return the peer of a setting."""
    torch.set_num_threads(setting["threads"])
    torch.manual_seed(1)
    model = LanguageModel(setting).eval()
    samples, new_tokens = setting["samples"], setting["new_tokens"]

    def write(seed: int) -> None:
        torch.manual_seed(seed)
        token_ids, state = torch.full((samples, 1), 2), None
        with torch.inference_mode():
            for _ in range(new_tokens):
                logits, state = model(token_ids, state)
                token_ids = nucleus(logits, setting["sampling"]["top_p"])

    return Peer(
        train=write_by_texts(write, samples * new_tokens),
        about={"compiled_with": "eager", "versions": {"torch": torch.__version__}},
    )


if __name__ == "__main__":
    serve(build)
