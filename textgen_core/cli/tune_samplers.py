"""What `textgen tune RUN` does: samplers tuned on a run that is trained already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textgen_core.cli.following import watch
from textgen_core.cli.options import announce_stdin, open_for, warn_of_cache
from textgen_core.cli.output import note, print_json, show_line
from textgen_core.formatting import shell_word

if TYPE_CHECKING:
    from textgen_core.pipeline.search.sampler_records import SamplerTuning

TOML, JSON = "samplers.toml", "samplers.json"
_DISTANCE = "Distance 0: as other real text. 1: as far as one page of real text is from the usual."
_SHOWN = 400  # characters of each text that is shown


def tune_run(
    run: str,
    *,
    sampler: Sequence[str] = (),
    try_installed: bool = False,
    seconds: float | None = None,
    trials: int | None = None,
    seeds: int | None = None,
    seed: int | None = None,
    text: str | None = None,
    out: Path | None = None,
    as_json: bool = False,
    quiet: bool = False,
) -> None:
    """Tune samplers on a run, and show what came of it; the options are those of `textgen tune`.

    run: its directory, or the beginning of its name. out: a folder, made if need be, for the
    chain as TOML and for all as JSON.
    """
    opened = open_for(run, "sampler")
    from textgen_core.pipeline.search.samplers import SEEDS, read_chain_space, tune_samplers
    from textgen_core.registry import discover

    read_chain_space(discover(), list(sampler), try_installed=try_installed)  # its faults first
    announce_stdin(text)
    tuning = watch(
        lambda callback: tune_samplers(
            opened,
            list(sampler),
            try_installed=try_installed,
            seconds=seconds,
            trials=trials,
            seeds=SEEDS if seeds is None else seeds,
            seed=seed,
            text=text,
            callback=callback,
        ),
        quiet=quiet,
    )
    warn_of_cache()
    if out is not None:
        write_tuning(tuning, out)
    if as_json:
        print_json({**tuning.as_json(), "out": out and str(out)})
        return
    show_tuning(tuning)
    if out is not None:
        note(f"To train with them: textgen run CORPUS --config {shell_word(out / TOML)}")


def write_tuning(tuning: SamplerTuning, folder: Path) -> None:
    """Write the tuned chain as TOML and all that was measured as JSON into a folder."""
    from textgen_core.runs.files import file_errors, write_json, write_text

    with file_errors(folder, "written"):
        folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / TOML, tuning.toml)
    write_json(folder / JSON, tuning.as_json())


def show_tuning(tuning: SamplerTuning) -> None:
    """Show the tuned chain, the table, and texts after one prompt, side by side with real text."""
    first, *others = tuning.sentences
    show_line(first, "bold")
    for line in (*others, "", *tuning.table()):
        show_line(line)
    show_line(_DISTANCE, "dim")
    show_line()
    for each in tuning.notes:
        note(each)
    if tuning.prompts:
        _show_texts(tuning)
    show_line(f"To write with it: {tuning.command}")


def _show_texts(tuning: SamplerTuning) -> None:
    prompt = tuning.prompts[0]
    texts: list[tuple[str, Any]] = [("real text", tuning.references[0])]
    texts += [(each.title, each.texts[0]) for each in tuning.checked[:2]]
    for name, text in texts:
        show_line(f"--- {name}", "dim")
        show_line(prompt + text[:_SHOWN])
        show_line()
