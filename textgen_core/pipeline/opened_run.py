"""A run that was opened: write with it, score it, make its report; nothing in it is executed."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from textgen_core.config.chains import sweep_chains
from textgen_core.config.resolve import Configuration
from textgen_core.formatting import expand_home
from textgen_core.generation import Generation, PieceStream
from textgen_core.pipeline.places import Places
from textgen_core.pipeline.playing import play
from textgen_core.pipeline.run_runtime import Computing, RunRuntime
from textgen_core.pipeline.run_writing import Pieces, RunWriting
from textgen_core.registry import ResolvedComponent, discover
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.listing import history_of, summarise
from textgen_core.runs.weights import best_step

if TYPE_CHECKING:
    from textgen_core.evaluation.evaluation import Evaluation
    from textgen_core.evaluation.surprisal import ScoredText
    from textgen_core.explore.explorer import Explorer
    from textgen_core.models.language_model import LanguageModel
    from textgen_core.pipeline.preparing import Prepared
    from textgen_core.pipeline.run_scoring import RunScoring


class Run:
    """A trained run, as `run` and `open_run` return it.

    Args:
        directory: where it lies.
        configuration: what it was made with.
        prepared: its texts, where they are at hand.
        places: where they are now, where that was said.
        warnings: what to know before use, such as a plugin that is installed in another version.
        computing: what writes with it.
    """

    def __init__(
        self,
        directory: RunDirectory,
        configuration: Configuration,
        *,
        prepared: Prepared | None = None,
        places: Places | None = None,
        warnings: Sequence[str] = (),
        computing: Computing | None = None,
    ) -> None:
        self._directory, self.configuration = directory, configuration
        self._prepared, self.places = prepared, places or Places()
        self.warnings, computing = tuple(warnings), computing or Computing()
        self.shown_in: int | None = None  # the notebook's cell that shows it already
        self.runtime = RunRuntime(directory, configuration, computing, lambda: self.language_model)
        self.writing = RunWriting(directory, configuration, self.warnings, self.runtime)

    @property
    def directory(self) -> Path:
        """The run directory's path."""
        return self._directory.path

    def __fspath__(self) -> str:
        return str(self.directory)

    def __repr__(self) -> str:
        return repr(summarise(self.directory))

    def _repr_html_(self) -> str | None:
        from textgen_core.pipeline.run_page import page_unless_shown

        return page_unless_shown(self._directory, self.shown_in)

    @property
    def history(self) -> list[dict[str, Any]]:
        """What was logged at each step, as `pandas.DataFrame` takes it, validation included."""
        return history_of(self._directory)

    @property
    def step(self) -> int:
        """The step of the checkpoint in use: the best by validation, else the newest."""
        return best_step(self._directory)

    @cached_property
    def language_model(self) -> LanguageModel:
        """The model with the weights of the best checkpoint, loaded when it is first needed."""
        self.runtime.computing.before_tensorflow()
        from textgen_core.pipeline.assembly import load_language_model as load

        return load(self._directory, self.configuration, self.step)

    @cached_property
    def explore(self) -> Explorer:
        """What can be asked of the model: neighbours, analogies, attention, temperature."""
        from textgen_core.explore.explorer import Explorer

        name = repr(self.configuration.model.component.name)
        return Explorer(lambda: self.language_model, name, lambda: self.runtime.best)

    def generate(
        self,
        prompt: str = "",
        *,
        sampler: Any = None,
        max_new_tokens: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
    ) -> Pieces:
        """Write a text that follows the prompt, in pieces that are handed out as they are written.

        Args:
            prompt: what the text follows; an empty one is the start of a document.
            sampler: the samplers, as for `stream`.
            max_new_tokens: the longest text, in tokens; by default the run's own.
            seed: the same seed gives the same text; by default the run's own.
            stop: texts to stop before.

        Returns:
            An iterator over the pieces; `str`, `print` and a notebook make of it the whole text.
        """
        given: Any = {"max_new_tokens": max_new_tokens, "seed": seed, "stop": stop}
        return Pieces(self.stream([prompt], sampler=sampler, **given))

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
        """Write several texts that follow one prompt.

        Args:
            prompt: what the texts follow; an empty one is the start of a document.
            samples: how many texts.
            sampler: the samplers, as for `stream`.
            max_new_tokens: the longest text, in tokens; by default the run's own.
            seed: the same seed gives the same text; by default the run's own.
            stop: texts to stop before.
            alternatives: how many tokens the trace shows at each step; 0: no trace.

        Returns:
            The texts with their token ids and log-probabilities, and the speed.
        """
        given: Any = {"max_new_tokens": max_new_tokens, "seed": seed, "stop": stop}
        given["alternatives"] = alternatives
        return self.stream([prompt] * samples, sampler=sampler, **given).result()

    def stream(
        self,
        prompts: Sequence[str | Sequence[int]],
        *,
        sampler: Any = None,
        max_new_tokens: int | None = None,
        seed: int | None = None,
        stop: Sequence[str] = (),
        alternatives: int = 0,
        compile: Literal["xla", "graph", "auto"] = "xla",
        once: bool | None = None,
    ) -> PieceStream:
        """Write one text for each prompt, all side by side.

        Args:
            prompts: what each text follows, empty: the start of a document; or its token ids.
            sampler: a spec, a dict with "name", an instance, or a list; by default the run's own.
            max_new_tokens: the longest text, in tokens; by default the run's own.
            seed: the same seed gives the same texts; by default the run's own.
            stop: texts to stop before.
            alternatives: how many tokens trace and pieces show at each step; 0: no trace.
            compile: TensorFlow's way: "xla", "graph", or "auto": a short text without XLA's wait.
            once: deprecated; True is `compile="auto"`.

        Returns:
            An iterator over pieces of the texts, whose `result()` has the whole.
        """
        if once is not None:
            warnings.warn('once= goes in textgen 0.3: use compile="auto".', DeprecationWarning, 2)
        given: Any = {"max_new_tokens": max_new_tokens, "seed": seed, "stop": stop}
        options = self.writing.options(given, alternatives, "auto" if once else compile)
        return self.writing.stream(prompts, self.samplers(sampler), options)

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
        """Write with each setting of a sweep, all with one prompt and one seed.

        Args:
            sweep: a sampler with values, `nucleus:p=0.8,0.9`, in place of that one in `sampler`.
            prompt: what the texts follow.
            sampler: the rest of the chain; by default nothing.
            samples: how many texts for each setting.
            max_new_tokens: the longest text, in tokens; by default the run's own.
            seed: the same seed gives the same text; by default the run's own.
            stop: texts to stop before.

        Yields:
            The chain of a setting, and its texts.
        """
        given: Any = {"max_new_tokens": max_new_tokens, "seed": seed, "stop": stop}
        for chain in sweep_chains(discover(), sweep, sampler):
            yield chain, self.write(prompt, samples=samples, sampler=chain, **given)

    def samplers(self, request: Any = None, *, wish: Any = None) -> tuple[ResolvedComponent, ...]:
        """Find and check samplers.

        Args:
            request: samplers as `stream` takes them; by default the run's own.
            wish: deprecated; the same as `request`.

        Returns:
            The chain, in its order.
        """
        if wish is not None:
            warnings.warn("wish= goes in textgen 0.3: use request=.", DeprecationWarning, 2)
        return self.writing.samplers(request if wish is None else wish)

    def evaluate(self, text: str | Path | None = None) -> Evaluation:
        """Score the run on held-out text.

        Args:
            text: a text file, whose figures are added to texts.json; by default the run's own test
                split, or validation, for evaluation.json. `warnings` says what was left out.

        Returns:
            Loss, perplexity, bits per byte, metrics, baselines and diagnosis.

        Raises:
            CorpusError: a text cannot be read.
            RunDirectoryError: the corpus has changed or gone, or a component is not installed.
        """
        self.writing.require("sampler", "metric")
        evaluation = self._scoring.evaluate(None if text is None else expand_home(text))
        self.warnings += self._scoring.notes
        return evaluation

    def score(self, text: str | Path = "", *, file: str | Path | None = None) -> ScoredText:
        """Score a text token by token.

        Args:
            text: the text; or a `Path`, for a file. Until 0.3 a str that names a file is read so.
            file: the path of a text file, in place of `text`.

        Returns:
            The surprisal of every token, which a notebook shows in colours.
        """
        from textgen_core.pipeline.scored_text import score_text, text_or_file

        return score_text(text_or_file(text, file), self.runtime)

    def review(self, sheet: str | Path, text: str | Path | None = None) -> int:
        """Write a sheet of texts to rate by hand, half of them real, with its key beside it.

        Args:
            sheet: the file to write.
            text: a text file that prompts are taken from, as for `evaluate`.

        Returns:
            How many texts it holds.
        """
        return self._scoring.review(expand_home(sheet), None if text is None else expand_home(text))

    def report(self, *, excerpts: bool = True, out: str | Path | None = None) -> Path:
        """Write report.html from the run's files.

        Args:
            excerpts: whether the page may quote words of the corpus.
            out: another file to write, where the run itself cannot be written.

        Returns:
            The page's path.
        """
        from textgen_core.report import write_report  # templates that writing text can do without

        out = None if out is None else expand_home(out)
        return write_report(self._directory, excerpts=excerpts, out=out)

    play = play

    @cached_property
    def _scoring(self) -> RunScoring:
        where, configuration, model = self._directory, self.configuration, self.language_model
        from textgen_core.pipeline.run_scoring import RunScoring as Scoring

        return Scoring(where, configuration, model, self.stream, self._prepared, self.places)
