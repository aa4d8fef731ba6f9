"""Samplers tuned on a run: the passages, the search with a run that stands for any, the result."""

from __future__ import annotations

import itertools
import json
import tomllib
from pathlib import Path
from types import SimpleNamespace

import attrs
import pytest

from textgen_core.config.chains import choose_samplers
from textgen_core.config.resolve import configure
from textgen_core.errors import ComponentError, CorpusError, PluginFailure, UsageError
from textgen_core.evaluation.resemblance import FIGURES, SIDES, Resemblance
from textgen_core.pipeline.search import sampler_search
from textgen_core.pipeline.search.passages import PAGE, PAGES, cut_passages
from textgen_core.pipeline.search.sampler_records import OWN, TUNED, CheckedChain, labels_of
from textgen_core.pipeline.search.sampler_search import SamplerSearch
from textgen_core.pipeline.search.samplers import read_chain_space
from textgen_core.registry import discover
from textgen_core.training.callbacks import Callback

WORDS = [f"word{number:05d}" for number in range(12_000)]


def all_of(passages):
    """Return the passages of both halves, as they stand in the text."""
    found = [
        each for half in (passages.tuning, passages.checking) for page in half for each in page
    ]
    return sorted(found, key=lambda each: each.real)


def test_passages_of_a_long_text_are_disjoint_pieces_that_begin_with_a_word() -> None:
    text = " ".join(WORDS)
    found = all_of(cut_passages([text]))
    assert len(found) > 2 * PAGE * PAGES
    places = sorted((text.index(each.prompts[0] + each.real), each) for each in found)
    for (place, one), (following, _) in itertools.pairwise(places):
        assert one.prompts[0].startswith("word")
        assert len(one.prompts[0]) + len(one.real) <= 480
        assert following >= place + len(one.prompts[0]) + len(one.real)


def test_neighbours_are_in_different_halves_and_a_page_is_from_all_over() -> None:
    passages = cut_passages([" ".join(WORDS)])
    tuned, checked = (
        [each.real for page in half for each in page]
        for half in (passages.tuning, passages.checking)
    )
    assert not set(tuned) & set(checked)
    halves = [each in set(tuned) for each in sorted([*tuned, *checked])]
    assert halves == [place % 2 == 0 for place in range(len(halves))]
    page = sorted(each.real for each in passages.tuning[0])
    spread = [sorted(tuned).index(each) for each in page]
    assert min(itertools.starmap(lambda one, two: two - one, itertools.pairwise(spread))) > 1


def test_short_documents_are_passages_of_several_that_begin_from_nothing() -> None:
    documents = [f"{WORDS[at]} {WORDS[at + 1]}" for at in range(1000)]
    (first, *_) = all_of(cut_passages(documents))
    assert set(first.prompts) == {""}
    assert len(first.prompts) == first.real.count("\n") + 1 > 1
    assert first.join(["one", "two", *documents[: len(first.prompts) - 2]]).startswith("one\ntwo\n")


@pytest.mark.parametrize("documents", [[], ["A few words."], ["short"] * 20])
def test_too_little_text_is_refused_with_how_much_is_needed(documents: list[str]) -> None:
    with pytest.raises(CorpusError, match="too short") as error:
        cut_passages(documents)
    assert "Allowed: 3,360 characters or more." in str(error.value)
    cut_passages([" ".join(WORDS)[:3_400]])


@attrs.define
class FakeTask:
    """Stands for a run and its text: the nearest temperature is `best`, whatever the prompts.

    written: labels, the pages' half and the seed of each time that something was written.
    """

    best: float = 0.87
    own: tuple = attrs.field(factory=lambda: choose_samplers("nucleus:0.9"))
    fails: object = None
    square: object = None
    takes: float = 0.0  # seconds, by its own clock
    now: float = 0.0
    stops_at: int = 10_000
    written: list = attrs.field(factory=list)
    name = "the validation text"
    notes = ()
    passages = cut_passages([" ".join(WORDS)])
    checking = SimpleNamespace(figures=dict.fromkeys(FIGURES, 0.5))
    tuning = SimpleNamespace(compare=lambda _: resemblance(0.01))

    @property
    def run(self):
        return SimpleNamespace(directory=Path("runs/a run"), samplers=lambda: self.own)

    def write(self, samplers, pages, seed):
        if len(self.written) == self.stops_at:
            self.stops_at = 10_000
            raise KeyboardInterrupt
        self.now += self.takes
        half = "checking" if pages[0] in self.passages.checking else "tuning"
        self.written.append((labels_of(samplers), half, seed))
        options = {key: value for each in samplers for key, value in each.options.items()}
        if self.fails and self.fails(options):
            raise PluginFailure("It left no token.")
        square = self.square(options) if self.square else (options.get("t", 0.2) - self.best) ** 2
        return SimpleNamespace(
            resemblance=resemblance(square + 1e-4 * seed),
            texts=tuple(f"text {place}" for place in range(len(pages) * PAGE)),
            seconds_per_page=self.takes / len(pages),
        )


