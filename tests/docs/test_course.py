"""What the course promises: its commands run, page by page, and Spanish says what English says."""

from __future__ import annotations

import random
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from cli.commands import Result, run_lines

from textgen_core.formatting.languages import catalogue

COURSE = Path(__file__).resolve().parents[2] / "docs" / "course"
# In the order of the lessons: what a page uses, an earlier one has made.
LESSONS = ("index", "1-*", "2-*", "3-*", "4-*", "5-*")
ENGLISH = [next(COURSE.glob(f"{name}.md")) for name in LESSONS]
ENGLISH += sorted(set(COURSE.glob("*.md")) - set(ENGLISH))
SPANISH = sorted((COURSE / "es").glob("*.md"))

FENCE = re.compile(
    r"^(?:% exit code (?P<code>\d+)\n)?"
    r"(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$",
    re.M | re.S,
)
COUNTERPART = re.compile(r"^\*\[(?P<language>\w+)\]\((?P<page>[^)]+)\)\*$", re.M)
PRINTF = re.compile(r"""\$\(printf '(?P<text>[^']*)'\)""")
ENDS = ("--epochs", "--minutes")
SECONDS = "0.05"  # minutes that a training of the course is cut down to

BRIEFLY = {
    "evaluation.prompts": "2",
    "evaluation.continuation_tokens": "4",
    "generation.max_new_tokens": "8",
    "generation.samples": "1",
    "training.compile": "graph",
}
SMALLER = ("--model", "transformer:layers=2")  # in place of the default model
OTHER_RECIPES = ("first", "classic")
HASTE = "--xla_backend_optimization_level=0"  # what is compiled here runs for a moment
FILES = ("book.txt", "shakespeare.txt", "ptb.txt", "line.txt", "poems.txt")
LATIN = "Der Café ist schließlich offen, und die Straße ist naß.\n"
NAMED = ("he", "she", "is", "was", "are", "were", "king", "ROMEO")  # that the pages ask for
FILLING = ("the", "river", "knows", "night", "love", "says", "not", "and", "of", "what", "to")


@attrs.frozen
class CommandLine:
    """A command of a page, after `textgen`, and the exit code that the page expects."""

    page: str
    words: list[str]
    code: int = 0


def command_lines(page: Path) -> Iterator[CommandLine]:
    for block in FENCE.finditer(page.read_text(encoding="utf-8")):
        if block["info"] != "bash":
            continue
        for line in block["body"].replace("\\\n", " ").splitlines():
            told = PRINTF.sub(lambda found: found["text"].replace("\\n", "\n"), line.strip())
            words = shlex.split(told, comments=True)
            if words[:1] == ["textgen"]:
                yield CommandLine(page.name, words[1:], int(block["code"] or 0))


def shortened(words: list[str]) -> list[str]:
    """Return a command that trains for seconds in place of its minutes or epochs, and the rest.

    A run that names no text reads a small one: the built-in corpus takes a minute to score.
    """
    if words[0] not in ("run", "resume"):
        return words
    kept = [
        word
        for before, word in zip(["", *words], words, strict=False)
        if word not in ENDS and before not in ENDS
    ]
    if words[0] == "resume":
        return [*kept, "--minutes", SECONDS]
    text = [FILES[0]] if words[1].startswith("-") else []
    settings = [each for pair in BRIEFLY.items() for each in ("--set", "=".join(pair))]
    model = SMALLER if "--model" not in words and {*OTHER_RECIPES}.isdisjoint(words) else ()
    return ["run", *text, *kept[1:], *model, "--minutes", SECONDS, *settings]


# ---- the commands ---------------------------------------------------------------------------


def test_a_command_is_shortened_to_seconds_and_keeps_what_else_it_says() -> None:
    assert shortened(["resume", "runs/a", "--epochs", "6"]) == [
        *("resume", "runs/a", "--minutes", SECONDS)
    ]
    run = shortened(["run", "a.txt", "--minutes", "10", "--out", "runs/a"])
    assert run[:8] == ["run", "a.txt", "--out", "runs/a", *SMALLER, "--minutes", SECONDS]
    assert SMALLER[0] not in shortened(["run", "--recipe", "first", "--epochs", "3"])
    assert shortened(["run", "--recipe", "first"])[:4] == ["run", FILES[0], "--recipe", "first"]
    assert shortened(["evaluate", "runs/a"]) == ["evaluate", "runs/a"]


