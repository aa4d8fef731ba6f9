"""A function in TensorFlow becomes a LiteRT model: traced for fixed shapes, its weights constants.

TensorFlow's converter does it. Its public way in takes three times as long: it saves the function
to disk, loads it again, and takes the finished model apart once more. Where TensorFlow has moved
what is used here, the public way is taken.
"""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf

from textgen_core.errors import is_component_fault, reason_of
from textgen_core.programs import infinities
from textgen_core.programs.program import NotConvertible, Place, Program
from textgen_core.registry.quiet import without_remarks

# What changes something, or differs from call to call: a program only computes.
_IMPURE = re.compile(r"Assign|Random|Multinomial|PyFunc|^ResourceScatter|^ResourceApply")
_REMARK = re.compile(rb"[IWE]\d{4} |WARNING:absl:")  # of what TensorFlow logs
_MISSING = re.compile(r"'(tf\.\w+)' op")
_MOVED = (
    ImportError,
    AttributeError,
    TypeError,
)  # what another TensorFlow may make of the short way
_HALF = (tf.float16, tf.bfloat16)
_STORED: dict[str, dict[str, bool]] = {  # how weights are kept: what the converter is told
    "float32": {},
    "float16": {"post_training_quantize": True, "quantize_to_float16": True},
    "int8": {"post_training_quantize": True},
}
_LARGEST = 2**31 - 2**24  # bytes of all weights: what the formats on the way can hold


def convert(
    function: Callable[..., Sequence[Any]],
    inputs: Sequence[tf.TensorSpec],
    *,
    kind: str,
    about: dict[str, Any] | None = None,
    leave_out: Callable[[], Collection[int]] = tuple,
    precision: str = "float32",
) -> Program:
    """Return `function` as a program.

    function: takes tensors of the shapes and dtypes in `inputs`, and returns a list of tensors. It
    is called once, in a graph; what it finds out about itself then it may add to `about`.
    leave_out: is called after it, and returns the numbers of inputs that are not needed. precision:
    "float32", "float16" or "int8", in which weights are kept; it takes and returns float32. Raises
    NotConvertible where it draws or changes anything, has a shape that is not fixed, or needs an
    operation that LiteRT lacks.
    """
    traced = _trace(function, inputs)
    left_out = leave_out()
    taken = [number for number in range(len(inputs)) if number not in left_out]
    program = Program(
        kind=kind,
        inputs=tuple(_place(inputs[number]) for number in taken),
        outputs=tuple(map(_place, traced.outputs)),
        content=_converted(traced, len(inputs), taken, precision),
        about={} if about is None else about,
    )
    program.interpreter()  # refuses what the converter lets pass, such as sums in half precision
    return program


def spec_of(tensor: Any) -> Any:
    """Return how a program takes and returns a tensor of a state: no scalar, nothing in half."""
    dtype = tf.float32 if tensor.dtype in _HALF else tensor.dtype
    return tf.TensorSpec(tensor.shape if tensor.shape.rank else (1,), dtype)


def as_output(tensor: Any) -> Any:
    """Return a tensor of a state as a program returns it, see `spec_of`."""
    return _as(spec_of(tensor), tensor)


def as_it_was(tensor: Any, before: Any) -> Any:
    """Return what a program takes for `before` with the shape and dtype of that."""
    return _as(before, tensor)


def _as(wanted: Any, tensor: Any) -> Any:
    if (tensor.shape, tensor.dtype) == (wanted.shape, wanted.dtype):
        return tensor  # itself, by which it is known in the graph
    return tf.cast(tf.reshape(tensor, wanted.shape), wanted.dtype)


def _trace(function: Callable[..., Sequence[Any]], inputs: Sequence[tf.TensorSpec]) -> Any:
    named = [
        tf.TensorSpec(each.shape, each.dtype, name=f"input_{number}")
        for number, each in enumerate(inputs)
    ]
    try:
        return tf.function(function, autograph=False).get_concrete_function(*named)
    except BaseException as error:
        if isinstance(error, NotConvertible) or not is_component_fault(error):
            raise
        raise NotConvertible(
            f"It cannot be traced: {reason_of(error)}",
            is_lasting=not isinstance(error, MemoryError),
        ) from error


