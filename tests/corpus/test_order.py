"""Inside the corpus each part imports only those before it."""

from __future__ import annotations

from pathlib import Path

import pytest
from architecture import imports, parse

import textgen_core.corpus

FOLDER = Path(textgen_core.corpus.__file__).parent
ORDER = ("text", "storage", "documents", "reading", "cleaning", "analysis", "split", "overlap")
MODULES = [path for path in FOLDER.rglob("*.py") if path != FOLDER / "__init__.py"]


def part_of(path: Path) -> str:
    return path.relative_to(FOLDER).with_suffix("").parts[0]


def parts_imported(path: Path) -> set[str]:
    inside = f"{textgen_core.corpus.__name__}."
    modules = [each.module for each in imports(parse(path)) if each.module.startswith(inside)]
    return {module.removeprefix(inside).partition(".")[0] for module in modules}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_part_imports_no_part_after_it(path: Path) -> None:
    own = ORDER.index(part_of(path))
    assert all(ORDER.index(each) <= own for each in parts_imported(path))


def test_the_order_names_every_part_and_imports_are_seen() -> None:
    assert {part_of(path) for path in MODULES} == set(ORDER)
    assert parts_imported(FOLDER / "overlap.py") == {"text", "documents", "analysis"}
