import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from textgen_core.corpus import storage
from textgen_core.corpus.storage import Column

NUMBERS = st.integers(-(2**63), 2**63 - 1)


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Let columns of more than forty bytes lie on the disk, and be written by threes."""
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(storage, "COLUMN_IN_MEMORY", 40)
    monkeypatch.setattr(storage, "TOGETHER", 3)
    monkeypatch.setattr(storage, "BLOCK", 16)
    return tmp_path / "cache"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(NUMBERS, st.tuples(st.integers(0, 30))), max_size=60))
def test_a_column_holds_what_a_list_would(steps):
    column, expected = Column(), []
    for step in steps:
        if isinstance(step, tuple):  # everything from a place on is forgotten
            column.cut(min(step[0], len(expected)))
            del expected[step[0] :]
        else:
            column.append(step)
            expected.append(step)
        if expected:  # what was read before must not be read again after a cut
            assert column[-1] == expected[-1]
    assert list(column) == expected
    assert len(column) == len(expected)
    assert [column[place] for place in range(len(column))] == expected
    middle = len(expected) // 2
    assert list(column.part(1, middle)) == expected[1:middle]
    assert list(column.part(middle, len(expected))) == expected[middle:]


def test_a_long_column_lies_on_the_disk_without_a_name(small):
    column = Column(range(100))
    assert sum(column) == 4950
    assert list(small.iterdir()) == []


def test_a_place_behind_the_end_is_none():
    with pytest.raises(IndexError):
        Column([1, 2])[2]
