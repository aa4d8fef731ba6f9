"""How an opened run is scored: on its own held-out text, on a file, and beside real texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import attrs
import numpy as np

from textgen_core.config.resolve import Configuration
from textgen_core.data.tokenizer import START
from textgen_core.errors import RunDirectoryError
from textgen_core.evaluation.evaluation import Evaluation, evaluate
from textgen_core.evaluation.evidence import choose_prompts
from textgen_core.evaluation.figures import measure_losses
from textgen_core.evaluation.held_out import HeldOut, TrainingData
from textgen_core.evaluation.review import PROMPTS, write_sheet
from textgen_core.evaluation.scoring import Scorer
from textgen_core.evaluation.surprisal import ScoredText
from textgen_core.evaluation.token_texts import scored_tokens, split_into_tokens
from textgen_core.generation import PieceStream
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.assembly import make_scorer
from textgen_core.pipeline.preparing import Prepared
from textgen_core.pipeline.run_texts import held_out_of, prepare_again, read_other_text
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_rows, write_json


class RunScoring:
    """Scores one run; its corpus is read again where it is needed first."""

    def __init__(
        self,
        directory: RunDirectory,
        configuration: Configuration,
        language_model: LanguageModel,
        stream: Callable[..., PieceStream],
        prepared: Prepared | None,
    ) -> None:
        """Prepare to score; `stream` is the run's own, which writes what metrics measure."""
        self._directory = directory
        self._configuration = configuration
        self._language_model = language_model
        self._stream = stream
        if prepared is not None:
            self._prepared = prepared

    def evaluate(self, text: Path | None) -> Evaluation:
        """Return the evaluation on a text file, or on the run's own, which is written down."""
        train = self._prepared.token_files["train"]
        training = self._configuration.training
        evaluation = evaluate(
            self._scorer,
            self._held_out if text is None else self._other_text(text),
            TrainingData(
                documents=self._prepared.splits.train,
                token_ids=train.token_ids,
                rows=tuple(read_rows(self._directory.metrics)),
                longer=f"training.{'epochs' if training.minutes is None else 'minutes'}",
            ),
            settings=self._configuration.evaluation,
            metrics=[
                (each.name, each.provider, each.instance) for each in self._configuration.metrics
            ],
            continue_prompts=self._continue,
        )
        if text is None:
            write_json(self._directory.evaluation, evaluation.as_json())
        return evaluation

    def score(self, text: Path) -> ScoredText:
        """Return the surprisal of every token of a text file."""
        held_out = self._other_text(text)
        split = split_into_tokens(held_out.documents, self._language_model.tokenizer)
        token_ids = np.array([START, *(token_id for token_id, _ in split)], np.int32)
        losses = self._scorer.score(token_ids)
        if np.isnan(losses).any():
            raise RunDirectoryError(
                f"The model of {self._directory.path} is damaged: its losses are NaN.",
                advice="Use another run, or train a new one.",
            )
        tokens = held_out.tokens
        return ScoredText(
            name=held_out.split,
            tokens=scored_tokens(split, losses),
            figures=measure_losses(losses, tokens.text_bytes, tokens.unknown_bytes),
            unknown_tokens=tokens.unknown_tokens,
        )

    def review(self, sheet: Path) -> int:
        """Write a sheet of texts to rate by hand, and return how many it holds."""
        settings = self._configuration.evaluation
        few = attrs.evolve(settings, prompts=min(settings.prompts, PROMPTS))
        token_ids = self._held_out.tokens.token_ids[1:]
        chosen = choose_prompts(token_ids, self._language_model.tokenizer, few)
        prompts = [prompt for prompt, _ in chosen]
        samples = self._continue(prompts, few.continuation_tokens) if prompts else []
        references = [reference for _, reference in chosen]
        return write_sheet(sheet, prompts, samples, references, self._configuration.seed)

    def _continue(self, prompts: Sequence[str], new_tokens: int) -> list[str]:
        written = self._stream(prompts, max_new_tokens=new_tokens, compile="auto").result()
        return [sample.text for sample in written.samples]

    @property
    def _scorer(self) -> Scorer:
        return make_scorer(self._configuration, self._language_model)

    @cached_property
    def _prepared(self) -> Prepared:
        return prepare_again(self._directory, self._configuration)

    @property
    def _held_out(self) -> HeldOut:
        return held_out_of(self._prepared, self._configuration, self._directory.path)

    def _other_text(self, path: Path) -> HeldOut:
        return read_other_text(path, self._configuration, self._language_model.tokenizer)
