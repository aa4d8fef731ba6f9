"""The error tree: exit codes, three lines, and several faults as one."""

from __future__ import annotations

import inspect

import pytest

from textgen_core import errors
from textgen_core.errors import (
    ComponentError,
    ConfigurationError,
    CorpusError,
    DiskTooSmall,
    Faults,
    Interrupted,
    OutOfMemory,
    PluginFailure,
    RunDirectoryError,
    TextgenError,
    TrainingDiverged,
    UsageError,
    WorkerLost,
    WorkersError,
    one_error,
)

EXIT_CODES = {
    TextgenError: 1,
    UsageError: 2,
    ConfigurationError: 2,
    ComponentError: 2,
    CorpusError: 3,
    RunDirectoryError: 4,
    PluginFailure: 1,
    TrainingDiverged: 1,
    WorkersError: 1,
    WorkerLost: 75,
    OutOfMemory: 1,
    DiskTooSmall: 1,
    Interrupted: 130,
}


@pytest.mark.parametrize(("error", "code"), EXIT_CODES.items())
def test_every_error_has_the_exit_code_of_its_kind(error: type[TextgenError], code: int) -> None:
    assert error.exit_code == code


def test_every_error_of_the_module_is_in_the_tree_of_its_docstring() -> None:
    found = {
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, BaseException)
    }
    assert found == set(EXIT_CODES)
    for each in found:
        assert f"{each.__name__} " in (errors.__doc__ or "")


def test_an_error_shows_problem_allowed_and_advice_on_a_line_each() -> None:
    error = ConfigurationError("It is wrong.", "Allowed: right.", "See: elsewhere")
    assert str(error) == "It is wrong.\nAllowed: right.\nSee: elsewhere"


def test_an_error_leaves_out_the_lines_that_it_does_not_have() -> None:
    assert str(TextgenError("It is wrong.", advice="See: elsewhere")) == (
        "It is wrong.\nSee: elsewhere"
    )


def test_one_fault_is_the_error_itself() -> None:
    fault = ComponentError("It is wrong.")
    assert one_error([fault]) is fault


def test_several_faults_are_one_error_with_a_line_each() -> None:
    error = one_error(
        [ComponentError("One.", "Allowed: a."), ConfigurationError("Two.", advice="See: there")]
    )
    assert str(error).splitlines() == ["2 faults:", "  One. Allowed: a.", "  Two.", "See: there"]
    assert error.exit_code == 2


def test_faults_of_faults_are_counted_once_each() -> None:
    inner = one_error([ComponentError("One."), ComponentError("Two.")])
    error = one_error([inner, ComponentError("Three.")])
    assert str(error).splitlines() == ["3 faults:", "  One.", "  Two.", "  Three."]


def test_faults_are_collected_and_raised_as_one() -> None:
    faults = Faults([ConfigurationError("One.")])
    faults_of_none = Faults()
    with faults.collecting():
        raise ComponentError("Two.")
    with faults_of_none.collecting():
        pass
    faults_of_none.raise_any()
    with pytest.raises(UsageError) as caught:
        faults.raise_any()
    assert [part.problem for part in caught.value.parts] == ["One.", "Two."]


def test_only_mistakes_of_the_user_are_collected() -> None:
    with pytest.raises(PluginFailure), Faults().collecting():
        raise PluginFailure("It raised.")
