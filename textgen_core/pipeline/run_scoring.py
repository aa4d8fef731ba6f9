"""How an opened run is scored: on its own held-out text, on a file, and beside real texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.data.tokenizer import tokenizer_of
from textgen_core.errors import ConfigurationError, CorpusError, RunDirectoryError
from textgen_core.evaluation.evaluation import Evaluation, evaluate
from textgen_core.evaluation.evidence import HeldOut, TrainingData, choose_prompts
from textgen_core.evaluation.review import PROMPTS, write_sheet
from textgen_core.evaluation.scoring import Scorer
from textgen_core.generation import PieceStream
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.assembly import make_scorer
from textgen_core.pipeline.forgetting import measure_forgetting
from textgen_core.pipeline.kept_results import keep_evaluation
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.preparing import Prepared, prepare
from textgen_core.pipeline.run_facts import facts_of
from textgen_core.pipeline.run_texts import find_texts, without_texts
from textgen_core.pipeline.scored_text import read_other_text
from textgen_core.runs import RunDirectory, read_rows
from textgen_core.runs.weights import best_step


@attrs.define(slots=False)
class RunScoring:
    """Scores one run; its corpus is read again where it is needed first.

    stream: the run's own, which writes what metrics measure. given: its texts, if they are at hand;
    places: where they are, if the user says so. notes: what another text was
    evaluated without, and why.
    """

    _directory: RunDirectory
    _configuration: Configuration
    _language_model: LanguageModel
    _stream: Callable[..., PieceStream]
    _given: Prepared | None
    _places: Places
    notes: tuple[str, ...] = attrs.field(default=(), init=False)

    def evaluate(self, text: Path | None) -> Evaluation:
        """Return the evaluation on a text file, or on the run's own, which is kept."""
        self.notes = ()
        held_out = (
            self._held_out
            if text is None
            else read_other_text(text, self._configuration, self._language_model.tokenizer)
        )
        evaluation = evaluate(
            self._scorer,
            held_out,
            self._training_data(needed=text is None),
            settings=self._configuration.evaluation,
            metrics=[
                (each.name, each.component.provider, each.instance)
                for each in self._configuration.metrics
            ],
            continue_prompts=self._continue,
        )
        if text is None:
            forgetting = measure_forgetting(self._directory, self._scorer)
            evaluation = attrs.evolve(evaluation, forgetting=forgetting)
        try:
            keep_evaluation(self._directory, evaluation, text, best_step(self._directory))
        except RunDirectoryError as error:
            self.notes += (f"The figures are not kept: {error.problem}",)
        return evaluation

    def review(self, sheet: Path, text: Path | None) -> int:
        """Write a sheet of texts to rate by hand, and return how many it holds."""
        settings = self._configuration.evaluation
        few = attrs.evolve(settings, prompts=min(settings.prompts, PROMPTS))
        held_out = (
            self._held_out
            if text is None
            else read_other_text(text, self._configuration, self._language_model.tokenizer)
        )
        token_ids = held_out.tokens.token_ids[1:]
        chosen = choose_prompts(token_ids, self._language_model.tokenizer, few)
        prompts = [prompt for prompt, _ in chosen]
        samples = self._continue(prompts, few.continuation_tokens) if prompts else []
        references = [reference for _, reference in chosen]
        seed, name = self._configuration.seed, self._directory.name
        return write_sheet(sheet, prompts, samples, references, seed, name)

    def _continue(self, prompts: Sequence[str], new_tokens: int) -> list[str]:
        written = self._stream(prompts, max_new_tokens=new_tokens, compile="auto").result()
        return [sample.text for sample in written.samples]

    def _training_data(self, *, needed: bool) -> TrainingData:
        """Return what the run learnt from; unless it is `needed`, what of it is at hand."""
        training = self._configuration.training
        rows = tuple(read_rows(self._directory.metrics))
        longer = f"training.{training.clock}"
        facts = partial(facts_of, self._directory, self._configuration, rows)
        try:
            prepared = self._prepared
        except (CorpusError, RunDirectoryError) as error:
            if needed:
                raise
            self.notes = (without_texts(error),)
            return TrainingData(rows=rows, longer=longer, facts=facts(None))
        tokens = prepared.token_files["train"]
        return TrainingData(
            documents=prepared.splits.train,
            token_ids=tokens.token_ids,
            rows=rows,
            longer=longer,
            facts=facts(tokens, len(prepared.splits.train)),
        )

    @property
    def _scorer(self) -> Scorer:
        return make_scorer(self._configuration, self._language_model)

    @cached_property
    def _prepared(self) -> Prepared:
        """The run's texts, split and encoded by its own tokenizer as when it was made."""
        if self._given is not None:
            return self._given
        texts = find_texts(self._directory, self._configuration, self._places, "evaluate")
        tokenizer = tokenizer_of(self._directory)
        return prepare(texts, self._configuration, tokenizer)

    @property
    def _held_out(self) -> HeldOut:
        """The test split, or without one the validation split."""
        prepared = self._prepared
        for split in ("test", "validation"):
            if split in prepared.token_files:
                documents = getattr(prepared.splits, split)
                tokens = prepared.token_files[split]
                return HeldOut(split=split, documents=documents, tokens=tokens)
        raise ConfigurationError(
            f"{self._directory.path} has no held-out text: its split is "
            f"{','.join(f'{share:g}' for share in self._configuration.corpus.split)}.",
            advice="Score it on another text: textgen evaluate RUN --text FILE",
        )
