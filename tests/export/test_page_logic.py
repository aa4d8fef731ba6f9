"""What the page computes without a browser, run under node where it is there."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from textgen_core.export.page import page_files
from textgen_core.registry.specs import parse_spec

HERE = Path(__file__).parent
NODE = shutil.which("node")

pytestmark = pytest.mark.skipif(NODE is None, reason="the page's scripts are run by node")


def run_node(*arguments: str, text: str = "") -> str:
    return subprocess.run(
        [str(NODE), *arguments], input=text, capture_output=True, text=True, check=True
    ).stdout


def test_trees_undo_specs_and_files_behave() -> None:
    done = subprocess.run(
        [str(NODE), "--test", str(HERE / "logic.test.js")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_textgen_reads_the_specs_that_the_page_writes() -> None:
    texts = ["plain", "a,b", "a,k=2", "two words", " edge ", "none"]
    sampler = {
        "name": "s",
        "options": [
            {"name": "words", "type": "str", "default": "x"},
            {"name": "k", "type": "int", "default": 1},
        ],
    }
    source = page_files()["specs.js"] + (
        f"console.log(JSON.stringify({json.dumps(texts)}.map((words) => "
        f"textgenPage.specs.formatSpec({json.dumps(sampler)}, {{ words, k: 5 }}))))"
    )
    for text, spec in zip(texts, json.loads(run_node("-", text=source)), strict=True):
        read = parse_spec(spec)
        written = str(read.options["words"])
        assert written.removeprefix("'").removesuffix("'") == text
        assert str(read.options["k"]) == "5"
