"""The search of `textgen tune` over quick fakes: what is trained, in what order, what is kept."""

from __future__ import annotations

import errno
import itertools
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import fake_search
import pytest
from optuna.storages.journal import JournalFileBackend

from textgen_core.config.space_reading import read_space
from textgen_core.errors import (
    CorpusError,
    Interrupted,
    RunDirectoryError,
    TextgenError,
    UsageError,
    one_error,
)
from textgen_core.pipeline.search import training_process, winner
from textgen_core.pipeline.search.planning import DEATHS
from textgen_core.pipeline.search.records import RECIPE, Tuning
from textgen_core.pipeline.search.study import Study
from textgen_core.pipeline.search.trainer import ProcessEnded
from textgen_core.pipeline.search.tuning import Asked, open_study, tune
from textgen_core.registry import discover
from textgen_core.runs.directory import RunDirectory

ASKED: dict[str, Any] = {
    "model": "lstm:layers=1..3",
    "settings": ["training.learning_rate=0.001..0.02", "training.epochs=9"],
}


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials that take no time, and no TensorFlow."""
    fake_search.install_fakes(monkeypatch.setitem)
    monkeypatch.setattr(fake_search, "TRIAL_SECONDS", 0)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text file; its trials are fakes."""
    path = tmp_path / "text.txt"
    path.write_text("a b c d e f\n" * 100)
    return path


def begin(text: Path, out: Path | None, **asked: Any) -> Study:
    """Return a study that is begun, and not worked on."""
    given = {"models": ASKED["model"], "settings": ASKED["settings"], "trials": 6, **asked}
    return open_study(Asked(corpus=[str(text)], **given), discover(), out, warn=lambda note: None)


def trials_of(tuning: Tuning) -> list[tuple[Any, ...]]:
    """Return what was trained, in order, with its score."""
    return [
        (each.configuration, each.rung, each.seed, each.score, tuple(each.values.items()))
        for each in tuning.trials
    ]


@pytest.mark.usefixtures("fakes")
def test_a_study_halves_promotes_repeats_over_seeds_and_concludes(
    text: Path, tmp_path: Path
) -> None:
    found = tune(text, **ASKED, trials=9, out=tmp_path / "study")
    assert [each.as_json() for each in found.budgets] == [
        {"epochs": 1},
        {"epochs": 3},
        {"epochs": 9},
    ]
    by_rung = [
        [each for each in found.trials if each.rung == rung and each.configuration != RECIPE]
        for rung in range(3)
    ]
    assert len(by_rung[0]) == 9 and len(by_rung[1]) >= 3
    promoted = {each.configuration for each in by_rung[1]}
    best = sorted(by_rung[0], key=lambda each: each.score or 0)[:3]
    assert {each.configuration for each in best} <= promoted
    verdict = found.verdict
    assert verdict is not None and verdict.recipe is not None and verdict.test == 2.5
    assert list(verdict.winner.scores) == list(verdict.recipe.scores) == [1, 2, 3]
    assert verdict.difference == pytest.approx(verdict.recipe.mean - verdict.winner.mean)
    assert verdict.toml.is_file() and (tmp_path / "study/tune.html").is_file()
    kept = [each.number for each in found.trials if (each.directory / "checkpoints").exists()]
    assert [found.trials[number - 1].directory for number in kept] == [verdict.directory]
    assert verdict.winner.configuration == 0 or not verdict.is_tie


