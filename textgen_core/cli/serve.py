"""`textgen serve`: a server for trained runs, with OpenAI's API and a page to write on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from textgen_core.cli.completing import complete_run
from textgen_core.cli.options import (
    RUN_HELP,
    Json,
    Runtime,
    computing_here,
    discover_plugins,
    find_directory,
    warn_of_cache,
)
from textgen_core.cli.output import note, print_json, show_line, warn
from textgen_core.errors import UsageError
from textgen_core.formatting import shell_word

if TYPE_CHECKING:
    from textgen_core.registry import Registry
    from textgen_core.serving.guard import Served
    from textgen_core.serving.model import ServedModel


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
        typer.Option(metavar="N", min=1, max=256, help="Cores that write; default: all."),
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
    from textgen_core.cli.startup import import_numpy

    import_numpy()
    from textgen_core.models.cores import cores
    from textgen_core.serving.access import Access
    from textgen_core.serving.app import Service, make_app
    from textgen_core.serving.contract import Models
    from textgen_core.serving.engine import Engine
    from textgen_core.serving.server import Server, address_of, open_socket, warm_up

    access = Access(
        host=host, key=key, origins=tuple(allow_origin or ()), hosts=tuple(allow_host or ())
    )
    listening = open_socket(host, port)
    with listening:
        models = _models(runs or [None], runtime)
        for model in models:
            warm_up(model)
        warn_of_cache()
        warn_of_cache()
        engine = Engine(parallel=parallel or cores(), queue=queue)
        service = Service(
            models=Models(by_name={each.name: each for each in models}, max_tokens=max_tokens),
            engine=engine,
        )
        app = make_app(service, access, log=_log, has_page=not no_page)
        address = address_of(listening)

        def announce() -> None:
            if as_json:
                print_json({"url": address, "models": [each.name for each in models]})
            else:
                _announce(address, models, key, has_page=not no_page)
            if open_page:
                _open(address, key)

        Server(app, engine, announce).serve_on(listening)
    note("The server has ended.")


def _models(references: Sequence[str | None], runtime: Any) -> list[ServedModel]:
    """Return the runs to serve, each under the name of its folder."""
    registry = discover_plugins()
    models = [_model(reference, registry, runtime) for reference in references]
    names = [each.name for each in models]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(
            f"Two of the runs are called {twice!r}, and clients could not tell them apart.",
            "Allowed: runs whose folders have different names.",
        )
    return models


def _model(reference: str | None, registry: Registry, runtime: Any) -> ServedModel:
    from textgen_core.pipeline.run_runtime import RunRuntime
    from textgen_core.pipeline.run_writing import RunWriting
    from textgen_core.runs.manifest import load_configuration
    from textgen_core.runs.weights import best_step
    from textgen_core.serving.model import served

    directory = find_directory(reference, trained=True)
    configuration, warnings = load_configuration(directory, registry, ("sampler",))
    for each in warnings:
        warn(each)
    computing = computing_here(runtime)

    def load() -> Any:
        computing.before_tensorflow()
        from textgen_core.pipeline.assembly import load_language_model

        return load_language_model(directory, configuration, best_step(directory))

    writing = RunWriting(
        directory, configuration, warnings, RunRuntime(directory, configuration, computing, load)
    )
    return served(writing, registry, name=directory.name)


def _announce(
    address: str, models: Sequence[ServedModel], key: str | None, *, has_page: bool
) -> None:
    names = ", ".join(each.name for each in models)
    show_line(f"Serving {names} at {address}", "bold")
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