def resemblance(square: float) -> Resemblance:
    return Resemblance(
        square=square, sides=dict.fromkeys(SIDES, 0.0), figures=dict.fromkeys(FIGURES, 0.5)
    )


class Told(Callback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def on_message(self, lines) -> None:
        self.lines += lines

    def on_warning(self, text) -> None:
        self.warnings.append(text)


def search(task, *samplers: str, trials=24, seconds=None, seed: int = 1, callback=None):
    """Search for a chain, and return what came of it."""
    pytest.importorskip("optuna")
    given = list(samplers) or ["temperature:t=0.5..1.3"]
    return SamplerSearch(
        task=task,
        space=read_chain_space(discover(), given),
        seconds=seconds,
        most=trials,
        seeds=3,
        seed=seed,
        callback=callback or Callback(),
    ).carry_out()


@pytest.fixture(scope="module")
def found():
    """Return a task and what came of a search on it."""
    task = FakeTask()
    return task, search(task)


def test_the_nearest_temperature_is_found_and_checked_on_other_text_with_other_seeds(found) -> None:
    task, tuning = found
    (chosen,) = tuning.samplers
    assert chosen.options["t"] == pytest.approx(task.best, abs=0.03)
    assert {half for _, half, seed in task.written if seed == 1} == {"tuning"}
    assert {seed for _, half, seed in task.written if half == "checking"} == {3, 4, 5}
    assert [each.name for each in tuning.checked[:2]] == [TUNED, OWN]
    assert tuning.checked[0].distance < tuning.checked[1].distance
    assert not tuning.is_tie
    assert "is nearer to real text than the run's own" in tuning.sentences[0]


def test_the_same_seed_tries_the_same_chains_and_another_one_finds_nearly_the_same(found) -> None:
    _, one = found
    again, other = search(FakeTask(), trials=12), search(FakeTask(), seed=2)
    assert [each.values for each in one.trials[:12]] == [each.values for each in again.trials]
    assert [each.values for each in one.trials] != [each.values for each in other.trials]
    assert other.samplers[0].options["t"] == pytest.approx(one.samplers[0].options["t"], abs=0.05)


def test_every_chain_of_a_list_is_tried_once_and_the_search_ends() -> None:
    tuning = search(FakeTask(), "temperature:t=0.7,0.9,1.1", "top-k:k=5,10", trials=100)
    assert len(tuning.trials) == 6
    assert len({repr(each.values) for each in tuning.trials}) == 6


@pytest.mark.parametrize(("seconds", "tried"), [(40.0, 23), (1.0, 8)])
def test_a_search_of_some_seconds_leaves_time_to_check_and_tries_a_few_at_least(
    seconds: float, tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = FakeTask(takes=1.0)
    monkeypatch.setattr(sampler_search, "time", SimpleNamespace(monotonic=lambda: task.now))
    tuning = search(task, trials=None, seconds=seconds)
    assert len(tuning.trials) == tried
    assert tuning.seconds == task.now
    assert task.now <= max(seconds, 25.0)


def test_the_runs_own_samplers_win_where_nothing_is_nearer() -> None:
    own = choose_samplers("temperature:0.87")
    tuning = search(FakeTask(own=own), "temperature:t=1.1..1.3", trials=8)
    assert tuning.samplers == own
    assert tuning.sentences == [
        "Nothing that was tried is nearer to real text than temperature:t=0.87."
    ]
    assert tuning.is_tie


def chain(name: str, *distances: float) -> CheckedChain:
    """Return a chain that is this far from real text under the seeds from 1."""
    by_seed = {seed: resemblance(each**2) for seed, each in enumerate(distances, start=1)}
    samplers = choose_samplers("greedy" if len(distances) == 1 else "temperature:0.9")
    return CheckedChain(name=name, samplers=samplers, by_seed=by_seed, texts=())


def test_what_draws_no_numbers_is_held_against_every_seed_and_one_seed_alone_is_a_tie(found):
    _, tuning = found
    against = attrs.evolve(tuning, checked=(chain(TUNED, 1.0, 1.2, 1.1), chain(OWN, 3.0)))
    mean, deviation = against.difference
    assert (mean, deviation) == (pytest.approx(1.9), pytest.approx(0.1))
    assert not against.is_tie
    assert "a difference of 1.90 ± 0.10 over 3 seeds." in against.sentences[1]
    one = attrs.evolve(tuning, checked=(chain(TUNED, 1.0), chain(OWN, 3.0)))
    one = attrs.evolve(one, checked=(one.checked[0], attrs.evolve(one.checked[1], samplers=())))
    assert one.difference == (2.0, None)
    assert one.is_tie
    assert one.sentences[1].endswith("a difference of 2.00 with 1 seed, a tie.")


def test_a_value_at_an_end_of_its_range_is_pointed_out_unless_none_is_allowed_beyond() -> None:
    (note,) = search(FakeTask(best=2.0), "temperature:t=0.5..1.3", trials=15).notes
    assert note.startswith("sampler.temperature.t is 1.2")
    assert note.endswith("at an end of 0.5..1.3: a wider range may have more.")
    task = FakeTask()
    task.square = lambda options: (1 - options.get("p", 0.0)) ** 2
    tuning = search(task, "nucleus:p=0.7..1", trials=15)
    assert tuning.samplers[0].options["p"] > 0.99
    assert tuning.notes == ()


def test_a_chain_that_fails_is_left_out_and_said_once() -> None:
    told = Told()
    task = FakeTask(fails=lambda options: options.get("t", 1.4) < 0.9)
    tuning = search(task, trials=10, callback=told)
    failed = [each for each in tuning.trials if each.reason]
    assert failed
    assert len(told.warnings) == 1
    assert "It left no token." in told.warnings[0]
    assert tuning.samplers[0].options["t"] >= 0.9


def test_a_search_in_which_all_fails_ends_with_the_reason() -> None:
    with pytest.raises(ComponentError, match=r"None of 5 chains .* It left no token"):
        search(FakeTask(fails=lambda options: "t" in options), trials=5)


def test_ctrl_c_ends_the_search_and_what_was_found_is_checked() -> None:
    tuning = search(FakeTask(stops_at=6))
    assert len(tuning.trials) == 5
    assert "Ctrl-C ended the search early." in tuning.notes
    assert tuning.checked[0].by_seed
    with pytest.raises(KeyboardInterrupt):
        search(FakeTask(stops_at=1))


def test_the_result_can_be_trained_with_and_is_plain_json(tmp_path: Path) -> None:
    tuning = search(FakeTask(), "temperature:t=0.5..1.3", "top-k:k=20", trials=5)
    assert tomllib.loads(tuning.toml) == {"samplers": tuning.tables}
    labels = labels_of(choose_samplers(tomllib.loads(tuning.toml)["samplers"]))
    assert labels == labels_of(tuning.samplers)
    assert f"textgen generate 'runs/a run' --sampler {labels[0]} --sampler" in tuning.command
    values = json.loads(json.dumps(tuning.as_json(), allow_nan=False))
    assert [each["name"] for each in values["checked"]] == [TUNED, OWN, "temperature 1", "greedy"]
    assert len(values["trials"]) == 5
    lines = str(tuning).split("\n")
    assert lines[-1].startswith("real text")
    table = lines[lines.index("") + 1 :]
    assert {len(line) for line in table} == {len(table[0])}
    assert len(table[0]) <= 80


def test_without_ranges_the_usual_ones_are_searched_and_fixed_values_are_refused() -> None:
    keys = [each.key for each in read_chain_space(discover(), None).dimensions]
    assert keys == ["sampler.temperature.t", "sampler_2.nucleus.p"]
    with pytest.raises(UsageError, match="Nothing varies"):
        read_chain_space(discover(), ["nucleus:0.9"])


def test_to_try_samplers_offers_every_installed_one() -> None:
    space = read_chain_space(discover(), None, try_installed=True)
    installed = set(discover().by_name("sampler")) - {"temperature"}
    assert {one.component for one in space.slots[-1].candidates} == installed


def test_temperature_1_is_no_sampler_at_all_and_can_be_what_is_found(tmp_path: Path) -> None:
    task = FakeTask()
    task.square = lambda options: float(bool(options))
    tuning = search(task, trials=5)
    assert tuning.samplers == ()
    assert tuning.sentences[0].startswith("temperature 1 is nearer to real text than the run's own")
    assert tuning.command.endswith("--sampler temperature:1")
    path = tmp_path / "samplers.toml"
    path.write_text(tuning.toml, encoding="utf-8")
    assert configure({}, discover(), config=path, settings=()).samplers == ()
