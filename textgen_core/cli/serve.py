"""`textgen serve`: a server for trained runs, with OpenAI's API and a page to write on."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from textgen_core.cli.completing import complete_run
from textgen_core.cli.options import RUN_HELP, Json, Runtime, discover_plugins, find_directory
from textgen_core.cli.output import note, print_json, show_line, warn
from textgen_core.errors import UsageError
from textgen_core.formatting import shell_word

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from textgen_core.serving.guard import Served
    from textgen_core.serving.processes import Connection

# What a process that computes begins with: it finds modules where this one does.
_BEGIN = """
import json, sys
given = json.loads(sys.argv[1])
sys.path[:] = given.pop("path")
from textgen_core.cli.serve_worker import main
main(**given)
"""


def serve(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]...", help=RUN_HELP, show_default=False, autocompletion=complete_run
        ),
    ] = None,
    host: Annotated[
        str,
        typer.Option(metavar="ADDRESS", help="Where to listen; beyond this machine with --key."),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help="0: any that is free.")
    ] = 8000,
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="What clients have to know to be answered.")
    ] = None,
    max_tokens: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=100_000, help="New tokens of a text, at most."),
    ] = 1024,
    queue: Annotated[
        int, typer.Option(metavar="N", min=0, max=10_000, help="Requests that may wait.")
    ] = 32,
    parallel: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=256, help="Processes that compute; default: one a core."
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="A web page's origin that may call; may be repeated."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Another name of this machine; may be repeated."),
    ] = None,
    no_page: Annotated[bool, typer.Option("--no-page", help="Serve the API alone.")] = False,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    runtime: Runtime = "auto",
    as_json: Json = False,
) -> None:
    """Serve trained runs on this machine: OpenAI's API for clients, and a page to write on.

    Clients that want a key get any: OPENAI_API_KEY=none. Ctrl-C ends it.
    """
    if open_page and no_page:
        raise UsageError("--open and --no-page do not go together.")
    import asyncio

    from textgen_core.cli.startup import import_numpy

    import_numpy()
    from textgen_core.models.cores import cores
    from textgen_core.serving.access import Access
    from textgen_core.serving.pool import MOST_PROCESSES, Pool
    from textgen_core.serving.processes import start_process
    from textgen_core.serving.server import address_of, open_socket, serve

    access = Access(
        host=host, key=key, origins=tuple(allow_origin or ()), hosts=tuple(allow_host or ())
    )
    with open_socket(host, port) as listening:
        address = address_of(listening)
        references: Sequence[str | None] = runs or [None]
        directories = [find_directory(each, trained=True) for each in references]
        names = [each.name for each in directories]
        processes = parallel or min(cores(), MOST_PROCESSES)

        async def connect(number: int) -> Connection:
            paths = [str(each.path.absolute()) for each in directories]
            given = {"runs": paths, "runtime": runtime, "max_tokens": max_tokens}
            return await start_process(_command(is_first=number == 0, **given))

        pool = Pool(connect, processes=1 if runtime == "tensorflow" else processes, queue=queue)

        def make_app() -> ASGIApp:
            from textgen_core.pipeline.run_runtime import Computing
            from textgen_core.serving import app
            from textgen_core.serving.runs import open_models

            models = open_models(
                directories, discover_plugins(), Computing(), max_tokens=max_tokens, warn=warn
            )
            for each in models.by_name.values():
                _ = each.fingerprint, each.created  # which answers have
            service = app.Service(models=models, pool=pool)
            return app.make_app(service, access, log=_log, has_page=not no_page)

        def announce() -> None:
            if as_json:
                print_json({"url": address, "models": names})
            else:
                _announce(address, names, key, has_page=not no_page)
            if open_page:
                _open(address, key)

        asyncio.run(serve(listening, pool, make_app, announce))
    note("The server has ended.")


def _command(**given: object) -> list[str]:
    """Return the command of a process that computes."""
    is_debugged = logging.getLogger("textgen_core").isEnabledFor(logging.DEBUG)
    values = json.dumps({"path": sys.path, "is_debugged": is_debugged, **given})
    return [sys.executable, "-P", "-c", _BEGIN, values]


def _announce(address: str, names: Sequence[str], key: str | None, *, has_page: bool) -> None:
    show_line(f"Serving {', '.join(names)} at {address}", "bold")
    if has_page:
        show_line(f"Write in a browser: {address}/")
    header = "" if key is None else " -H 'Authorization: Bearer '$KEY"
    body = '{"prompt": "The ", "max_tokens": 50}'
    show_line("Try it:")
    show_line(
        f"  curl {address}/v1/completions{header} -H 'Content-Type: application/json' "
        f"-d {shell_word(body)}"
    )
    given = "none" if key is None else "$KEY"
    show_line("Clients of OpenAI's API:")
    show_line(f"  OPENAI_BASE_URL={address}/v1 OPENAI_API_KEY={given}")
    show_line("Ctrl-C ends it.")


def _log(served: Served) -> None:
    """Note what was answered; what was asked stays with whoever asked."""
    tokens = "" if served.tokens is None else f" {served.tokens} tokens"
    status = served.status or "gone"
    note(f"{served.method} {served.path} {status}{tokens} {served.seconds:.2f} s", "dim")


def _open(address: str, key: str | None) -> None:
    import webbrowser
    from urllib.parse import quote

    webbrowser.open_new_tab(f"{address}/" + ("" if key is None else f"#key={quote(key, safe='')}"))
