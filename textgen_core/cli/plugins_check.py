"""`textgen plugins check`: the conformance kit, run on an installed component."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from textgen_core.cli.options import JSON_VERSION, Json, ReferenceArgument, find_component
from textgen_core.cli.output import print_json, show_line

if TYPE_CHECKING:
    from textgen_core.testing import Result


def check(reference: ReferenceArgument, as_json: Json = False) -> None:
    """Check that an installed component keeps its contract; exit code 1 if not."""
    from textgen_core.cli.startup import import_tensorflow

    component = find_component(reference)
    import_tensorflow()
    from textgen_core.testing import run_checks, summarise

    results = run_checks(component, tell=None if as_json else show_result)
    if as_json:
        print_json(
            {
                "version": JSON_VERSION,
                "kind": component.kind,
                "name": component.name,
                "distribution": component.plugin.distribution,
                "checks": [
                    {
                        "id": each.check.id,
                        "sentence": each.check.sentence,
                        "fault": None if each.fault is None else str(each.fault),
                        "note": each.note or None,
                    }
                    for each in results
                ],
            }
        )
    else:
        show_line(f"{component.kind}/{component.qualified_name}: {summarise(results)}")
    if any(result.failed for result in results):
        raise typer.Exit(1)


def show_result(result: Result) -> None:
    """Print whether a check holds, and what was found."""
    word, colour = ("holds", "green") if result.fault is None else ("fails", "red")
    show_line(word, colour, end="")
    show_line(f"  {result.check.id}: {result.check.sentence}")
    for line in (str(result.fault) if result.fault is not None else result.note).splitlines():
        show_line(f"         {line}")
