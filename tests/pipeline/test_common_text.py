"""Which text runs are compared on: one that none was trained on, and that all read alike."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest

from textgen_core.config.resolve import configure
from textgen_core.config.settings import CorpusSettings
from textgen_core.corpus import Splits
from textgen_core.corpus.documents import store_documents
from textgen_core.errors import CorpusError
from textgen_core.pipeline.common_text import (
    Trained,
    find_common_text,
    read_common_text,
    with_ancestors,
)
from textgen_core.registry import discover
from textgen_core.runs import RunDirectory


def prose(seed: int, words: int = 3000) -> str:
    """Return words in an order of their own, so that no two texts share a long stretch."""
    generator = random.Random(seed)
    known = ["".join(generator.choices("abcdefgh", k=6)) for _ in range(500)]
    return " ".join(generator.choices(known, k=words))


BOOK, OTHER = prose(1), prose(2)
A_CONFIGURATION = configure({}, discover(), recipe="first")


def run(
    folder: Path,
    name: str,
    parts: Sequence[str] | None,
    *,
    hashes: Sequence[str] = ("1",),
    ancestors: Sequence[Any] = (),
    **corpus: Any,
) -> Trained:
    """Return a run with texts to train on, to validate on and to test on; None: not at hand."""
    path = folder / name
    path.mkdir(exist_ok=True)
    files = [{"path": f"{each}.txt", "bytes": 1, "sha256": each} for each in hashes]
    (path / "manifest.json").write_text(json.dumps({"corpus": files, "ancestors": ancestors}))
    settings = attrs.evolve(A_CONFIGURATION.corpus, files=("book.txt",), **corpus)
    trained = Trained(
        name=name,
        directory=RunDirectory(path),
        configuration=attrs.evolve(A_CONFIGURATION, corpus=settings),
    )
    if parts is not None:
        documents = [store_documents([each] if each else []) for each in parts]
        train, validation, test = documents
        trained.splits = Splits(train=train, validation=validation, test=test)  # type: ignore[misc]
    return trained


def cut(text: str, *shares: float) -> list[str]:
    first, second = (int(len(text) * share) for share in shares)
    return [text[:first], text[first:second], text[second:]]


def test_runs_of_one_corpus_are_compared_on_the_test_text_that_they_share(tmp_path: Path) -> None:
    parts = cut(BOOK, 0.8, 0.9)
    found = find_common_text([run(tmp_path, "a", parts), run(tmp_path, "b", parts)])
    assert (found.documents, found.split) == ([parts[2]], "test")


def test_test_text_of_one_that_is_training_text_of_the_other_is_not_taken(tmp_path: Path) -> None:
    eighty, ninety = cut(BOOK, 0.8, 0.9), cut(BOOK, 0.9, 0.95)
    wide = run(tmp_path, "wide", ninety, split=(90.0, 5.0, 5.0))
    found = find_common_text([run(tmp_path, "a", eighty), wide])
    assert found.documents == [eighty[2]]  # the last tenth, of which none is in the first nine
    all_of_it = run(tmp_path, "all", [BOOK, OTHER[:9000], ""], split=(100.0, 0.0, 0.0))
    found = find_common_text([run(tmp_path, "a", eighty), all_of_it])
    assert (found.documents, found.split) == ([OTHER[:9000]], "validation")
    assert "chose its best checkpoint" in found.notes[0]


def test_where_every_held_out_text_was_trained_on_by_somebody_it_is_refused(tmp_path: Path) -> None:
    first, second = [BOOK, "", OTHER], [OTHER, "", BOOK]
    runs = [run(tmp_path, "a", first), run(tmp_path, "b", second, hashes=["2"])]
    with pytest.raises(CorpusError, match="b was trained on 100% of what a holds out") as error:
        find_common_text(runs)
    assert "--text FILE" in error.value.advice


def test_it_is_said_which_runs_learned_from_another_corpus_than_the_text_is_of(
    tmp_path: Path,
) -> None:
    other = run(tmp_path, "b", [OTHER, "", ""], hashes=["2"])
    found = find_common_text([run(tmp_path, "a", cut(BOOK, 0.8, 0.9)), other])
    assert (found.name, len(found.notes)) == ("the test text of a", 1)
    assert "corpus of a, and harder for b, which learned from another one" in found.notes[0]


def test_a_run_whose_text_is_gone_is_trusted_if_another_was_made_from_the_same(
    tmp_path: Path,
) -> None:
    parts = cut(BOOK, 0.8, 0.9)
    here, gone = run(tmp_path, "here", parts), run(tmp_path, "gone", None)
    assert find_common_text([gone, here]).documents == [parts[2]]
    elsewhere = run(tmp_path, "elsewhere", None, hashes=["2"])
    with pytest.raises(CorpusError, match="What elsewhere was trained on is not known"):
        find_common_text([here, elsewhere])


def test_runs_that_clean_a_text_differently_have_none_in_common(tmp_path: Path) -> None:
    parts = cut(BOOK, 0.8, 0.9)
    lower = run(tmp_path, "lower", parts, letter_case="lower")
    with pytest.raises(CorpusError, match=r"read a text differently \(corpus.letter_case\)"):
        find_common_text([run(tmp_path, "a", parts), lower])


def test_a_text_of_ones_own_is_taken_if_no_run_knows_it(tmp_path: Path) -> None:
    file = tmp_path / "new.txt"
    file.write_text(OTHER)
    parts = cut(BOOK, 0.8, 0.9)
    runs = [run(tmp_path, "a", parts), run(tmp_path, "b", None, hashes=["2"])]
    found = read_common_text(file, runs)
    assert (found.documents, found.name, found.split) == ([OTHER], "new.txt", "")
    assert "Whether b was trained on it is not known" in found.notes[-1]


def test_a_text_of_ones_own_that_a_run_was_trained_on_is_refused(tmp_path: Path) -> None:
    parts = cut(BOOK, 0.8, 0.9)
    file = tmp_path / "known.txt"
    file.write_text(OTHER[:10_000] + parts[0][:1500])  # a part of it suffices to flatter one
    runs = [run(tmp_path, "a", parts), run(tmp_path, "b", [OTHER[10_000:], "", ""], hashes=["2"])]
    with pytest.raises(
        CorpusError, match=r"is not held out: 1\d% of it stands in the training text"
    ):
        read_common_text(file, runs)


def test_runs_of_one_name_in_two_folders_are_both_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "known.txt"
    file.write_text(BOOK[:10_000])
    folders = [tmp_path / each for each in "ab"]
    for each in folders:
        each.mkdir()
    knows = run(folders[0], "x", [BOOK, "", ""])
    other = run(folders[1], "x", [OTHER, "", ""], hashes=["2"])
    with pytest.raises(CorpusError, match="is not held out: 100% of it stands"):
        read_common_text(file, [knows, other])


def test_a_file_of_a_corpus_is_known_by_its_hash_though_nothing_is_at_hand(tmp_path: Path) -> None:
    import hashlib

    file = tmp_path / "book.txt"
    file.write_text(BOOK)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    runs = [run(tmp_path, "a", None, hashes=["9", digest]), run(tmp_path, "b", None)]
    with pytest.raises(CorpusError, match="it is in the corpus of a"):
        read_common_text(file, runs)


def test_a_text_that_all_read_alike_may_be_cleaned_by_different_settings(tmp_path: Path) -> None:
    parts = cut(BOOK, 0.8, 0.9)
    runs = [
        run(tmp_path, "a", parts),
        run(tmp_path, "b", parts, hashes=["2"], letter_case="lower"),
    ]
    low, high = tmp_path / "low.txt", tmp_path / "high.txt"
    low.write_text(OTHER)
    high.write_text(OTHER.title())
    assert read_common_text(low, runs).documents == [OTHER]
    with pytest.raises(CorpusError, match=r"differently \(corpus.letter_case\)"):
        read_common_text(high, runs)


def test_what_a_run_began_with_it_knows_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    parts = cut(BOOK, 0.8, 0.9)
    old = run(tmp_path / "runs", "old", [parts[1] + parts[2], "", ""], hashes=["2"])
    (old.directory.path / "run.toml").write_text('recipe = "first"\n')
    new = run(tmp_path, "new", parts, ancestors=[{"run": "old"}])
    runs = with_ancestors([new, run(tmp_path, "other", parts)])
    assert [each.name for each in runs] == ["new", "other", "old, which new began with,"]
    runs[2].splits = old.splits  # type: ignore[misc]
    with pytest.raises(CorpusError, match="old, which new began with, was trained on 100%"):
        find_common_text(runs)
    (old.directory.path / "run.toml").unlink()
    with pytest.raises(CorpusError, match="What old, which new began with, was trained on is not"):
        find_common_text(with_ancestors([new, run(tmp_path, "other", parts)]))


def test_all_settings_of_the_corpus_but_paths_and_shares_tell_how_it_is_read(
    tmp_path: Path,
) -> None:
    names = {each.name for each in attrs.fields(CorpusSettings)}
    left_out = names - set(run(tmp_path, "a", None).reading)
    assert left_out == {
        *("files", "validation", "test"),
        *("encoding", "language", "split", "split_by"),
    }
