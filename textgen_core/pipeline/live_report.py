"""report.html while a run goes on: written again after a validation, as far as that costs nothing.

The page is a convenience: what goes wrong with it is said once, and never ends a training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs

from textgen_core.config.settings import TrainingSettings
from textgen_core.runs import RunDirectory
from textgen_core.training.callbacks import Callback, Callbacks
from textgen_core.training.job import TrainingJob

PAUSE = 10.0  # seconds between two pages at least
_LEAST_TIMES = 150  # as long as all pages were in the making, a run must have trained
_FIRST_SECONDS = 0.3  # that the first page is taken to cost, templates and all
_REFRESH = (10, 60)  # seconds at least and at most, after which a page reads itself again


@contextmanager
def live_report(job: TrainingJob) -> Iterator[TrainingJob]:
    """Have the report of a run follow its training; yields the job, followed by it too.

    A run that ends otherwise than it was planned leaves a page that says so.
    """
    page = LiveReport(job.run, job.settings, job.callback.on_warning)
    try:
        yield attrs.evolve(job, callback=Callbacks(job.callback, page))
    except BaseException:
        page.give_up()
        raise


class LiveReport(Callback):
    """Writes the page of a run that goes on.

    Args:
        run: Its directory.
        settings: How it is trained.
        warn: Is told why there is no page, once.
        clock: Seconds, from any beginning.
    """

    def __init__(
        self,
        run: RunDirectory,
        settings: TrainingSettings,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._run = run
        self._minutes = settings.minutes
        self._warn = warn
        self._clock = clock
        self._began = self._written_at = clock()
        self._spent, self._last = 0.0, _FIRST_SECONDS
        self._pages = 0
        self._failed = False
        self._step = 0
        self._seconds_left: float | None = None

    def on_training_row(self, row: Mapping[str, Any], progress: float) -> None:
        """Note how far the run is."""
        seconds = float(row["seconds"])
        self._step = int(row["step"])
        if self._minutes is not None:
            self._seconds_left = max(0.0, 60 * self._minutes - seconds)
        else:
            self._seconds_left = seconds * (1 - progress) / progress if progress > 0 else None

    def on_sample(self, row: Mapping[str, Any]) -> None:
        """Write the page: a sample is what follows a validation."""
        del row
        now = self._clock()
        has_paid = now - self._began >= _LEAST_TIMES * (self._spent + self._last)
        if has_paid and now - self._written_at >= PAUSE:
            self._write(is_trained=False)

    def on_training_end(self, *, interrupted: bool) -> None:
        """Say that the run is being scored, if a page says that it is trained."""
        if self._pages and not interrupted:
            self._write(is_trained=True)

    def give_up(self) -> None:
        """Write the page of a run that does not go on."""
        self._write(is_trained=None)

    def _write(self, *, is_trained: bool | None) -> None:
        if self._failed:
            return
        began = self._clock()
        try:
            self._render(is_trained, since=began - self._written_at)
        except Exception as error:  # whatever it is, a page is never worth a run
            self._failed = True
            if is_trained is not None:  # else the run itself has failed, which is told already
                self._warn(f"The report does not follow the training: {error}")
            return
        self._written_at = self._clock()
        self._last = self._written_at - began
        self._spent += self._last
        self._pages += 1

    def _render(self, is_trained: bool | None, *, since: float) -> None:
        """Write the page; since: how many seconds ago there was another."""
        from textgen_core.report import write_report  # templates that a short run can do without
        from textgen_core.report.records import Progress

        progress = None
        if is_trained is not None:
            progress = Progress(
                step=self._step,
                seconds_left=None if is_trained else self._seconds_left,
                is_trained=is_trained,
                refresh=round(min(max(since, _REFRESH[0]), _REFRESH[1])),
            )
        write_report(self._run, progress=progress)
