"""`textgen resume`: resume an interrupted run, or train a run further."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from textgen_core.cli.completing import complete_spec
from textgen_core.cli.following import follow
from textgen_core.cli.options import (
    Json,
    Quiet,
    RunArgument,
    TestNow,
    TextNow,
    ValidationNow,
    Verbose,
    announce_stdin,
    discover_plugins,
    find_directory,
)
from textgen_core.cli.workers import (
    RestartsOption,
    WorkersOption,
    chosen_workers,
    resume_workers,
    shown_options,
    this_worker,
)


def resume(
    run: RunArgument = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Train this many more epochs.")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="Train this many more steps.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="M", help="Train this many more minutes.")
    ] = None,
    corpus: TextNow = None,
    validation: ValidationNow = None,
    test: TestNow = None,
    tracker: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="What follows it from now on; default: the run's own, if asked for here.",
            show_default=False,
            autocompletion=complete_spec("tracker"),
        ),
    ] = None,
    workers: WorkersOption = None,
    restarts: RestartsOption = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Go on with an interrupted run, or train a run further."""
    from textgen_core.cli.startup import import_tensorflow
    from textgen_core.runs.cache import usable_cache
    from textgen_core.runs.lock import check_writable
    from textgen_core.runs.manifest import load_configuration
    from textgen_core.runs.standing import check_resumable

    directory = find_directory(run)
    several = chosen_workers(workers, restarts)
    cluster = None if several else this_worker(directory.path)
    # Its faults, before TensorFlow is waited for.
    check_resumable(directory)
    configuration, _ = load_configuration(directory, discover_plugins())
    if cluster is None:
        check_writable(directory)
    if several is not None:
        resume_workers(
            directory,
            configuration,
            several,
            shown_options(as_json=as_json, quiet=quiet, verbose=verbose),
            epochs=[epochs],
            steps=[steps],
            minutes=[minutes],
            corpus=corpus,
            validation=[validation],
            test=[test],
            tracker=tracker,
        )
        return
    announce_stdin(*(corpus or ()), validation, test)
    usable_cache()
    import_tensorflow()
    from textgen_core.pipeline import resume as resume_run

    start = partial(
        resume_run,
        directory.path,
        epochs=epochs,
        steps=steps,
        minutes=minutes,
        corpus=corpus or (),
        validation=validation,
        test=test,
        tracker=tracker,
    )
    follow(start, cluster, as_json=as_json, quiet=quiet, verbose=verbose)
