"""Weights & Biases: figures, samples and the evaluation of a run, on its server or in a folder.

Its files are in the run's own folder `wandb/`. What the user has set for wandb itself (environment,
login, settings file) holds; this module adds only what a run knows.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import attrs

from textgen_core import Outcome, TextgenError, TrackedRun, Tracker, TrackerSession, option

_EXIT_CODES = {"finished": 0, "interrupted": 255, "failed": 1}  # 255: what wandb calls "killed"
_REPORTS = "WANDB_ERROR_REPORTING"


@attrs.frozen(kw_only=True)
class WandbTracker(Tracker):
    """Records a run with Weights & Biases; its files are in RUN/wandb."""

    project: str | None = option(
        None, help='the project that the run belongs to; none: what wandb is set to, else "textgen"'
    )
    mode: Literal["offline", "online"] | None = option(
        None,
        help="offline: write files here, which `wandb sync` can send later; online: send all of it "
        "at once; none: what wandb is set to, else offline",
    )
    entity: str | None = option(
        None, help="the user or team whose project it is; none: what wandb is set to"
    )
    group: str | None = option(None, help="a name for runs that belong together; none: no group")
    run_name: str | None = option(
        None, help="the name that the run is shown under; none: that of its directory"
    )

    def start(self, run: TrackedRun) -> TrackerSession:
        """Open the record of a run; a resumed run goes on in the same record.

        Raises TextgenError if the wandb package is missing, or if it shall send and has no key.
        """
        try:
            import wandb
        except ImportError as error:
            raise TextgenError(
                "The wandb tracker needs the package wandb.",
                advice='Install it: pip install "textgen-core[wandb]"',
            ) from error

        record = _Record.read(run.directory / "wandb" / "textgen.json")
        opened = self._open(wandb, run, record.id)
        record = attrs.evolve(record, id=opened.id)
        record.write()
        return WandbSession(opened, record, wandb.Html)

    def _open(self, wandb: Any, run: TrackedRun, record_id: str | None) -> Any:
        """Return wandb's own run; where an option is none, what the person set for wandb holds."""
        own = wandb.setup().settings
        mode = self.mode or (own.mode if "mode" in own.model_fields_set else "offline")
        if mode == "online":
            _require_login(wandb)
        settings: dict[str, Any] = {"silent": True}
        if "console" not in own.model_fields_set:
            settings["console"] = "off"  # the live view is no log
        with _no_reports() if mode == "offline" else nullcontext():
            return wandb.init(
                dir=run.directory,
                id=record_id,
                resume="allow",
                reinit="create_new",  # a record that a notebook has open is left alone
                mode=mode,
                project=self.project or own.project or "textgen",
                entity=self.entity,
                group=self.group,
                name=self.run_name or own.run_name or run.id,
                config=dict(run.configuration),
                settings=wandb.Settings(**settings),
            )


class WandbSession(TrackerSession):
    """The open record of one run.

    Steps that the record has from before an interruption are left as they stand: a resumed run
    takes the same batches again, so their figures would be the same.
    """

    def __init__(self, run: Any, record: _Record, as_html: Any) -> None:
        self._run = run
        self._record = record
        self._as_html = as_html
        self._last_step = record.step

    def log(self, step: int, values: Mapping[str, float | str]) -> None:
        """Record every value, and the perplexity beside a training loss."""
        figures = dict(values)
        if isinstance(loss := figures.get("loss"), (int, float)):
            figures["perplexity"] = math.exp(min(loss, 700.0))
        self._add(step, figures)

    def sample(self, step: int, text: str) -> None:
        """Record a sample as a page of its own, which any browser shows without wandb."""
        import html  # the whole of HTML's names, which no other command waits for

        page = f'<meta charset="utf-8"><pre style="white-space: pre-wrap">{html.escape(text)}</pre>'
        # Given as a text, wandb would leave it in a temporary folder for as long as this process.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "sample.html")
            path.write_text(page, encoding="utf-8")
            self._add(step, {"sample": self._as_html(path, inject=False)})

    def finish(self, outcome: Outcome) -> None:
        """Add the evaluation to the summary, and close the record with how the run ended."""
        if outcome.evaluation is not None:
            evaluation = json.loads(outcome.evaluation.read_text(encoding="utf-8"))
            self._run.summary.update(evaluation_figures(evaluation))
        self._run.finish(exit_code=_EXIT_CODES[outcome.status])
        attrs.evolve(self._record, step=self._last_step).write()

    def _add(self, step: int, values: Mapping[str, Any]) -> None:
        if step <= self._record.step:
            return
        self._run.log(values, step=step)
        self._last_step = max(self._last_step, step)


def evaluation_figures(evaluation: Mapping[str, Any]) -> dict[str, float | str]:
    """Return what a summary holds of evaluation.json, such as `evaluation/bleu/bleu`.

    The figures of the text and of every metric; those that are null are left out.
    """
    names = ("split", "tokens", "loss", "perplexity", "bits_per_byte")
    found = {f"evaluation/{name}": evaluation.get(name) for name in names}
    for metric, figures in evaluation.get("metrics", {}).items():
        found |= {f"evaluation/{metric}/{name}": value for name, value in figures.items()}
    return {name: value for name, value in found.items() if value is not None}


@attrs.frozen(kw_only=True)
class _Record:
    """What is kept in the run's folder of its record: its id, and the last step that it has."""

    path: Path
    id: str | None = None
    step: int = -1

    @classmethod
    def read(cls, path: Path) -> _Record:
        """Return what is kept there; of a new run, a record without an id."""
        if not path.is_file():
            return cls(path=path)
        return cls(path=path, **json.loads(path.read_text(encoding="utf-8")))

    def write(self) -> None:
        self.path.parent.mkdir(exist_ok=True)
        kept = {"id": self.id, "step": self.step}
        self.path.write_text(json.dumps(kept) + "\n", encoding="utf-8")


def _require_login(wandb: Any) -> None:
    """Raise TextgenError where wandb has no key, in place of its own question in the terminal."""
    if not wandb.login(prompt=False, verify=False):
        raise TextgenError(
            "wandb is to send this run to its server, and knows no key of yours.",
            advice="Log in with `wandb login`, or keep the run here: --tracker wandb:mode=offline",
        )


@contextmanager
def _no_reports() -> Iterator[None]:
    """Let wandb's own process start without reports on itself, which it sends offline too.

    It reads that from the environment alone, once. What the user has set there stays.
    """
    if _REPORTS in os.environ:
        yield
        return
    os.environ[_REPORTS] = "false"
    try:
        yield
    finally:
        del os.environ[_REPORTS]
