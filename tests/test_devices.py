"""What follows from a machine for precision and memory."""

import pytest

from textgen_core import devices
from textgen_core.devices import (
    POLICIES,
    available_memory,
    choose_precision,
    compute_capabilities,
    describe_machine,
    grow_memory,
)
from textgen_core.errors import ConfigurationError


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ([], "float32"),
        ([(6, 1)], "float32"),
        ([(7, 0)], "float16"),
        ([(7, 5)], "float16"),
        ([(8, 0)], "bfloat16"),
        ([(9, 0)], "bfloat16"),
        ([(12, 0)], "bfloat16"),
        ([(9, 0), (7, 5)], "float16"),
        ([(8, 0), (6, 0)], "float32"),
        ([(0, 0)], "float32"),
    ],
)
def test_auto_takes_what_the_weakest_gpu_computes_in(capabilities, precision):
    assert choose_precision("auto", capabilities) == precision


@pytest.mark.parametrize("capabilities", [[], [(6, 0)], [(9, 0)]])
@pytest.mark.parametrize("wanted", ["float32", "bfloat16"])
def test_what_is_asked_for_is_taken(wanted, capabilities):
    assert choose_precision(wanted, capabilities) == wanted


def test_float16_needs_a_gpu_and_says_what_else_there_is():
    assert choose_precision("float16", [(7, 0)]) == "float16"
    with pytest.raises(
        ConfigurationError, match=r"training\.precision cannot be float16"
    ) as caught:
        choose_precision("float16", [])
    assert "float32" in caught.value.allowed


def test_every_precision_has_a_policy_of_keras():
    assert set(POLICIES) == {"float32", "bfloat16", "float16"}


def test_the_machine_is_described_in_plain_values():
    machine = describe_machine()
    assert set(machine) == {"system", "processor", "cores", "gpus", "python"}
    assert machine["cores"] >= 1
    assert len(machine["gpus"]) == len(compute_capabilities())


def test_memory_can_be_asked_to_grow_again_and_again():
    grow_memory()
    grow_memory()


def test_memory_is_what_the_system_says_and_none_where_it_says_nothing(tmp_path, monkeypatch):
    said = tmp_path / "meminfo"
    monkeypatch.setattr(devices, "Path", lambda _: said)
    assert available_memory() is None
    said.write_text("MemTotal: 8 kB\nMemAvailable:    2048 kB\n")
    assert available_memory() == 2048 * 1024
    said.write_text("MemTotal: 8 kB\n")
    assert available_memory() is None
