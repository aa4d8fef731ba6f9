"""A GPT-2 of the same size written with by transformers' `generate`, with its key/value cache."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from worker import Peer, serve, write_by_texts


def build(setting: dict[str, Any]) -> Peer:
    """Return the peer of a setting."""
    torch.set_num_threads(setting["threads"])
    torch.manual_seed(1)
    transformers.logging.set_verbosity_error()
    configuration = transformers.GPT2Config(
        vocab_size=setting["vocabulary_size"],
        n_positions=setting["context_length"],
        n_embd=setting["width"],
        n_layer=setting["layers"],
        n_head=setting["heads"],
        bos_token_id=2,
        eos_token_id=None,  # every text has all its tokens
        pad_token_id=0,
    )
    model = transformers.GPT2LMHeadModel(configuration).eval()
    samples, new_tokens = setting["samples"], setting["new_tokens"]
    prompt = torch.full((samples, 1), 2)
    how = {"do_sample": True, "top_k": 0, **setting["sampling"]}

    def write(seed: int) -> None:
        torch.manual_seed(seed)
        with torch.inference_mode():
            written = model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=new_tokens,
                min_new_tokens=new_tokens,
                **how,
            )
        assert written.shape == (samples, 1 + new_tokens)

    return Peer(
        train=write_by_texts(write, samples * new_tokens),
        about={
            "compiled_with": "eager",
            "versions": {
                "torch": torch.__version__,
                "transformers": transformers.__version__,
            },
        },
    )


if __name__ == "__main__":
    serve(build)