def test_no_two_runs_of_the_course_are_written_to_one_folder() -> None:
    lines = [line.words for page in ENGLISH for line in command_lines(page)]
    places = [words[words.index("--out") + 1] for words in lines if {"run", "--out"} <= {*words}]
    assert len(places) > 5
    assert sorted({*places}) == sorted(places)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the texts that the pages name."""
    folder = tmp_path_factory.mktemp("course")
    draw = random.Random(3)
    lines = [" ".join(draw.choice(NAMED + FILLING) for _ in range(8)) for _ in range(600)]
    text = "ROMEO:\nI love the night.\n\n" + ".\n".join(lines) + ".\n"
    for name in FILES:
        (folder / name).write_text(text if name != "line.txt" else lines[0], encoding="utf-8")
    (folder / "latin.txt").write_text(LATIN, encoding="cp1252")
    return folder


def test_every_command_of_the_course_runs_in_the_order_of_its_pages(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLA_FLAGS", HASTE)
    lines = [line for page in ENGLISH for line in command_lines(page)]
    assert len({line.page for line in lines}) >= len(LESSONS), "the pages' commands were not found"
    commands = [shortened(line.words) for line in lines]
    half = len(commands) // 2  # a process each, for neither may take as long as all of them
    results = [*run_lines(commands[:half], folder), *run_lines(commands[half:], folder)]
    faults = [
        f"{line.page}: textgen {' '.join(line.words)}\n{told(result)}"
        for line, result in zip(lines, results, strict=True)
        if result.returncode != line.code
    ]
    assert not faults, "\n\n".join(faults)


def told(result: Result) -> str:
    return f"exit code {result.returncode}\n{result.stderr[-600:]}"


# ---- the figures ----------------------------------------------------------------------------

# How a sentence writes figures that are worth a comparison, by its language.
WRITTEN = {
    "en": re.compile(r"(?<![\d.,])(?:\d{1,3}(?:,\d{3})+|\d+\.\d\d+)(?![\d,.]*\d)"),
    "es": re.compile(r"(?<![\d.,])(?:\d{1,3}(?:[ \u00a0]\d{3})+|\d+,\d\d+)(?![\d.,]*\d)"),
}
TABLE = re.compile(r"^\|.*$", re.M)
NO_PROSE = re.compile(r"`[^`]*`|\]\([^)]*\)|^ {4}.*$", re.M)
WITH_FIGURES = ("concepts", "conceptos", "books", "libros")
READ = [
    page for page in (*ENGLISH, *SPANISH) if page.stem[0].isdigit() or page.stem in WITH_FIGURES
]


@pytest.mark.parametrize("page", READ, ids=lambda page: str(page.stem))
def test_a_figure_that_a_page_tells_stands_in_an_output_or_a_table(page: Path) -> None:
    """A figure of the text may be rounded, and may be shown by another page."""
    pages, language = (SPANISH, "es") if page in SPANISH else (ENGLISH, "en")
    shown = []
    for each in pages:
        text = each.read_text(encoding="utf-8")
        outputs = " ".join(block["body"] for block in FENCE.finditer(text))
        tables = " ".join(TABLE.findall(text))
        shown += [value for _, value, _ in (*figures(outputs, "en"), *figures(tables, language))]
    prose = NO_PROSE.sub("", TABLE.sub("", FENCE.sub("", page.read_text(encoding="utf-8"))))
    assert [
        text
        for text, value, digits in figures(prose, language)
        if not any(round(each, digits) == value for each in shown)
    ] == []


def test_figures_are_read_as_each_language_writes_them() -> None:
    english = (
        "From 1.737 bits to 1.64, among 298,623 of 10,000 characters; in 0.5 s, on page 3.1.4."
    )
    spanish = "De 1,737 bits a 1,64, entre 298\u00a0623 de 10 000 caracteres; en 0,5 s."
    expected = [(1.737, 3), (1.64, 2), (298_623.0, 0)]
    for text, language in ((english, "en"), (spanish, "es")):
        assert [(value, digits) for _, value, digits in figures(text, language)] == expected


def figures(text: str, language: str) -> Iterator[tuple[str, float, int]]:
    """Yield what is told of a run: as it is written, its value, and the digits after the point.

    Round thousands are sizes that the text speaks of.
    """
    thousand, point = {"en": (",", "."), "es": ("[ \u00a0]", ",")}[language]
    for found in WRITTEN[language].finditer(text):
        whole, _, part = re.sub(rf"{thousand}(?=\d{{3}})", "", found[0]).partition(point)
        if part or int(whole) % 1000:
            yield found[0], float(f"{whole}.{part}"), len(part)


# ---- the two languages ----------------------------------------------------------------------


def counterpart(page: Path) -> Path:
    """Return the page that the first lines of `page` link to, in the other language."""
    head = "\n".join(page.read_text(encoding="utf-8").splitlines()[:5])
    found = COUNTERPART.search(head)
    assert found, f"{page.name} has no link to the other language in its first lines"
    assert found["language"] == ("English" if page in SPANISH else "Español")
    return (page.parent / found["page"]).resolve()


def outline(page: Path) -> list[str]:
    """Return the levels of a page's headings and the languages of its code blocks, in order."""
    text = page.read_text(encoding="utf-8")
    blocks = {block.start(): f"block {block['info']}" for block in FENCE.finditer(text)}
    # What stands inside a block is no heading: it is blanked out, so that places stay.
    prose = FENCE.sub(lambda block: " " * len(block[0]), text)
    headings = {found.start(): found[1] for found in re.finditer(r"^(#+) ", prose, re.M)}
    return [what for _, what in sorted({**blocks, **headings}.items())]


