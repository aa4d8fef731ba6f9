"""`textgen analyze`: phase 1 alone."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import Annotated

import typer

from textgen_core.cli.options import (
    CorpusArgument,
    Json,
    announce_stdin,
    warn_of_cache,
    warn_of_unread_stdin,
)
from textgen_core.cli.output import print_json, show_line, warn


def analyze(
    corpus: CorpusArgument = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="corpus.KEY=VALUE", help="A setting; may be repeated."),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The text, or folder, that its words are compared with; "
            "default: the built-in corpus.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look at a corpus: counts, vocabulary, lengths, what recurs in it, and advice."""
    from textgen_core.cli.terminal import TerminalCallback
    from textgen_core.config.ineffective import find_unread
    from textgen_core.config.resolve import corpus_settings
    from textgen_core.corpus import clean_corpus, read_corpus
    from textgen_core.corpus.analysis import advise_on, analyse_corpus
    from textgen_core.pipeline.messages import format_analysis

    warn_of_unread_stdin(corpus or [])
    chosen = corpus_settings(settings or ())
    for unread in find_unread(settings or ()):
        warn(unread)
    announce_stdin(*(corpus or ()), reference)
    text = read_corpus(corpus or (), chosen)
    if settings:  # who names settings wants to see what they do; the text as it is comes without
        text = clean_corpus(text, chosen)
    usual = None if reference is None else read_corpus([reference], chosen)
    with closing(TerminalCallback()) as callback:
        analysis = analyse_corpus(
            text,
            reference=usual,
            language=chosen.language,
            progress=partial(callback.on_progress, "counting"),
        )
    warn_of_cache()
    for note in (*text.notes, *advise_on(analysis)):
        warn(note)
    if as_json:
        print_json(analysis.as_json())
        return
    for line in format_analysis(analysis):
        show_line(line)
