"""What authors rely on changes on purpose only, and a name that goes says so for a version."""

from __future__ import annotations

import warnings
from importlib.metadata import version
from pathlib import Path

import pytest
from public_surface import surface_lines

import textgen_core
from textgen_core import deprecation
from textgen_core.deprecation import DEPRECATED, Deprecation

RECORD = Path(__file__).parent / "public_surface.txt"
GOING = Deprecation(
    place="textgen_core.components:Sampler", instead="textgen_core.Sampler", since="0.2"
)


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


# ---- names that go ------------------------------------------------------------------------------


@pytest.fixture
def going(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deprecation, "DEPRECATED", {"OldSampler": GOING})


@pytest.mark.usefixtures("going")
def test_a_deprecated_name_works_and_warns_at_the_line_that_uses_it() -> None:
    with pytest.warns(DeprecationWarning) as caught:
        assert textgen_core.OldSampler is textgen_core.Sampler
    (told,) = caught
    assert str(told.message) == (
        "textgen_core.OldSampler goes in textgen 0.3: use textgen_core.Sampler."
    )
    assert told.filename == __file__


@pytest.mark.usefixtures("going")
def test_a_deprecated_name_is_no_part_of_the_surface() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "OldSampler" not in dir(textgen_core)
        with pytest.raises(AttributeError, match="no attribute 'Older'"):
            _ = textgen_core.Older


def test_no_deprecation_outlives_its_minor_version() -> None:
    current = tuple(int(each) for each in version("textgen-core").split(".")[:2])
    for name, found in DEPRECATED.items():
        assert current < tuple(int(each) for each in found.gone_in.split(".")), name
        assert name not in textgen_core.__all__
