"""Every check passes sound components, and finds the fault of those that are broken."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import attrs
import keras
import numpy as np
import pytest
from testing.broken import BROKEN
from testing.broken.components import GlobalMetric, GlobalTrainer
from testing.broken.models import builder
from testing.broken.samplers import OUT_OF_GRAPH, PYTHON, Tiring
from testing.broken.trackers import Explained
from testing.heavy import HeavyMetric
from testing.sound import SOUND, PlainBuilder, SoundBuilder, SoundMetric, SoundTracker, SoundTrainer
from testing.tiny_models import AdvancingModel, CountingModel

from textgen_core import Evidence, Tracker, TrackerSession, option
from textgen_core.components import Outcome, TrackedRun
from textgen_core.errors import ComponentError
from textgen_core.registry.registry import KINDS
from textgen_core.testing import Check, ConformanceFault, Result, checks_for, run_checks
from textgen_core.testing.check import run_check
from textgen_core.testing.running import CHECKS
from textgen_core.testing.subject import find_subject

BY_ID = {check.id: check for check in CHECKS}
EVERY_BROKEN = (*BROKEN, ("import.light", HeavyMetric, "imports numpy"))

CASES = [
    pytest.param(BY_ID[each], cls, words, id=f"{each}-{cls.__name__}-{words[:20]}")
    for each, cls, words in EVERY_BROKEN
]
SOUND_CASES = [
    pytest.param(check, cls, id=f"{cls.__name__}-{check.id}")
    for cls in SOUND
    for kind, base in KINDS.items()
    if issubclass(cls, base)
    for check in checks_for(kind)
    # A fresh process with TensorFlow takes seconds, and finds no more in a model without a state.
    if (check.id, cls) != ("component.restored", PlainBuilder)
]


@pytest.mark.parametrize(("check", "cls", "words"), CASES)
def test_a_check_finds_the_fault_of_a_broken_component(check: Check, cls: type, words: str) -> None:
    fault = run_check(check, find_subject(cls)).fault
    assert fault is not None
    with pytest.raises(ConformanceFault, match=words):
        raise fault


@pytest.mark.parametrize(("check", "cls"), SOUND_CASES)
def test_a_sound_component_passes(check: Check, cls: type) -> None:
    assert run_check(check, find_subject(cls)).fault is None


def test_every_check_has_a_component_that_it_fails() -> None:
    assert {each for each, _, _ in EVERY_BROKEN} == set(BY_ID)


def test_every_check_has_its_own_id_and_a_sentence() -> None:
    assert len(BY_ID) == len(CHECKS)
    for check in CHECKS:
        assert check.kinds
        assert check.sentence.endswith(".")
        assert check.id.partition(".")[0] in {*KINDS, "component", "options", "import"}


def test_every_kind_has_checks_of_its_own_and_those_of_all() -> None:
    for kind in KINDS:
        ids = [check.id for check in checks_for(kind)]
        assert any(each.startswith(f"{kind}.") for each in ids)
        assert {"component.registers", "options.round-trip", "import.light"} <= set(ids)


def test_a_kind_that_is_none_is_refused() -> None:
    with pytest.raises(ComponentError, match="tokenizer, model, sampler, metric, tracker"):
        checks_for("samplers")


# ---- notes --------------------------------------------------------------------------------------


def note_of(id: str, component: object) -> str:
    result = run_check(BY_ID[id], find_subject(component))
    assert result.fault is None
    return result.note


def test_a_tracker_that_names_its_missing_package_passes_with_a_note() -> None:
    assert note_of("tracker.order", Explained) == (
        "the package no_such_service is missing, and its error says so"
    )


def test_a_model_without_advance_passes_with_a_note() -> None:
    assert "offers no advance" in note_of("model.advance-equals-call", PlainBuilder)
    assert note_of("model.advance-equals-call", SoundBuilder) == ""


def test_a_model_that_shows_nothing_passes_with_a_note() -> None:
    class Mute(AdvancingModel):
        """A layer of the name `attention` is no attention that can be asked for."""

        attention = keras.layers.Dense(1)
        token_embeddings = None

    @attrs.frozen(kw_only=True)
    class MuteBuilder(SoundBuilder):
        """Builds a model that offers nothing to look into."""

        def build(self, vocabulary_size: int, context_length: int) -> Any:
            return Mute(vocabulary_size, self.width, "")

    assert "offers no attention" in note_of("model.attention", MuteBuilder)
    assert "offers no token_embeddings" in note_of("model.token-embeddings", MuteBuilder)
    assert note_of("model.attention", SoundBuilder) == ""


def test_a_model_that_says_that_xla_cannot_compile_it_passes_with_a_note() -> None:
    assert "cannot run under XLA" in note_of("model.compiles", builder("says that XLA cannot"))


def test_what_cannot_become_a_program_passes_with_a_note_that_says_why() -> None:
    start = "it writes through TensorFlow, which takes seconds to start: "
    assert note_of("model.program", PlainBuilder).startswith(f"{start}The model offers no advance")
    in_python = note_of("model.program", builder("XLA cannot"))
    assert in_python == f"{start}It draws or changes something: EagerPyFunc"
    assert note_of("sampler.program", PYTHON) == in_python
    assert note_of("sampler.program", OUT_OF_GRAPH).startswith(f"{start}It cannot be traced: ")
    assert note_of("model.program", SoundBuilder) == ""


def test_a_class_that_no_other_process_finds_is_trained_in_this_one_only() -> None:
    class Local(SoundTrainer):
        """A class within a function."""

    assert "a fresh process cannot import the class" in note_of("tokenizer.repeatable", Local())
    assert note_of("tokenizer.repeatable", SoundTrainer) == ""


# ---- random numbers -----------------------------------------------------------------------------


def test_what_a_first_use_imports_may_draw_random_numbers() -> None:
    uses: list[float] = []

    @attrs.frozen(kw_only=True)
    class Importing(SoundMetric):
        """Draws a number when it is first used, as many packages do when they are imported."""

        def measure(self, evidence: Evidence) -> Mapping[str, float]:
            if not uses:
                uses.append(random.random())
            return SoundMetric.measure(self, evidence)

    assert note_of("component.frozen-random-state", Importing) == ""
    assert len(uses) == 1


def test_a_component_that_seeds_is_found_whatever_the_process_was_seeded_with() -> None:
    for seed in (0, 1):
        np.random.seed(seed)
        subject = find_subject(GlobalTrainer)
        assert run_check(BY_ID["component.frozen-random-state"], subject).fault is not None


def test_random_numbers_are_put_back_after_a_component_that_disturbs_them() -> None:
    before = random.getstate(), np.random.get_state()[1].tolist()
    for cls in (GlobalMetric, GlobalTrainer):
        subject = find_subject(cls)
        assert run_check(BY_ID["component.frozen-random-state"], subject).fault is not None
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before


# ---- running a check ----------------------------------------------------------------------------


class PanicException(BaseException):
    """Named like what the tokenizers library raises when it panics."""


def examined(error: BaseException) -> Result:
    def examine(subject: object) -> None:
        raise error

    check = Check(id="x.y", sentence="It is so.", kinds=("sampler",), examine=examine)
    return run_check(check, find_subject(SoundBuilder))


def test_whatever_a_component_raises_is_a_fault_with_its_cause() -> None:
    for error in (KeyError("p"), ComponentError("no"), PanicException("oh"), NameError()):
        fault = examined(error).fault
        assert isinstance(fault, ConformanceFault)
        assert fault.__cause__ is error
    assert str(examined(KeyError("p")).fault) == "It raised KeyError: 'p'"
    assert str(examined(ComponentError("no", "Allowed: yes.")).fault) == "no\nAllowed: yes."


def test_an_interruption_is_no_fault() -> None:
    with pytest.raises(KeyboardInterrupt):
        examined(KeyboardInterrupt())


def test_a_result_unpacks_as_the_check_and_its_fault() -> None:
    fault = ConformanceFault("seen")
    check, found = examined(fault)
    assert check.id == "x.y"
    assert found is fault


# ---- what only one check sees -------------------------------------------------------------------


def test_a_sampler_that_changes_after_a_few_calls_shows_in_its_frequencies_alone() -> None:
    assert [check.id for check, fault in run_checks(Tiring) if fault] == ["sampler.frequencies"]


def test_a_model_that_begins_with_constants_is_repeatable_with_a_note() -> None:
    class Constant(CountingModel):
        """A model of which no weight is drawn."""

        def __init__(self, vocabulary_size: int) -> None:
            super().__init__(vocabulary_size, 16, "begins with ones")
            self.head.kernel.assign(keras.ops.ones_like(self.head.kernel))

    @attrs.frozen(kw_only=True)
    class ConstantBuilder(SoundBuilder):
        """Builds a model that no seed changes."""

        def build(self, vocabulary_size: int, context_length: int) -> Any:
            return Constant(vocabulary_size)

    assert "begin as constants" in note_of("model.repeatable", ConstantBuilder)


def test_a_class_that_its_module_does_not_hold_is_restored_nowhere_with_a_note() -> None:
    assert "cannot import the class" in note_of("component.restored", builder("nothing"))


def test_a_tracker_that_writes_nothing_passes_with_a_note() -> None:
    class Nowhere(TrackerSession):
        """Keeps nothing."""

        def log(self, step: int, values: Mapping[str, float | str]) -> None:
            pass

        def sample(self, step: int, text: str) -> None:
            pass

        def finish(self, outcome: Outcome) -> None:
            pass

    @attrs.frozen(kw_only=True)
    class NowhereTracker(Tracker):
        """Writes to no run directory."""

        def start(self, run: TrackedRun) -> TrackerSession:
            return Nowhere()

    assert "raises nothing" in note_of("tracker.failure", NowhereTracker)
    assert note_of("tracker.failure", SoundTracker) == ""


def test_an_option_with_choices_needs_no_bounds() -> None:
    @attrs.frozen(kw_only=True)
    class Choosing(SoundMetric):
        """Has numbers of which few are allowed."""

        order: int = option(2, help="an order", choices=(1, 2, 4))
        pair: tuple[int, float] | None = option(None, help="two numbers", at_least=0.5, below=3)

    assert note_of("options.bounds", Choosing) == ""
