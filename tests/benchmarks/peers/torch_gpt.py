"""A GPT in PyTorch under torch.compile, in float32 or under bfloat16 autocast.

Learned positions, layer norm before each part, GELU, fused scaled-dot-product attention, an output
matrix of its own, no biases. Model and loss are compiled as one; AdamW is the fused one, gradients
are set to none, and batches are ready beforehand.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch_batches import repeated_batches
from worker import Peer, serve, train_by_steps


class Block(nn.Module):
    """Causal attention and a feed-forward part, each normalised before and added after."""

    def __init__(self, width: int, heads: int, feed_forward: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width, bias=False)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.joined = nn.Linear(width, width, bias=False)
        self.feed_forward_norm = nn.LayerNorm(width, bias=False)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, feed_forward, bias=False),
            nn.GELU(approximate="tanh"),
            nn.Linear(feed_forward, width, bias=False),
        )

    def forward(self, stream: torch.Tensor) -> torch.Tensor:
        """Return `(batch, time, width)` of the same."""
        stream = stream + self._attend(self.attention_norm(stream))
        return stream + self.feed_forward(self.feed_forward_norm(stream))

    def _attend(self, inputs: torch.Tensor) -> torch.Tensor:
        heads = self.query_key_value(inputs).unflatten(-1, (3, self.heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # each (batch, head, time, size)
        attended = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.joined(attended.transpose(1, 2).flatten(2))


class LanguageModel(nn.Module):
    """Token and position embeddings, blocks, and an output over the vocabulary."""

    def __init__(self, setting: dict[str, Any]) -> None:
        super().__init__()
        width = setting["width"]
        self.tokens = nn.Embedding(setting["vocabulary_size"], width)
        self.positions = nn.Embedding(setting["sequence_length"], width)
        self.blocks = nn.Sequential(
            *(
                Block(width, setting["heads"], setting["feed_forward"])
                for _ in range(setting["layers"])
            )
        )
        self.norm = nn.LayerNorm(width, bias=False)
        self.output = nn.Linear(width, setting["vocabulary_size"], bias=False)

    def forward(self, token_ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of targets `(batch, time)`."""
        positions = torch.arange(token_ids.shape[1])
        stream = self.blocks(self.tokens(token_ids) + self.positions(positions))
        logits = self.output(self.norm(stream))
        return functional.cross_entropy(logits.flatten(0, 1), targets.flatten())


def build(setting: dict[str, Any]) -> Peer:
    """Return the peer of a setting."""
    torch.set_num_threads(setting["threads"])
    torch.manual_seed(1)
    model = LanguageModel(setting)
    loss_of = torch.compile(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.001, fused=True)
    batches = repeated_batches(setting)
    bfloat16 = setting["precision"] == "bfloat16"

    def step() -> float:
        inputs, targets = next(batches)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = loss_of(inputs, targets)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    tokens = setting["batch_size"] * setting["sequence_length"]
    return Peer(
        train=train_by_steps(step, tokens),
        about={"compiled_with": "torch.compile", "versions": {"torch": torch.__version__}},
    )


if __name__ == "__main__":
    serve(build)
