"""What could have come in place of a token: the likeliest ones, with the text that each adds."""

from __future__ import annotations

from textgen_core.data.token_bytes import TokenBytes, TokenTable
from textgen_core.generation.tokens import TokenChoice
from textgen_core.generation.trace_recorder import StepRecord


class ChoiceTexts:
    """Names the alternatives of tokens, whose text depends on the token before."""

    def __init__(self, token_bytes: TokenBytes) -> None:
        self._token_bytes = token_bytes
        self._tables: dict[int, TokenTable] = {}  # by the token before

    def text_of(self, token_id: int, before: int) -> str:
        """Return what a token adds after the token `before`; a special token's name."""
        if before not in self._tables:
            self._tables[before] = self._token_bytes.after((before,))
        added = self._tables[before].added[token_id]
        name = self._token_bytes.tokenizer.id_to_token(token_id)
        return added.decode(errors="replace") or str(name or "")

    def choices(self, record: StepRecord, row: int, before: int) -> tuple[TokenChoice, ...]:
        """Return what else could have come in a row, after the token `before`."""
        kept = record.alternatives_kept[row].T  # (alternatives, samplers)
        return tuple(
            TokenChoice(
                token_id=token_id,
                text=self.text_of(token_id, before),
                log_probability=value,
                kept=tuple(flags),
            )
            for token_id, value, flags in zip(
                record.alternatives[row].tolist(),
                record.alternative_log_probabilities[row].tolist(),
                kept.tolist(),
                strict=True,
            )
        )
