"""What `textgen tune` shows: a line for each trial, and what the study came to."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.text import Text

from textgen_core.cli.console import stderr
from textgen_core.cli.output import show_line, warn
from textgen_core.cli.progress import ProgressLine
from textgen_core.config.ranges import Dimension
from textgen_core.config.resolve import Configuration
from textgen_core.formatting import format_count, format_duration, format_list
from textgen_core.pipeline.search.following import SearchCallback
from textgen_core.pipeline.search.records import RECIPE, Budget, TrialRecord, Tuning
from textgen_core.report.tuned_samplers import describe_samplers
from textgen_core.report.tuning_words import (
    budget_words,
    commands_of,
    headings_of,
    name_of,
    tell_verdict,
    value_words,
)
from textgen_core.report.wording import cut

_HEAD = f"{'trial':>5}  {'trained':>10}  {'score':>7}  {'best':>7}  {'left':>11}  what differs"
_BESIDE = 50  # characters of the line that stays in place, beside what is trained
_LEAST = 30
_BAR = 20  # of the widest share of importances, in characters


class SearchDisplay(SearchCallback):
    """Shows a search on stderr: a line for each trial, below it how far the next one has come.

    recipe: what trials are held against, in words.
    """

    def __init__(self, recipe: str, *, quiet: bool = False) -> None:
        self._recipe = recipe
        self._console = stderr()
        self._line = ProgressLine(self._console)
        self._quiet = quiet
        self._what = ""
        self._ends_at: float | None = None  # by the monotonic clock
        self._reasons: set[str] = set()
        self._shown: set[int] = set()
        self._waits = False

    def on_search_begin(self, tuning: Tuning) -> None:
        self._show(Text(f"Writing to {tuning.directory}", style="dim"))
        for line in _plan(tuning):
            self._show(Text(f"  {line}"))
        self._show(Text(f"  the recipe as it is: {self._recipe}"))
        self._show(Text(""))
        self._show(Text(_HEAD, style="dim"))
        self._show_finished(tuning)

    def on_trial_begin(self, trial: TrialRecord, tuning: Tuning) -> None:
        self._waits = False
        self._show_finished(tuning)  # by other processes meanwhile
        left = _seconds_left(tuning)
        self._ends_at = None if left is None else time.monotonic() + left
        budget = _budget(tuning.budgets[trial.rung])
        what = f"trial {trial.number}, {budget}: {_differs(trial, tuning)}"
        self._what = cut(what, max(_LEAST, self._console.width - _BESIDE))
        self._start(self._what)

    def on_progress(self, what: str, done: int, total: int) -> None:
        if not self._line.is_shown:
            self._start(what)
        self._line.update(done / total if total else 1.0, what)

    def on_trial_progress(self, share: float) -> None:
        left = ""
        if self._ends_at is not None:
            seconds = max(0.0, self._ends_at - time.monotonic())
            left = f"{format_duration(seconds)} left; "
        self._line.update(share, left + self._what)

    def on_trial_end(self, trial: TrialRecord, tuning: Tuning) -> None:
        del trial
        self._line.stop()
        self._show_finished(tuning)

    def on_wait(self, tuning: Tuning) -> None:
        self._show_finished(tuning)
        if not self._waits:
            self._waits = True
            self._show(Text("  Waiting for the other processes of this study.", style="dim"))

    def on_conclude(self, tuning: Tuning) -> None:
        self._show_finished(tuning)
        self._start("scoring the winner and the recipe on the test text", share=False)
        from textgen_core.cli.startup import import_tensorflow

        import_tensorflow()  # until now only the process that trains needed it

    def on_warning(self, text: str) -> None:
        with self._line.aside():
            warn(text)

    def close(self) -> None:
        """Remove the line that stays in place."""
        self._line.stop()

    def _start(self, what: str, *, share: bool = True) -> None:
        if not self._quiet:
            self._line.start(what, share=share)

    def _show(self, text: Text) -> None:
        if not self._quiet:
            with self._line.aside():
                self._console.print(text)

    def _show_finished(self, tuning: Tuning) -> None:
        """Show the trials that are over, each once."""
        for each in tuning.trials:
            if each.state != "running" and each.number not in self._shown:
                self._shown.add(each.number)
                self._show_trial(each, tuning)

    def _show_trial(self, trial: TrialRecord, tuning: Tuning) -> None:
        before = [
            each.score
            for each in tuning.trials
            if each.rung == trial.rung and each.number <= trial.number and each.score is not None
        ]
        best = min(before, default=None)
        score = "failed" if trial.score is None else f"{trial.score:.3f}"
        left = _seconds_left(tuning)
        line = (
            f"{trial.number:>5}  {_budget(tuning.budgets[trial.rung]):>10}  {score:>7}  "
            f"{'' if best is None else f'{best:.3f}':>7}  "
            f"{'' if left is None else format_duration(left):>11}  {_differs(trial, tuning)}"
        )
        style = "green" if trial.score is not None and trial.score == best else ""
        width = self._console.width - 1 if self._console.is_terminal else len(line)
        self._show(Text(cut(line, width), style="red" if trial.score is None else style))
        if trial.reason and trial.reason not in self._reasons:
            self._reasons.add(trial.reason)
            self._show(Text(f"       {trial.reason}", style="red"))


def show_tuning(tuning: Tuning) -> None:
    """Print what a study came to on stdout, and the commands that follow."""
    values = tuning.as_json()
    verdict = tuning.verdict
    show_line()
    first, *others = tell_verdict(values)
    show_line(first, "bold")
    for line in others:
        show_line(line)
    if verdict is not None:
        show_line()
        _show_finalists(values)
        _show_importances(values)
    show_line()
    if samplers := describe_samplers(values["samplers"]):
        show_line(samplers.sentence, "bold")
        show_line(samplers.command)
        show_line()
    for what, command in commands_of(values):
        show_line(f"{what}  {command}")


def _show_finalists(values: Mapping[str, Any]) -> None:
    verdict = values["verdict"]
    rows = [verdict["winner"], verdict["recipe"], *verdict["others"]]
    distinct = {each["configuration"]: each for each in rows if each is not None}
    headings = headings_of(values["dimensions"])
    show_line(f"{'':<12}  {'mean':>7}  {'of seeds':<23}  what differs", "dim")
    for each in distinct.values():
        name = name_of(each["configuration"])
        scores = "  ".join(f"{score:.3f}" for score in each["scores"].values())
        differs = _values(each["values"], headings)
        is_winner = each["configuration"] == verdict["winner"]["configuration"]
        line = f"{name:<12}  {each['mean']:>7.3f}  {scores:<23}  {differs}".rstrip()
        show_line(line, "green" if is_winner else "")


def _show_importances(values: Mapping[str, Any]) -> None:
    shares, headings = values["importances"], headings_of(values["dimensions"])
    if not shares:
        return
    show_line()
    show_line("what mattered", "dim")
    width = max(len(headings[key]) for key in shares)
    most = max(shares.values()) or 1.0
    for key, share in shares.items():
        bar = "█" * round(_BAR * share / most)
        show_line(f"  {headings[key]:<{width}}  {share:4.0%}  {bar}".rstrip())


def recipe_words(recipe: Configuration, dimensions: Mapping[str, Dimension]) -> str:
    """Return what a recipe has of what varies in a search: `lstm, units 512; bpe`."""
    told = []
    for chosen in (recipe.model, recipe.tokenizer):
        of = f"{chosen.component.kind}/{chosen.name}"
        varied = [each.option for each in dimensions.values() if each.of == of]
        values = (f"{option} {value_words(chosen.options[option])}" for option in varied)
        told.append(", ".join([chosen.name, *values]))
    return "; ".join(told)


def _plan(tuning: Tuning) -> list[str]:
    """Return what is going to be done, in lines."""
    of = tuning.of
    time_told = f"{format_duration(of)}: " if of is not None else ""
    budgets = format_list([_budget(each) for each in tuning.budgets])
    seeds = format_count(tuning.request["seeds"], "seed")
    lines = [f"{time_told}trainings of {budgets}; the best at the end with {seeds}"]
    width = max((len(each["key"]) for each in tuning.dimensions), default=0)
    return [
        *lines,
        f"{format_count(len(tuning.dimensions), 'thing varies', 'things vary')}:",
        *(f"  {each['key']:<{width}}  {_range(each)}" for each in tuning.dimensions),
    ]


def _range(dimension: Mapping[str, Any]) -> str:
    if dimension["choices"]:
        return ", ".join(map(value_words, dimension["choices"]))
    ends = f"{value_words(dimension['low'])}..{value_words(dimension['high'])}"
    return f"{ends} (log)" if dimension["log"] else ends


def _differs(trial: TrialRecord, tuning: Tuning) -> str:
    """Return what a trial is, beside the recipe."""
    seed = f", seed {trial.seed}" if trial.seed != tuning.request["seed"] else ""
    if trial.configuration == RECIPE:
        return f"the recipe as it is{seed}"
    values = _values(trial.values, headings_of(tuning.dimensions))
    return f"no. {trial.configuration}{seed}: {values}"


def _values(values: Mapping[str, Any], headings: Mapping[str, str]) -> str:
    shown = (f"{headings.get(key, key)} {value_words(value)}" for key, value in values.items())
    return ", ".join(shown)


def _budget(budget: Budget) -> str:
    return budget_words(budget.as_json())


def _seconds_left(tuning: Tuning) -> float | None:
    return None if tuning.of is None else max(0.0, tuning.of - tuning.seconds)