@pytest.mark.usefixtures("fakes")
def test_in_the_end_the_test_text_is_read_once_for_the_winner_and_once_for_the_recipe(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[Path] = []

    def score(study: Study, directory: RunDirectory) -> float:
        assert directory.checkpoints.is_dir()  # nothing that is scored has lost its weights
        scored.append(directory.path)
        return 2.0 + len(scored)

    monkeypatch.setattr(winner, "_score_on_test", score)
    slow = tmp_path / "slow.toml"  # a recipe that is easy to beat
    named = 'tokenizer = "character"\nmodel = "lstm"\n[[samplers]]\nname = "greedy"\n'
    slow.write_text(f"{named}[training]\nlearning_rate = 0.02\n")
    found = tune(text, **ASKED, recipe=str(slow), trials=9, out=tmp_path / "study")
    assert found.verdict is not None and found.verdict.winner.configuration != RECIPE
    recipe = next(each for each in found.trials if each.configuration == RECIPE and each.rung == 2)
    assert scored == [found.verdict.directory, recipe.directory]
    assert (found.verdict.test, found.verdict.recipe_test) == (3.0, 4.0)
    assert not (recipe.directory / "checkpoints").exists()
    assert winner.gone_before_the_end(Study(found.directory)) == []  # nor is it needed again


@pytest.mark.usefixtures("fakes")
def test_a_configuration_is_trained_for_the_same_steps_under_every_seed(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = iter(range(100, 1000))  # how many steps fit into the time, at another moment

    def train_trial(*given: Any, steps: int | None, on_steps: Any, agree: Any) -> Any:
        steps = steps or next(machine)
        on_steps(steps)
        return fake_search.train_trial(*given, steps=steps, on_steps=on_steps, agree=agree)

    fake = SimpleNamespace(train_trial=train_trial)
    monkeypatch.setitem(sys.modules, "textgen_core.pipeline.search.trial", fake)
    found = tune(text, **ASKED, trials=3, out=tmp_path / "study")
    steps: dict[tuple[int, int], list[int | None]] = {}
    for each in found.trials:
        steps.setdefault((each.configuration, each.rung), []).append(each.steps)
    assert max(map(len, steps.values())) == 3
    assert all(len(set(each)) == 1 for each in steps.values())
    assert len({each[0] for each in steps.values()}) == len(steps)


def test_all_trials_of_a_study_count_with_the_product_that_the_first_of_them_timed(
    text: Path, tmp_path: Path
) -> None:
    one = begin(text, tmp_path / "study")
    other = Study(one.directory)  # as another process opens it
    assert one.agree_on_gauge(0.25) == 0.25
    assert other.agree_on_gauge(0.5) == one.agree_on_gauge(0.1) == 0.25


def fail_with_two_layers(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Let trials of two layers fail; error: how."""

    def train_trial(configuration: Any, *given: Any, **named: Any) -> Any:
        if configuration.model.options["layers"] == 2:
            raise error
        return fake_search.train_trial(configuration, *given, **named)

    fake = SimpleNamespace(train_trial=train_trial)
    monkeypatch.setitem(sys.modules, "textgen_core.pipeline.search.trial", fake)


class _Killed(BaseException):
    """What ends a process at once, in place of SIGKILL."""


@pytest.mark.usefixtures("fakes")
def test_ended_in_each_trial_once_it_ends_with_the_same_trials(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {**ASKED, "trials": 3, "seeds": 2}
    whole = tune(text, **asked, out=tmp_path / "whole")
    met: set[str] = set()

    def die_once(configuration: Any, texts: Any, directory: Any, *rest: Any, **given: Any) -> Any:
        result = fake_search.train_trial(configuration, texts, directory, *rest, **given)
        if directory.name not in met:
            met.add(directory.name)
            raise _Killed
        return result

    fake = SimpleNamespace(train_trial=die_once)
    monkeypatch.setitem(sys.modules, "textgen_core.pipeline.search.trial", fake)
    for _ in range(len(whole.trials)):
        with pytest.raises(_Killed):
            tune(text, **asked, out=tmp_path / "study")
    found = tune(out=tmp_path / "study")
    assert trials_of(found) == trials_of(whole)
    assert found.verdict is not None and whole.verdict is not None
    assert found.verdict.winner == whole.verdict.winner


@pytest.mark.usefixtures("fakes")
def test_a_trial_that_ends_its_process_again_and_again_counts_as_failed(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*given: Any, **named: Any) -> Any:
        raise _Killed

    fake = SimpleNamespace(train_trial=die)
    monkeypatch.setitem(sys.modules, "textgen_core.pipeline.search.trial", fake)
    for _ in range(DEATHS):
        with pytest.raises(_Killed):
            tune(text, **ASKED, trials=2, out=tmp_path / "study")
    fake_search.install_fakes(monkeypatch.setitem)
    found = tune(out=tmp_path / "study")
    assert [each.state for each in found.trials].count("failed") == 1
    assert "memory" in found.trials[0].reason and found.verdict is not None


@pytest.mark.usefixtures("fakes")
def test_a_trial_that_raises_is_told_and_the_search_goes_on(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with_two_layers(monkeypatch, ValueError("two are one too many"))
    found = tune(text, **ASKED, trials=6, out=tmp_path / "study")
    failed = [each for each in found.trials if each.state == "failed"]
    assert failed and all(each.values["model.lstm.layers"] == 2 for each in failed)
    assert failed[0].reason == "ValueError: two are one too many"
    assert found.verdict is not None and found.verdict.winner.scores


@pytest.mark.usefixtures("fakes")
def test_a_study_in_which_everything_fails_ends_with_the_reason(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any, **named: Any) -> Any:
        raise TextgenError("There is no memory.")

    fake = SimpleNamespace(train_trial=fail)
    monkeypatch.setitem(sys.modules, "textgen_core.pipeline.search.trial", fake)
    with pytest.raises(TextgenError, match=r"5 failed trials\). The last one failed: There is no"):
        tune(text, **ASKED, trials=20, out=tmp_path / "study")


@pytest.mark.usefixtures("fakes")
def test_the_reason_of_a_trial_that_failed_names_all_its_faults(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with_two_layers(
        monkeypatch, one_error([UsageError("One is wrong."), UsageError("Another is too.")])
    )
    found = tune(text, **ASKED, trials=6, out=tmp_path / "study")
    reasons = {each.reason for each in found.trials if each.state == "failed"}
    assert reasons == {"2 faults: One is wrong. Another is too."}


@pytest.mark.usefixtures("fakes")
def test_a_full_disk_stops_a_study_for_which_no_trial_is_to_blame_and_it_goes_on(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = {**ASKED, "trials": 3, "seeds": 1}
    whole = tune(text, **asked, out=tmp_path / "whole")
    study = begin(text, tmp_path / "study", trials=3, seeds=1)
    append = JournalFileBackend.append_logs
    written = itertools.count()

    def fill(backend: Any, logs: Any) -> None:
        if next(written) == 9:
            with study.journal._path.open("a") as file:
                file.write('{"op_code": 5, "wor')  # as much as fits
            raise OSError(errno.ENOSPC, "No space left on device")
        append(backend, logs)

    monkeypatch.setattr(JournalFileBackend, "append_logs", fill)
    with pytest.raises(RunDirectoryError, match=r"journal.log cannot be written: No space left"):
        tune(out=tmp_path / "study")
    assert not any(each.state == "failed" for each in study.journal.entries())
    study.journal.note_of_study("told", "by a process that had it open")
    assert trials_of(tune(out=tmp_path / "study")) == trials_of(whole)


@pytest.mark.usefixtures("fakes")
def test_what_a_search_leaves_out_is_said_when_it_begins(text: Path, tmp_path: Path) -> None:
    told: list[str] = []
    asked = Asked(corpus=[str(text)], try_kinds=["model"], trials=1)
    noted = attrs.evolve(read_space(discover(), try_kinds=["model"]), notes=("x is left out.",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textgen_core.pipeline.search.tuning.read_space", lambda *_, **__: noted)
        open_study(asked, discover(), tmp_path / "study", told.append)
        assert told == ["x is left out."]
        open_study(asked, discover(), tmp_path / "study", told.append)
    assert len(told) == 1  # not when it goes on


def test_the_texts_of_a_trial_are_found_though_another_machine_trained_it(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_out = tmp_path / "held out.txt"
    held_out.write_text("g h i j\n" * 50)
    settings = [*ASKED["settings"], f"corpus.validation={held_out}", f"corpus.test={held_out}"]
    study = begin(text, tmp_path / "study", settings=settings)
    opened: dict[str, Any] = {}
    monkeypatch.setattr("textgen_core.pipeline.api.open_run", lambda path, **told: opened | told)
    found = winner.open_trial(study, RunDirectory(tmp_path / "trial"))
    assert found == {"corpus": (str(text),), "validation": str(held_out), "test": str(held_out)}


@pytest.mark.usefixtures("fakes")
def test_studies_that_begin_in_the_same_second_have_folders_of_their_own(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("textgen_core.pipeline.search.tuning.timestamp", lambda: "now")
    found = [begin(text, None, trials=trials).directory.name for trials in (3, 4)]
    assert found == ["tune-now", "tune-now-2"]


@pytest.mark.usefixtures("fakes")
def test_a_study_whose_text_has_changed_trains_nothing_more(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [{"path": "book.txt", "sha256": "1"}]
    read = SimpleNamespace(files=files)
    monkeypatch.setattr("textgen_core.pipeline.search.searching.read_texts", lambda *_: read)
    study = begin(text, tmp_path / "study", trials=1, seeds=1)
    study.agree_on_texts([("book.txt", "1")])
    files[0] = {"path": "book.txt", "sha256": "2"}
    with pytest.raises(CorpusError, match=r"not those that its trials were trained on: book\.txt"):
        tune(out=tmp_path / "study")
    assert not study.journal.entries()
    files[0] = {"path": "moved/book.txt", "sha256": "1"}
    assert tune(out=tmp_path / "study").verdict is not None


@pytest.mark.usefixtures("fakes")
def test_a_study_that_was_there_before_stays_where_its_text_is_away(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(text, tmp_path / "study")
    (tmp_path / "study/journal.log").unlink()

    def fail(*_: Any) -> Any:
        raise CorpusError("There is no file text.txt.")

    monkeypatch.setattr("textgen_core.pipeline.search.searching.read_texts", fail)
    with pytest.raises(CorpusError, match="There is no file"):
        tune(out=tmp_path / "study")
    assert (tmp_path / "study/study.toml").is_file()
    with pytest.raises(CorpusError, match="There is no file"):
        tune(text, **ASKED, trials=1, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.usefixtures("fakes")
def test_a_run_that_is_scored_at_the_end_is_trained_again_if_somebody_removed_it(
    text: Path, tmp_path: Path
) -> None:
    asked = {**ASKED, "trials": 3, "seeds": 1}
    whole = tune(text, **asked, out=tmp_path / "whole")

    def remove_first(study: Study) -> None:
        raise Interrupted("before the end")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textgen_core.pipeline.search.searching.conclude", remove_first)
        with pytest.raises(Interrupted):
            tune(text, **asked, out=tmp_path / "study")
    shutil.rmtree(tmp_path / "study/trials")

    def die(trainer: Any, entry: Any) -> Any:
        raise ProcessEnded("was ended by SIGKILL")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake_search.TrainerHere, "train", die)
        with pytest.raises(TextgenError, match=r"SIGKILL(.|\n)*textgen tune --out"):
            tune(out=tmp_path / "study")
    found = tune(out=tmp_path / "study")
    assert found.verdict is not None and whole.verdict is not None
    assert found.verdict.winner == whole.verdict.winner
    assert (found.verdict.directory / "checkpoints").is_dir()
    assert trials_of(found) == trials_of(whole)


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize(
    ("minutes", "given"),
    [
        (1 / 60, {}),
        (9.0, {"minutes": 5.0}),
        (9.0, {"settings": ["training.minutes=5", "training.learning_rate=0.001..0.02"]}),
    ],
)
def test_a_time_that_two_trainings_do_not_fit_into_is_refused(
    text: Path, tmp_path: Path, minutes: float, given: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="has no time for two trainings of"):
        tune(text, for_minutes=minutes, **given, out=tmp_path / "study")


@pytest.mark.usefixtures("fakes")
def test_interrupted_it_says_how_to_go_on_and_nothing_counts_against_the_trial(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*given: Any, **named: Any) -> Any:
        raise KeyboardInterrupt

    fake = SimpleNamespace(train_trial=interrupt)
    monkeypatch.setitem(sys.modules, "textgen_core.pipeline.search.trial", fake)
    study = tmp_path / "study"
    for _ in range(DEATHS + 1):
        with pytest.raises(Interrupted, match=f"textgen tune --out {study}"):
            tune(text, **ASKED, trials=2, out=study)
    fake_search.install_fakes(monkeypatch.setitem)
    assert all(each.state == "finished" for each in tune(out=study).trials)


@pytest.mark.usefixtures("fakes")
def test_every_configuration_of_a_finite_space_is_tried_once(text: Path, tmp_path: Path) -> None:
    space = {"model": "lstm:layers=1..2,units=8,16", "settings": ["training.epochs=9"]}
    found = tune(text, **space, trials=30, out=tmp_path / "study")
    first = [each for each in found.trials if each.rung == 0 and each.configuration != RECIPE]
    assert len(first) == len({tuple(each.values.items()) for each in first}) == 4


@pytest.mark.usefixtures("fakes")
def test_another_request_in_the_same_place_is_refused_with_what_differs(
    text: Path, tmp_path: Path
) -> None:
    begin(text, tmp_path / "study")
    begin(text, tmp_path / "study")
    with pytest.raises(UsageError, match="trials: 7, there 6"):
        begin(text, tmp_path / "study", trials=7)
    with pytest.raises(UsageError, match=r"learning_rate: 0.002..0.02, there 0.001..0.02"):
        begin(text, tmp_path / "study", settings=["training.learning_rate=0.002..0.02"])
    other = "training.batch_size=4"
    with pytest.raises(UsageError, match=r"batch_size: 4, there as the recipe has it\."):
        begin(text, tmp_path / "study", settings=[*ASKED["settings"], other])
    with pytest.raises(UsageError, match=r"layers: as the recipe has it, there 1\.\.3\."):
        begin(text, tmp_path / "study", models="lstm:layers=1")
    with pytest.raises(UsageError, match="seed: 0, there "):
        begin(text, tmp_path / "study", seed=0)
    with pytest.raises(UsageError, match="--minutes is 5, and a full training of this study has 9"):
        begin(text, tmp_path / "study", minutes=5)


@pytest.mark.usefixtures("fakes")
def test_the_time_is_shared_by_search_and_end_and_counts_on_when_the_study_goes_on(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(Study, "seconds", property(lambda study: now[0]))

    def take_time(configuration: Any, texts: Any, directory: Any, *rest: Any, **given: Any) -> Any:
        now[0] += 60 * configuration.training.minutes + 20
        directory.path.mkdir()
        directory.configuration.touch()
        directory.checkpoints.mkdir()
        rate = configuration.training.learning_rate
        return fake_search.FakeResult(score=2 + abs(rate - 0.005), steps=1)

    fake = SimpleNamespace(train_trial=take_time)
    monkeypatch.setitem(sys.modules, "textgen_core.pipeline.search.trial", fake)
    monkeypatch.setattr(training_process, "time", SimpleNamespace(monotonic=lambda: now[0]))
    rates = ["training.learning_rate=0.001..0.02"]
    monkeypatch.setattr("textgen_core.pipeline.search.winner.write_toml", lambda *_: None)
    monkeypatch.setattr("textgen_core.pipeline.search.winner.read_toml", lambda *_: {})
    found = tune(text, settings=rates, for_minutes=60, out=tmp_path / "study")
    assert found.verdict is not None and len(found.verdict.winner.scores) == 3
    assert 54 * 60 < now[0] <= 61 * 60
    assert [each.minutes for each in found.budgets] == [1, 3]  # 20 seconds would say too little
    by_rung = [sum(each.rung == rung for each in found.trials) for rung in range(2)]
    assert by_rung[0] > 8 and by_rung[1] >= 9


@pytest.mark.usefixtures("fakes")
def test_a_line_that_was_half_written_is_dropped(text: Path, tmp_path: Path) -> None:
    begin(text, tmp_path / "study", trials=1, seeds=1)
    journal = tmp_path / "study/journal.log"
    with journal.open("a") as file:
        file.write('{"op_code": 5, "wor')
    tune(out=tmp_path / "study")
    assert all(json.loads(each) for each in journal.read_text().splitlines())


def test_killed_again_and_again_while_two_share_it_a_study_ends_with_the_same_trials(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    for each in (whole, shared):
        begin(text, each, settings=["training.learning_rate=0.001..0.02", "training.epochs=4"])
    fake_search.install_fakes(monkeypatch.setitem)
    tune(out=whole)
    for number in range(4):
        process = start(shared)
        wait_for_trials(shared, 2 * (number + 1), process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    both = [start(shared), start(shared)]
    assert [each.wait(60) for each in both] == [0, 0]
    entries = Study(shared).journal.entries()
    assert all(each.state == "finished" for each in entries)
    trained = [(each.configuration, each.rung, each.seed) for each in entries]
    assert len(set(trained)) == len(trained)
    assert len({each.process for each in entries[-6:]}) == 2
    assert {each.configuration for each in entries} == {
        each.configuration for each in Study(whole).journal.entries()
    }


def start(study: Path) -> subprocess.Popen[bytes]:
    """Start a process that works on a study of fakes."""
    program = [sys.executable, fake_search.__file__, str(study)]
    return subprocess.Popen(program, stderr=subprocess.DEVNULL)


def wait_for_trials(study: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until so many trials have begun."""
    journal = study / "journal.log"
    while journal.read_text().count('"op_code":4') < count and process.poll() is None:
        pass
