from __future__ import annotations

import json

from typer.testing import CliRunner

from textgen_core.cli import app
from textgen_core.runs.directory import RunDirectory


def test_the_command_writes_the_page_again_with_excerpts_or_without(run: RunDirectory):
    result = CliRunner().invoke(app, ["report", str(run.path)])
    assert result.stdout.strip() == str(run.report)
    assert "Quoth the samovar." in run.report.read_text(encoding="utf-8")
    result = CliRunner().invoke(app, ["report", str(run.path), "--no-excerpts", "--json"])
    assert json.loads(result.stdout) == {"report": str(run.report)}
    assert "Quoth the samovar." not in run.report.read_text(encoding="utf-8")
