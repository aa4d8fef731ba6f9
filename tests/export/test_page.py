"""The playground as a page: nothing from outside, nothing executed that is data, two languages."""

from __future__ import annotations

import base64
import hashlib
import html
import inspect
import json
import random
import re
from importlib import resources
from pathlib import Path

import pytest
from export.harness import harness_page

from textgen_core.components import options_of
from textgen_core.evaluation.surprisal import LIMITS
from textgen_core.export.info import describe_model
from textgen_core.export.packing import from_text, to_text
from textgen_core.export.page import (
    ENGINE_SCRIPT,
    LANGUAGES,
    SCRIPTS,
    SERVED_POLICY,
    SERVER_SCRIPT,
    STYLES,
    assemble,
    page_files,
)
from textgen_core.formatting.languages import catalogue as translations
from textgen_core.registry import discover

FOLDER = resources.files("textgen_core.export.page")
LONGEST = 300  # lines of a file
INLINE_HANDLER = re.compile(r"<[^>]+\son[a-z]+\s*=", re.IGNORECASE)


def catalogue(language: str) -> dict[str, dict[str, str]]:
    return json.loads((FOLDER / f"words.{language}.json").read_text(encoding="utf-8"))


def scripts_of(page: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", page, re.DOTALL)


@pytest.fixture(scope="module")
def served() -> str:
    return assemble(title="a <run>", inline=False)


@pytest.fixture(scope="module")
def inline() -> str:
    return harness_page()


def test_every_file_of_the_page_is_used_and_short() -> None:
    names = {Path(each.name).name for each in FOLDER.iterdir() if each.is_file()}
    others = {"__init__.py", "page.html", *(f"words.{each}.json" for each in LANGUAGES)}
    assert names - others == {*SCRIPTS, SERVER_SCRIPT, ENGINE_SCRIPT, *STYLES} - {
        "palette.css",
        "frame.css",
    }
    lengths = {name: len(content.splitlines()) for name, content in page_files().items()}
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST} == {}


def test_the_served_page_links_to_its_files_in_their_order(served: str) -> None:
    linked = re.findall(r'(?:src|href)="/page/([^"]+)"', served)
    assert linked == [*STYLES, SERVER_SCRIPT, *SCRIPTS]
    assert set(linked) == set(page_files())


def test_the_served_page_keeps_to_the_policy_that_the_server_sends(served: str) -> None:
    assert "unsafe" not in SERVED_POLICY
    assert scripts_of(served) == []
    assert "<style" not in served
    assert " style=" not in served
    assert not INLINE_HANDLER.search(served)


def test_the_one_file_page_links_to_nothing(inline: str) -> None:
    assert set(re.findall(r'(?:src|href)="([^"]*)"', inline)) == {"data:,", "#texts"}


@pytest.mark.parametrize("name", [*STYLES, SERVER_SCRIPT, *SCRIPTS])
def test_no_file_names_another_place(name: str) -> None:
    assert not re.search(r"https?:|@import|\burl\(|//[a-z]+\.", page_files()[name])


@pytest.mark.parametrize("name", [SERVER_SCRIPT, *SCRIPTS])
def test_no_script_reads_a_text_as_markup_or_code(name: str) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert not re.search(forbidden, page_files()[name])


def test_the_one_file_page_runs_its_own_scripts_alone(inline: str) -> None:
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', inline)
    hashes = [
        base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()
        for each in scripts_of(inline)
    ]
    assert len(hashes) == len(SCRIPTS) + 1
    assert all(f"'sha256-{each}'" in policy for each in hashes)
    assert "unsafe" not in policy
    assert "connect-src" not in policy  # default-src 'none' holds


def test_a_backend_comes_before_the_page(inline: str) -> None:
    first, *rest = scripts_of(inline)
    assert "fake_backend.js" in first
    assert [each.splitlines()[1] for each in rest] == [f"// {name}" for name in SCRIPTS]


def test_what_would_end_a_script_does_not() -> None:
    source = 'const end = "</SCRIPT><!-- </script>";'
    page = assemble(title="t", inline=True, scripts=[("a.js", source)])
    assert scripts_of(page)[0].endswith(r'const end = "<\/SCRIPT><\!-- <\/script>";')


def test_data_is_written_so_that_it_comes_back() -> None:
    texts = json.dumps({"text": "</script><!-- é"})
    page = assemble(title="t", inline=True, data={"weights": b"\x00\xff</script>", "run": texts})
    (weights,) = re.findall(r'<script type="application/octet-stream" id="weights">(.*?)<', page)
    (run,) = re.findall(r'<script type="application/json" id="run">(.*?)</script>', page)
    assert from_text(weights) == b"\x00\xff</script>"
    assert json.loads(run) == json.loads(texts)


@pytest.mark.parametrize("size", [0, 1, 4, 1001])
def test_bytes_become_a_text_that_no_element_ends_at(size: int) -> None:
    data = random.Random(size).randbytes(size)
    text = to_text(data)
    assert from_text(text) == data
    assert not set(text) & set("<&")
    assert len(text) <= 1.25 * size + 10


def test_the_title_is_a_text(served: str) -> None:
    assert f"<title>{html.escape('a <run>')}</title>" in served


# ---- words ------------------------------------------------------------------------------------


def test_both_languages_say_the_same_with_the_same_values() -> None:
    english, spanish = (catalogue(each)["words"] for each in LANGUAGES)
    assert english.keys() == spanish.keys()
    places = {key: set(re.findall(r"\{(\w+)\}", text)) for key, text in english.items()}
    assert places == {key: set(re.findall(r"\{(\w+)\}", text)) for key, text in spanish.items()}
    assert [key for key, text in english.items() if not text or not spanish[key]] == []


def test_every_word_that_the_page_asks_for_is_there() -> None:
    known = set(catalogue("en")["words"])
    sources = "".join(page_files().values())
    asked = set(re.findall(r'\bsay\("([\w.]+)"', sources))
    asked |= set(re.findall(r'data-(?:say|label)="([\w.]+)"', assemble(title="", inline=False)))
    asked |= set(re.findall(r'FileFault\("([\w.]+)"', sources))
    asked |= set(re.findall(r'"(step\.[a-z_]+)"', sources))
    counted = {each.rpartition(".")[0] for each in known if each.endswith(".one")}
    assert asked - known - counted == set()
    assert len(asked) > 80


def test_the_scale_of_surprisal_is_the_reports() -> None:
    assert f"const LIMITS = {json.dumps(list(LIMITS))};" in page_files()["surprisal.js"]


def test_the_notice_of_a_description_is_known_in_both_languages() -> None:
    english, spanish = (catalogue(each)["words"]["about.memory.notice"] for each in LANGUAGES)
    assert english in inspect.getsource(describe_model)
    assert translations("es")[english] == spanish


def test_bundled_samplers_are_described_in_spanish() -> None:
    declared = catalogue("es")["declared"]
    bundled = [each for each in discover().of_kind("sampler") if each.plugin.bundled]
    spoken = {each.summary for each in bundled}
    spoken |= {option.rules.help for each in bundled for option in options_of(each.cls)}
    assert declared.keys() == spoken