def _place(tensor: Any) -> Place:
    if not tensor.shape.is_fully_defined():
        raise NotConvertible(f"It returns a tensor whose shape is not fixed: {tensor.shape}.")
    return Place(shape=tuple(tensor.shape), dtype=tensor.dtype.name)


def _converted(traced: Any, count: int, taken: Sequence[int], precision: str) -> bytes:
    """Return a traced function as a LiteRT model.

    count: how many of its inputs, the first ones, are its own; taken: those that the model takes.
    """
    graph = traced.graph.as_graph_def()
    _check_operations(graph)
    with_constants = _with_constants(graph, _captured(traced, count))
    has_infinities = infinities.hide(graph if with_constants is None else with_constants)
    try:
        with without_remarks(_REMARK):
            if with_constants is not None:
                with contextlib.suppress(*_MOVED):
                    inputs, outputs = [traced.inputs[each] for each in taken], traced.outputs
                    stored = _STORED[precision]
                    found = _by_the_short_way(with_constants, inputs, outputs, stored)
                    return infinities.restore(found)
            if has_infinities or len(taken) != count or precision != "float32":
                raise ValueError("It cannot be converted with this version of TensorFlow.")
            return _by_the_public_way(traced)
    except (MemoryError, OSError) as error:
        raise NotConvertible(f"There is no room for it: {error}.", is_lasting=False) from error
    except Exception as error:
        missing = sorted(set(_MISSING.findall(str(error))))
        raise NotConvertible(
            f"LiteRT lacks {', '.join(missing)}." if missing else reason_of(error)
        ) from error


def _check_operations(graph: Any) -> None:
    nodes = [graph.node, *(each.node_def for each in graph.library.function)]
    for node in itertools.chain(*nodes):
        if _IMPURE.search(node.op):
            raise NotConvertible(f"It draws or changes something: {node.op}.")


def _captured(traced: Any, count: int) -> dict[str, Any]:
    """Return the arrays that a traced function found outside itself, by the names they have in it.

    A variable's array is there once for all that read it; None is what is no array.
    """
    found = {}
    variables = {id(each.handle): each for each in traced.variables}
    for inside, outside in zip(traced.inputs[count:], traced.captured_inputs, strict=True):
        value = variables.get(id(outside)) if outside.dtype == tf.resource else outside
        found[inside.op.name] = None if value is None else value.numpy()
    if sum(value.nbytes for value in found.values() if value is not None) > _LARGEST:
        raise NotConvertible("Its weights are larger than 2 GB, the most that a program holds.")
    return found


def _with_constants(graph: Any, captured: Mapping[str, Any]) -> Any:
    """Return a graph with constants for what was captured; None where more is needed than that."""
    constant = tf.compat.v1.GraphDef(library=graph.library, versions=graph.versions)
    resources = {
        node.name
        for node in graph.node
        if node.name in captured and node.attr["dtype"].type == tf.resource.as_datatype_enum
    }
    for node in graph.node:
        read = node.input[0] if node.op == "ReadVariableOp" else node.name
        if node.op != "ReadVariableOp" and node.name in resources:
            continue
        if read not in captured:
            if any(_name(each) in resources for each in node.input):
                return None
            constant.node.append(node)
        elif captured[read] is None:
            return None
        else:
            array = tf.make_tensor_proto(captured[read])
            made = constant.node.add(name=node.name, op="Const")
            made.attr["dtype"].type = array.dtype
            made.attr["value"].tensor.CopyFrom(array)
    return constant


def _name(of_input: str) -> str:
    return of_input.lstrip("^").partition(":")[0]


def _by_the_short_way(
    graph: Any, inputs: Sequence[Any], outputs: Sequence[Any], stored: Mapping[str, bool]
) -> bytes:
    from tensorflow.lite.python.convert import convert_graphdef

    operations = [tf.lite.OpsSet.TFLITE_BUILTINS]
    return bytes(convert_graphdef(graph, inputs, outputs, target_ops=operations, **stored))


def _by_the_public_way(traced: Any) -> bytes:
    return bytes(tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert())