def outputs(page: Path) -> list[tuple[str, str]]:
    """Return the code blocks that are no tables of contents: what each is, and its body."""
    blocks = FENCE.finditer(page.read_text(encoding="utf-8"))
    return [(block["info"], block["body"]) for block in blocks if not block["info"].startswith("{")]


def in_spanish(command: str) -> str:
    """Return a command as the Spanish page has it: of its own book, its texts left open."""
    books = {"course:en": "course:es", "course:es": "course:en"}
    exchanged = re.sub("course:e[ns]", lambda book: books[book[0]], command)
    return re.sub(r'"[^"]*"', "TEXT", exchanged)


def named(body: str) -> set[str]:
    """Return the settings and options that an output names: what no language changes."""
    return {*re.findall(r"\b[a-z]+\.(?!md)[a-z_]+\b|--[\w-]+", body)}


@pytest.mark.parametrize("spanish", SPANISH, ids=lambda page: str(page.stem))
def test_a_spanish_page_and_its_english_one_link_to_each_other(spanish: Path) -> None:
    english = counterpart(spanish)
    assert english.is_file()
    assert counterpart(english) == spanish


@pytest.mark.parametrize("spanish", SPANISH, ids=lambda page: str(page.stem))
def test_a_spanish_page_has_the_headings_and_blocks_of_its_english_one(spanish: Path) -> None:
    english = counterpart(spanish)
    tables = "block {toctree}"  # the English index lists the Spanish pages too
    assert [each for each in outline(spanish) if each != tables] == [
        each for each in outline(english) if each != tables
    ]


@pytest.mark.parametrize("spanish", SPANISH, ids=lambda page: str(page.stem))
def test_a_spanish_page_has_the_commands_and_outputs_of_its_english_one(spanish: Path) -> None:
    pairs = zip(outputs(spanish), outputs(counterpart(spanish)), strict=True)
    for (info, said), (_, in_english) in pairs:
        if info == "text":  # of a run on the Spanish book, or said in Spanish
            assert named(said) == named(in_english)
            finding = in_english.partition(":")[0]
            if finding in catalogue("es"):
                assert said.startswith(f"{catalogue('es')[finding]}: ")
        else:
            assert in_spanish(in_english) == re.sub(r'"[^"]*"', "TEXT", said)


def test_both_reading_lists_name_the_same_works() -> None:
    spanish = COURSE / "es" / "lecturas.md"
    works = [
        re.findall(r"^- ([^(]*)\((\d{4})", page.read_text("utf-8"), re.M)
        for page in (spanish, counterpart(spanish))
    ]
    assert len(works[0]) > 25
    assert works[0] == works[1]


@pytest.mark.parametrize("page", [*ENGLISH, *SPANISH], ids=lambda page: str(page.stem))
def test_every_picture_of_a_page_is_there_small_and_described(page: Path) -> None:
    for described, path in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text("utf-8")):
        picture = page.parent / path
        assert described, path
        assert picture.stat().st_size < 60_000, path
        assert "viewBox" in picture.read_text("utf-8"), f"{path} does not scale as an image"
