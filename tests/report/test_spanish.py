"""The page in Spanish: its templates and pictures say nothing in English."""

from __future__ import annotations

import re
import tomllib
from html.parser import HTMLParser
from importlib import resources

import jinja2
import pytest
from report.fabricated_run import fabricate_run

from textgen_core.evaluation.findings import make_finding
from textgen_core.evaluation.verdict import Verdict
from textgen_core.formatting import Sentence
from textgen_core.formatting.languages import catalogue
from textgen_core.report.page import render_report
from textgen_core.report.records import Progress
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import read_json, write_json

TEMPLATES = resources.files("textgen_core.report") / "templates"
# Elements of what the run and its texts say themselves: samples, commands, settings and paths.
FOREIGN_TAGS = ("style", "code")
FOREIGN_CLASSES = ("pairs", "path", "shape", "hash")
FOREIGN_PICTURES = ("top-", "domain-words")
EMPTY = ("meta", "input", "link", "br")


class Reader(HTMLParser):
    """Collects what a page says, in texts and in attributes, but for what is quoted."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self._foreign: list[bool] = [False]
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        classes = values.get("class", "").split()
        is_foreign = (
            self._foreign[-1]
            or tag in FOREIGN_TAGS
            or values.get("lang") == ""
            or any(each in classes for each in FOREIGN_CLASSES)
            or values.get("aria-labelledby", "").startswith(FOREIGN_PICTURES)
        )
        if not is_foreign:
            self.said += [values[name] for name in ("aria-label", "title") if name in values]
        if tag not in EMPTY:
            self._foreign.append(is_foreign)

    def handle_endtag(self, tag: str) -> None:
        self._foreign.pop()

    def handle_data(self, data: str) -> None:
        if not self._foreign[-1]:
            self.said.append(data)


@pytest.fixture
def full_run(tmp_path) -> RunDirectory:
    """A run of which every section has something to say."""
    run = fabricate_run(tmp_path, name="2031-05-04-101500")
    falling = Sentence(
        "The validation loss was still falling at the end: from {loss:.3f} at step {step} to "
        "{last:.3f} at step {last_step}.",
        loss=3.34,
        step=980,
        last=3.214,
        last_step=1400,
    )
    found = make_finding("undertraining", falling, "undertraining", "training.minutes")
    verdict = Verdict(outcome="undertrained", clauses=("words", "still improving"))
    change = {"diagnosis": [found.as_json()], "verdict": verdict.as_json()}
    scored = {**read_json(run.evaluation), **change}
    del scored["metrics"]["stranger"]  # which says in its own words what it measures
    write_json(run.evaluation, scored)
    figures = {"tokens": 900, "bytes": 3000, "bits_per_byte": 1.9, "perplexity": 40.0}
    findings = ["another kind of text"]
    write_json(
        run.texts, {"texts": [{"text": "carta.txt", "step": 1120, "findings": findings, **figures}]}
    )
    rated = {"model": {"mean": 2.4, "rated": 10}, "held-out text": {"mean": 4.5, "rated": 10}}
    ratings = dict.fromkeys(("coherence", "grammar", "context"), rated)
    write_json(run.ratings, {"sheets": [{"sheet": "hoja.csv", "ratings": ratings}]})
    return run


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]{3,}", text.lower()))


def english_words() -> set[str]:
    """The words of what the report says, but for those that Spanish has too."""
    file = resources.files("textgen_core.formatting") / "es.toml"
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    said = [english for name in tables if name.startswith("report.") for english in tables[name]]
    spanish = catalogue("es").values()
    return words(" ".join(said)) - words(" ".join(spanish))


def literals() -> list[str]:
    """The sentences that stand in a call of `say` in a template."""
    found = []
    for path in TEMPLATES.iterdir():
        if path.name.endswith(".html"):
            tree = jinja2.Environment().parse(path.read_text(encoding="utf-8"))
            calls = tree.find_all(jinja2.nodes.Call)
            found += [each.args[0] for each in calls if getattr(each.node, "name", "") == "say"]
    assert all(isinstance(each, jinja2.nodes.Const) for each in found)
    return [each.value for each in found]


def test_every_sentence_of_a_template_has_its_translation() -> None:
    assert len(literals()) > 80
    assert [each for each in literals() if each not in catalogue("es")] == []


@pytest.mark.parametrize(
    "progress", [None, Progress(step=140, seconds_left=90.0), Progress(step=140, is_trained=True)]
)
def test_no_english_is_left_on_a_spanish_page(
    full_run: RunDirectory, progress: Progress | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    english = Reader(render_report(full_run, progress=progress))
    assert words(" ".join(english.said)) & english_words()  # or nothing could be found
    monkeypatch.setenv("TEXTGEN_LANG", "es")
    page = render_report(full_run, progress=progress)
    assert '<html lang="es">' in page
    assert sorted(words(" ".join(Reader(page).said)) & english_words()) == []


def test_numbers_keep_their_points_in_every_language(
    full_run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEXTGEN_LANG", "es")
    said = " ".join(Reader(render_report(full_run)).said)
    assert "27,412 tokens" in said
    assert "1.151" in said
