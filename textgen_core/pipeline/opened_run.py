"""A run that was opened: write with it, score it, make its report.

The model is built again from the run's own tokenizer and weights when it is first needed; nothing
of the run directory is executed. This module knows nothing about training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
import numpy as np

from textgen_core.config.resolve import Configuration
from textgen_core.config.sweep import sweep_chains
from textgen_core.data.tokenizer import START, load_tokenizer
from textgen_core.errors import RunDirectoryError, one_error
from textgen_core.evaluation.evaluation import Evaluation, evaluate
from textgen_core.evaluation.evidence import choose_prompts
from textgen_core.evaluation.figures import measure_losses
from textgen_core.evaluation.held_out import HeldOut, TrainingData
from textgen_core.evaluation.review import PROMPTS, write_sheet
from textgen_core.evaluation.surprisal import ScoredText
from textgen_core.evaluation.token_texts import scored_tokens, split_into_tokens
from textgen_core.explore.explorer import Explorer
from textgen_core.generation.generator import Generator
from textgen_core.generation.stream import Generation, PieceStream
from textgen_core.models.build import build_language_model
from textgen_core.models.devices import choose_precision, compute_capabilities, prepare_memory
from textgen_core.models.language_model import LanguageModel
from textgen_core.pipeline.assembly import make_generator, make_scorer
from textgen_core.pipeline.preparing import Prepared
from textgen_core.pipeline.run_texts import held_out_of, prepare_again, read_other_text
from textgen_core.registry.discovery import discover
from textgen_core.registry.selection import ResolvedComponent, as_list, choose_all
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_rows, write_json
from textgen_core.runs.weights import best_step, load_weights


class Run:
    """A trained run, as `run` and `open_run` return it.

    directory: where it lies; configuration: what it was made with; warnings: what to know before
    use, such as a plugin that is installed in another version.
    """

    def __init__(
        self,
        directory: RunDirectory,
        configuration: Configuration,
        *,
        prepared: Prepared | None = None,
        warnings: Sequence[str] = (),
    ) -> None:
        self._directory = directory
        self.configuration = configuration
        self.warnings = tuple(warnings)
        self._prepared = prepared
        self._generators: list[Generator] = []

    @property
    def directory(self) -> Path:
        """The run directory's path."""
        return self._directory.path

    @property
    def step(self) -> int:
        """The step of the checkpoint in use: the best by validation, else the newest."""
        return best_step(self._directory)

    @cached_property
    def language_model(self) -> LanguageModel:
        """The model with the weights of the best checkpoint.

        Raises RunDirectoryError if a file is missing or damaged.
        """
        step = self.step
        prepare_memory()
        configuration = self.configuration
        language_model = build_language_model(
            configuration.model,
            load_tokenizer(self._directory.tokenizer),
            context_length=configuration.data.sequence_length,
            precision=choose_precision(configuration.training.precision, compute_capabilities()),
            seed=configuration.seed,
        )
        load_weights(self._directory, step, language_model.model)
        return language_model

    @cached_property
    def explore(self) -> Explorer:
        """What can be asked of the model: neighbours, analogies, attention, temperature."""
        return Explorer(self.language_model, repr(self.configuration.model.component.name))

    # ---- writing ------------------------------------------------------------------------

    def generate(
        self,
        prompt: str = "",
        *,
        sampler: Any = None,
        max_new_tokens: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Iterator[str]:
        """Yield a text that follows the prompt, in pieces as they are written.

        `sampler` is a spec, a dict with "name", an instance, or a list of these in their order; by
        default the run's own. The same seed gives the same text. Raises a TextgenError.
        """
        pieces = self.stream(
            [prompt], sampler=sampler, max_new_tokens=max_new_tokens, seed=seed, stop=stop
        )
        for piece in pieces:
            yield piece.text

    def write(
        self,
        prompt: str = "",
        *,
        samples: int = 1,
        sampler: Any = None,
        max_new_tokens: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
        alternatives: int = 0,
    ) -> Generation:
        """Write several texts that follow one prompt, and return them with their figures.

        With `alternatives` their trace comes along, with so many tokens at each step.
        """
        pieces = self.stream(
            [prompt] * samples,
            sampler=sampler,
            max_new_tokens=max_new_tokens,
            seed=seed,
            stop=stop,
            alternatives=alternatives,
        )
        for _ in pieces:
            pass
        return pieces.generation()

    def stream(
        self,
        prompts: Sequence[str],
        *,
        sampler: Any = None,
        max_new_tokens: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
        alternatives: int = 0,
        once: bool = False,
    ) -> PieceStream:
        """Return an iterator over the pieces of one text for each prompt, all written at once.

        With `alternatives` its `generation()` has a trace, with so many tokens at each step. `once`
        says that no more is to follow, so that a short text need not wait for XLA.
        """
        length = self.configuration.generation.max_new_tokens
        return self._generator(self.samplers(sampler)).stream(
            prompts,
            max_new_tokens=length if max_new_tokens is None else max_new_tokens,
            seed=self.configuration.seed if seed is None else seed,
            stop=stop,
            alternatives=alternatives,
            once=once,
        )

    def sweep(
        self,
        sweep: str,
        prompt: str = "",
        *,
        sampler: Any = None,
        samples: int = 1,
        max_new_tokens: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Iterator[tuple[tuple[ResolvedComponent, ...], Generation]]:
        """Yield, for each setting of a sweep such as `nucleus:p=0.8,0.9`, its chain and its texts.

        Prompt and seed are the same for all. The swept sampler takes the place of the one of its
        name in `sampler`, else it comes after those. Raises a TextgenError.
        """
        for chain in sweep_chains(discover(), sweep, sampler):
            yield (
                chain,
                self.write(
                    prompt,
                    samples=samples,
                    sampler=[each.instance for each in chain],
                    max_new_tokens=max_new_tokens,
                    seed=seed,
                    stop=stop,
                ),
            )

    def samplers(self, wish: Any = None) -> tuple[ResolvedComponent, ...]:
        """Return the chain of samplers that a wish asks for; None: the run's own."""
        if wish is None:
            self._require("sampler")
            return self.configuration.samplers
        wishes = [(each, "--sampler") for each in as_list(wish)]
        chosen, faults = choose_all(discover(), "sampler", wishes)
        if faults:
            raise one_error(faults)
        return chosen

    def _require(self, *kinds: str) -> None:
        """Raise RunDirectoryError if this installation lacks a component of one of the kinds."""
        lacking = [kind for kind in kinds if kind in self.configuration.missing]
        if lacking:
            raise RunDirectoryError(
                f"{self.directory} was made with a {lacking[0]} that is not installed here.",
                advice=" ".join(self.warnings),
            )

    def _generator(self, samplers: tuple[ResolvedComponent, ...]) -> Generator:
        instances = [each.instance for each in samplers]
        for generator in self._generators:
            if generator.serves(instances):
                return generator.retuned(instances, [each.label for each in samplers])
        self._generators.append(make_generator(samplers, self.language_model))
        return self._generators[-1]

    # ---- scoring ------------------------------------------------------------------------

    def evaluate(self, text: str | Path | None = None) -> Evaluation:
        """Score the run on its test split, or on another text file.

        Without a test split the validation split is used, and the evaluation says so. That of its
        own split is written to evaluation.json. Raises CorpusError, or RunDirectoryError if the
        corpus has changed.
        """
        self._require("sampler", "metric")
        prepared = self._prepare()
        held_out = self._held_out() if text is None else self._other_text(Path(text))
        train = prepared.token_files["train"]
        training = self.configuration.training
        evaluation = evaluate(
            make_scorer(self.configuration, self.language_model),
            held_out,
            TrainingData(
                documents=prepared.splits.train,
                token_ids=train.token_ids,
                rows=tuple(read_rows(self._directory.metrics)),
                longer=f"training.{'epochs' if training.minutes is None else 'minutes'}",
            ),
            settings=self.configuration.evaluation,
            metrics=[
                (each.name, each.provider, each.instance) for each in self.configuration.metrics
            ],
            continue_prompts=self._continue,
        )
        if text is None:
            write_json(self._directory.evaluation, evaluation.as_json())
        return evaluation

    def score(self, text: str | Path) -> ScoredText:
        """Return the surprise of every token of a text file.

        Raises CorpusError, or RunDirectoryError if the model's weights are damaged.
        """
        held_out = self._other_text(Path(text))
        tokenizer = self.language_model.tokenizer
        split = split_into_tokens(held_out.documents, tokenizer)
        token_ids = np.array([START, *(token_id for token_id, _ in split)], np.int32)
        losses = make_scorer(self.configuration, self.language_model).score(token_ids)
        if np.isnan(losses).any():
            raise RunDirectoryError(
                f"The model of {self.directory} is damaged: its losses are NaN.",
                advice="Use another run, or train one anew.",
            )
        tokens = held_out.tokens
        return ScoredText(
            name=held_out.split,
            tokens=scored_tokens(split, losses),
            figures=measure_losses(losses, tokens.text_bytes, tokens.unknown_bytes),
            unknown_tokens=tokens.unknown_tokens,
        )

    def review(self, sheet: str | Path) -> int:
        """Write a sheet of texts to rate by hand, with its key beside it; return how many.

        Half of them really followed their held-out prompts. Raises UsageError if it cannot be
        written, and what `evaluate` raises.
        """
        settings = self.configuration.evaluation
        few = attrs.evolve(settings, prompts=min(settings.prompts, PROMPTS))
        token_ids = self._held_out().tokens.token_ids[1:]
        chosen = choose_prompts(token_ids, self.language_model.tokenizer, few)
        prompts = [each.prompt for each in chosen]
        samples = self._continue(prompts, few.continuation_tokens) if prompts else []
        references = [each.reference for each in chosen]
        return write_sheet(Path(sheet), prompts, samples, references, self.configuration.seed)

    def report(self, *, excerpts: bool = True) -> Path:
        """Write report.html from the run's files, and return its path.

        Without `excerpts` the page quotes no words of the corpus.
        """
        from textgen_core.report import write_report  # templates that writing text can do without

        return write_report(self._directory, excerpts=excerpts)

    def _continue(self, prompts: Sequence[str], new_tokens: int) -> list[str]:
        pieces = self.stream(prompts, max_new_tokens=new_tokens, once=True)
        for _ in pieces:
            pass
        generation = pieces.generation()
        return [sample.text for sample in generation.samples]

    def _prepare(self) -> Prepared:
        if self._prepared is None:
            self._prepared = prepare_again(self._directory, self.configuration)
        return self._prepared

    def _held_out(self) -> HeldOut:
        return held_out_of(self._prepare(), self.configuration, self.directory)

    def _other_text(self, path: Path) -> HeldOut:
        return read_other_text(path, self.configuration, self.language_model.tokenizer)
