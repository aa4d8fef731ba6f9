"""One trial of a search: a configuration that is trained, and scored on the whole validation text.

It is what the first four phases leave of a run of the same settings, bit for bit, but no text is
written, and the test text is not scored. Minutes become steps before it trains, by what a step
costs: with them it can be trained again, and comes out alike.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import attrs

from textgen_core.config.resolve import Configuration
from textgen_core.corpus import Texts
from textgen_core.corpus.analysis import Analysis
from textgen_core.counts.mixture import load_mixture
from textgen_core.errors import ConfigurationError, Interrupted
from textgen_core.evaluation.figures import measure_losses
from textgen_core.evaluation.scoring import Scorer
from textgen_core.models.build import ModelDescription, initialise
from textgen_core.pipeline.assembly import make_scorer
from textgen_core.pipeline.beginning import Built, analyse_run, build_run, prepare_run, settle_run
from textgen_core.pipeline.fitting import Expected, expect, fit, passes_of
from textgen_core.pipeline.mixing import fit_mixture
from textgen_core.pipeline.preparing import Prepared, build, with_prompt
from textgen_core.pipeline.refitting import have_one_step
from textgen_core.pipeline.training import make_job, restore, train_phase
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.lock import writing
from textgen_core.runs.made_here import write_configuration
from textgen_core.runs.weights import best_step, load_weights
from textgen_core.training.callbacks import Callback
from textgen_core.training.custom_gradients import releasing_graphs
from textgen_core.training.events import most_steps_of, steps_in
from textgen_core.training.gauge import compare_step
from textgen_core.training.job import TrainingJob, is_over, last_step_of
from textgen_core.training.state import TrainingState

_KNOWN: list[tuple[weakref.ref[Texts], str | None, Analysis]] = []  # the latest analysis


@attrs.frozen(kw_only=True)
class TrialResult:
    """What came of a trial.

    score: bits per byte of the whole validation text, with the best checkpoint. steps, seconds: of
    training. memory_bytes: at most, while it trained.
    """

    score: float
    steps: int
    seconds: float
    parameters: int
    memory_bytes: int


def train_trial(
    configuration: Configuration,
    texts: Texts,
    directory: RunDirectory,
    callback: Callback,
    *,
    steps: int | None = None,
    on_steps: Callable[[int], None] | None = None,
    agree: Callable[[float], float] | None = None,
) -> TrialResult:
    """Train a configuration in a run directory, and return how it scores.

    Args:
        configuration: What is tried; none of its trackers follows it, and the size of its model
            is not chosen.
        texts: Those of the configuration; trials that share them analyse them once.
        directory: A new run's.
        callback: Is told what a run tells of its first four phases.
        steps: Those to train, in place of what ends the configuration. Without them its minutes
            become as many steps as fit into them, compilation left out.
        on_steps: Is told before training how many steps there will be at most.
        agree: Given the seconds of the product that steps are measured beside, returns those that
            all trials of a search count with: minutes are the same work for all of them then.

    Raises:
        TextgenError: It cannot be trained, or there is no validation text.
        Interrupted: The user stopped it.
    """
    configuration = attrs.evolve(configuration, chooses_size="never")
    configuration = with_prompt(configuration, texts.corpus.documents)
    if steps is not None:
        configuration = _with_steps(configuration, steps)
    directory.path.mkdir(parents=True, exist_ok=True)
    try:
        with writing(directory, callback.on_warning), releasing_graphs():
            return _Trial(texts, directory, callback, agree).run(configuration, on_steps)
    finally:
        gc.collect()  # models and what was compiled refer to themselves


@attrs.frozen
class _Trial:
    """Where a trial is kept and told."""

    texts: Texts
    directory: RunDirectory
    callback: Callback
    agree: Callable[[float], float] | None

    def run(
        self, configuration: Configuration, on_steps: Callable[[int], None] | None
    ) -> TrialResult:
        prepared = self._prepare(configuration)
        ready, expected = None, None
        if configuration.training.clock == "minutes":
            configuration, expected, ready = self._count_steps(configuration, prepared)
            write_configuration(self.directory, configuration.as_table())
        built = None if ready is None else ready.built
        given = (prepared, self.directory, self.callback)
        configuration = settle_run(configuration, *given, expected).fitted
        built = build_run(configuration, self.texts, *given, built=built)
        self.callback.on_phase(4)
        ready = ready or self._make_ready(configuration, prepared, built)
        job = attrs.evolve(ready.job, settings=configuration.training)
        if on_steps is not None:
            on_steps(last_step_of(job.settings, job.batches))
        state = self._train(job, ready.step_seconds)
        return TrialResult(
            score=self._score(configuration, prepared, ready),
            steps=state.step,
            seconds=state.seconds,
            parameters=ready.description.parameters,
            memory_bytes=ready.description.memory_bytes,
        )

    def _prepare(self, configuration: Configuration) -> Prepared:
        """Phases 1 and 2."""
        given = (configuration, self.texts, self.directory, self.callback)
        language = configuration.corpus.language
        known = [each for of, at, each in _KNOWN if of() is self.texts and at == language]
        analysis = analyse_run(*given, trackers=(), analysis=known[0] if known else None)
        _KNOWN[:] = [(weakref.ref(self.texts), language, analysis)]
        prepared = prepare_run(*given, analysis)
        if "validation" not in prepared.token_files:
            raise ConfigurationError(
                "A search compares by a validation text, and there is none (corpus.split).",
                "Allowed: a split such as --set corpus.split=80,10,10, or corpus.validation=FILE.",
            )
        return prepared

    def _count_steps(
        self, configuration: Configuration, prepared: Prepared
    ) -> tuple[Configuration, Expected, _Ready | None]:
        """Return the configuration with steps in place of its minutes, and what measured them.

        Rules choose by the passes that the steps make, which none but them decide: so a trial that
        is done again has the same. Where that is something else than by the passes that were
        expected, what measured them is of no more use.
        """
        expected = expect(configuration, prepared)
        fitted, _ = fit(configuration, expected)
        built = build(fitted, prepared.tokenizer, counts=prepared.counts)
        initialise(fitted.model, built[0])
        ready = self._make_ready(fitted, prepared, built)
        job, cost = ready.job, compare_step(ready.job)
        gauge = self.agree(cost.gauge) if self.agree else cost.gauge
        seconds = 60 * (fitted.training.minutes or 0)
        most = most_steps_of(fitted.training, job.batches.batches_per_epoch)
        steps = min(most, steps_in(seconds, cost.ratio * gauge, job.event_steps))
        counted = _with_steps(configuration, steps)
        passes = passes_of(steps, counted.training, prepared.batches)
        known = attrs.evolve(expected, passes=passes)
        if not have_one_step(fit(counted, known)[0], _with_steps(fitted, steps)):
            return counted, known, None
        return counted, known, attrs.evolve(ready, step_seconds=cost.seconds)

    def _make_ready(self, configuration: Configuration, prepared: Prepared, built: Built) -> _Ready:
        language_model, description = built
        scorer = make_scorer(configuration, language_model)
        given = (configuration, self.directory, language_model, prepared, self.callback)
        return _Ready(make_job(*given, scorer=scorer), scorer, description)

    def _train(self, job: TrainingJob, step_seconds: float | None) -> TrainingState:
        """Phase 4, in which no text is written."""
        job = attrs.evolve(job, write_sample=None)
        state = train_phase(job, restore(job, fresh_plan=False), step_seconds)
        if not is_over(state, job.settings):
            raise Interrupted(f"The trial was stopped at step {state.step}.")
        return state

    def _score(self, configuration: Configuration, prepared: Prepared, ready: _Ready) -> float:
        """Return the bits per byte of the validation text with the best checkpoint.

        Model and scorer are those of the training, and so is their precision: nothing is built and
        little compiled again.
        """
        language_model = ready.job.language_model
        load_weights(self.directory, best_step(self.directory), language_model.model)
        if len(prepared.kept_out) > 1:
            line = fit_mixture(self.directory, configuration, prepared, language_model)
            self.callback.on_detail([line])
            ready.scorer.mix(load_mixture(self.directory.mixture))
        tokens = prepared.token_files["validation"]
        losses = ready.scorer.score_side_by_side(tokens.token_ids)
        return measure_losses(losses, tokens.text_bytes, tokens.unknown_bytes).bits_per_byte


@attrs.frozen
class _Ready:
    """A job that can begin, what scores its model, and how long a step takes, if that is known."""

    job: TrainingJob
    scorer: Scorer
    description: ModelDescription
    step_seconds: float | None = None

    @property
    def built(self) -> Built:
        return self.job.language_model, self.description


def _with_steps(configuration: Configuration, steps: int) -> Configuration:
    training = attrs.evolve(configuration.training, epochs=None, minutes=None, steps=steps)
    return attrs.evolve(configuration, training=training)
