"""Values that are taken without Typer's own check are those that it gives, and no wrong one is."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest
import typer

from textgen_core.cli.plain_values import take_plain_values

LINES = [
    [],
    ["a"],
    ["a", "b", "c"],
    ["", "-", "--", "--count"],
    ["--count", "3"],
    ["--count", "0"],
    ["--count", "-1"],
    ["--count", "10"],
    ["--count", "11"],
    ["--count", "007"],
    ["--count", "1_0"],
    ["--count", " 5"],
    ["--count", "5.0"],
    ["--count", "٣"],
    ["--count", "9" * 30],
    ["--count", ""],
    ["--count", "three"],
    ["--free", "-3"],
    ["--free", "9" * 17],
    ["--free", "9" * 40],
    ["--share", "0.5"],
    ["--share", "x"],
    ["--text", ""],
    ["--text", "3"],
    ["--text", "é\udcff"],
    ["--many", "a", "--many", ""],
    ["--flag"],
    ["--no-flag"],
    ["--file", "x/y"],
    ["--kind", "one"],
    ["--kind", "two"],
    ["--kind", "One"],
    ["--kind", "three"],
    ["--shout", "a"],
    ["--nothing"],
    ["--help"],
]


def twice(value: str | None) -> str | None:
    return value and value * 2


def command():
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)

    @app.command()
    def show(
        words: Annotated[list[str] | None, typer.Argument()] = None,
        count: Annotated[int, typer.Option(min=1, max=10)] = 2,
        free: int | None = None,
        share: float | None = None,
        text: str | None = None,
        many: list[str] | None = None,
        flag: bool | None = None,
        file: Path | None = None,
        kind: Literal["one", "two"] = "one",
        shout: Annotated[
            str | None, typer.Option(callback=lambda value: value and value * 2)
        ] = None,
    ):
        return words, count, free, share, text, many, flag, file, kind, shout

    return typer.main.get_command(app)


def outcome(command, line, capsys):
    try:
        found = command(line, standalone_mode=False)
    except Exception as error:
        found = type(error), getattr(error, "format_message", error.__str__)()
    return found, capsys.readouterr().out


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_line_gives_what_typer_alone_gives(line, capsys):
    quick = command()
    take_plain_values(quick)
    assert outcome(quick, line, capsys) == outcome(command(), line, capsys)


def test_a_required_argument_is_missed_and_a_group_reached(capsys):
    def group():
        app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
        app.callback()(lambda debug=False: None)
        app.command("one")(lambda word: word)
        return typer.main.get_command(app)

    for line in (["one"], ["one", "a"], ["two"], []):
        quick = group()
        take_plain_values(quick)
        assert outcome(quick, line, capsys) == outcome(group(), line, capsys)


def test_plain_values_import_no_pydantic():
    code = """
import sys
from textgen_core.cli import main
sys.argv = ["textgen", "generate", "no/such/run", "--max-new-tokens", "3", "--stop", "x"]
try:
    main()
finally:
    assert "pydantic" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
