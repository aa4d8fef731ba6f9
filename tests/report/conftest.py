from __future__ import annotations

from pathlib import Path

import pytest
from report.fabricated_run import fabricate_run

from textgen_core.runs.directory import RunDirectory


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return fabricate_run(tmp_path)
