"""What the tests of packages share: the core's wheel, which is built once for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from installation import build

ROOT = Path(__file__).parent.parent.parent

# The frozen plugins have a configuration of their own, and a test that uses it.
collect_ignore = ["older_plugins"]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of the core and the bundled plugins."""
    return build(ROOT, tmp_path_factory.mktemp("core"))
