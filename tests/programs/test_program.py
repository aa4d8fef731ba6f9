"""A program as a file: whole or refused, and run without TensorFlow."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from textgen_core.programs import conversion
from textgen_core.programs.conversion import convert
from textgen_core.programs.program import NotConvertible, Program, interpreter_class


@pytest.fixture(scope="module")
def program():
    weights = tf.Variable(np.arange(6, dtype=np.float32).reshape(2, 3))
    inputs = [tf.TensorSpec((4, 2)), tf.TensorSpec((3,), tf.int32)]
    return convert(
        lambda some, numbers: [tf.matmul(some, weights), numbers + 1, numbers * 2],
        inputs,
        kind="products",
        about={"sizes": [2, 3]},
    )


def test_a_program_comes_back_from_its_bytes_as_it_was(program):
    again = Program.from_bytes(program.to_bytes())
    assert again.content == program.content
    assert (again.kind, again.about) == ("products", {"sizes": [2, 3]})
    assert (again.inputs, again.outputs) == (program.inputs, program.outputs)


def test_inputs_and_outputs_keep_their_order(program):
    interpreter = program.interpreter()
    np.copyto(interpreter.inputs[0](), np.ones((4, 2)))
    np.copyto(interpreter.inputs[1](), [5, 6, 7])
    interpreter.run()
    np.testing.assert_array_equal(interpreter.outputs[0](), [[3, 5, 7]] * 4)
    np.testing.assert_array_equal(interpreter.outputs[1](), [6, 7, 8])
    np.testing.assert_array_equal(interpreter.outputs[2](), [10, 12, 14])


def test_no_damaged_byte_reaches_the_interpreter(program):
    blob = program.to_bytes()
    header = 8 + int.from_bytes(blob[:8], "little")
    for place in [*range(8), *range(header, len(blob), 97), len(blob) - 1]:
        damaged = bytearray(blob)
        damaged[place] ^= 1
        with pytest.raises(ValueError, match="the program"):
            Program.from_bytes(bytes(damaged))
    for end in (0, 7, 8, header - 1, header, len(blob) - 1):
        with pytest.raises(ValueError, match="the program"):
            Program.from_bytes(blob[:end])


def test_what_was_checked_is_not_hashed_again(program):
    blob = bytearray(program.to_bytes())
    blob[-1] ^= 1
    assert Program.from_bytes(bytes(blob), is_checked=True).content[:-1] == program.content[:-1]


@pytest.mark.parametrize("header", [b"", b"[]", b"{}", b'{"kind": 1', b"[" * 5000, b"\xff"])
def test_a_header_that_is_none_is_refused(header):
    with pytest.raises(ValueError, match="header is damaged"):
        Program.from_bytes(len(header).to_bytes(8, "little") + header)


def test_a_program_that_is_not_what_its_header_says_is_refused(program):
    other = Program(**{**_fields(program), "inputs": program.inputs[::-1]})
    with pytest.raises(NotConvertible, match="other inputs or outputs"):
        other.interpreter()
    with pytest.raises(NotConvertible, match="refuses its program"):
        Program(**{**_fields(program), "content": b"no program"}).interpreter()


def _fields(program):
    return {name: getattr(program, name) for name in ("kind", "content", "inputs", "outputs")}


WITHOUT_TENSORFLOW = """
import json, os, sys
from textgen_core.programs.model_steps import ModelSteps
from textgen_core.programs.program import Program
for path in sys.argv[1:] * 2:
    Program.from_bytes(open(path, "rb").read()).interpreter().run()
os.write(2, b"a word")
print(json.dumps([name for name in ("tensorflow", "keras") if name in sys.modules]))
"""


def test_a_program_runs_without_tensorflow_and_without_a_remark(program, tmp_path):
    path = tmp_path / "a.program"
    path.write_bytes(program.to_bytes())
    idle = convert(lambda some: [some], [tf.TensorSpec((2,))], kind="idle")  # sets off no remark
    (tmp_path / "idle.program").write_bytes(idle.to_bytes())
    paths = [str(tmp_path / "idle.program"), str(path)]
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW, *paths]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
    assert done.stderr == "a word"


def test_without_the_interpreter_the_package_to_install_is_named(program, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(NotConvertible, match="need the package ai-edge-litert"):
        program.interpreter()


BROKEN = {
    "raise RuntimeError('another ABI')": (NotConvertible, "ai-edge-litert: another ABI"),
    "raise ImportError('initialization failed') from KeyboardInterrupt()": (
        KeyboardInterrupt,
        "^$",
    ),
}


@pytest.mark.parametrize("code", BROKEN)
def test_an_interpreter_that_cannot_be_imported_may_be_mended(code, monkeypatch, tmp_path):
    """pybind11 says of Ctrl-C that the initialization of an extension failed."""
    for name in [each for each in sys.modules if each.partition(".")[0] == "ai_edge_litert"]:
        monkeypatch.delitem(sys.modules, name)
    (tmp_path / "ai_edge_litert.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    expected, reason = BROKEN[code]
    with pytest.raises(expected, match=reason) as found:
        interpreter_class()
    assert not getattr(found.value, "is_lasting", False)


def test_what_is_not_convertible_is_said_by_the_error_alone(capfd):
    with pytest.raises(NotConvertible, match=r"LiteRT lacks tf\.MatrixInverse\.$"):
        convert(lambda some: [tf.linalg.inv(some)], [tf.TensorSpec((2, 2))], kind="odd")
    assert capfd.readouterr().err == ""


def test_what_lacks_room_may_be_tried_again(monkeypatch):
    def full(*arguments):
        raise MemoryError("no room")

    monkeypatch.setattr(conversion, "_by_the_short_way", full)
    with pytest.raises(NotConvertible, match="no room for it") as found:
        convert(lambda some: [some + 1], [tf.TensorSpec((2,))], kind="small")
    assert not found.value.is_lasting


def test_a_shape_that_is_not_fixed_is_refused():
    with pytest.raises(NotConvertible, match="shape is not fixed"):
        convert(lambda some: [tf.boolean_mask(some, some > 0)], [tf.TensorSpec((2, 2))], kind="odd")
