"""What authors rely on changes on purpose only."""

from __future__ import annotations

from pathlib import Path

import pytest
from public_surface import surface_lines

import textgen_core

RECORD = Path(__file__).parent / "public_surface.txt"


def test_the_public_surface_is_as_it_was_recorded() -> None:
    recorded = RECORD.read_text(encoding="utf-8").splitlines()
    now = list(surface_lines())
    gone = [each for each in recorded if each not in now]
    new = [each for each in now if each not in recorded]
    assert (gone, new) == ([], []), "meant? see tests/public_surface.py"


@pytest.mark.parametrize(
    "hook",
    [f"textgen_{kind}s" for kind in ("tokenizer", "model", "sampler", "metric", "tracker")],
)
def test_a_hook_is_never_lost(hook: str) -> None:
    assert any(each.startswith(f"hook {hook}(") for each in surface_lines())


def test_a_changed_argument_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(self, kind):  # type: ignore[no-untyped-def]
        pass

    monkeypatch.setattr(textgen_core.Sampler, "transform", find)
    assert "Sampler.transform(self, logits, history)" not in set(surface_lines())
