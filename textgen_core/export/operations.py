"""The operations of a program, read from its LiteRT model: a list for the engine of a page.

The schema's classes come with the interpreter; nothing here imports TensorFlow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from textgen_core.errors import UsageError
from textgen_core.export.engine_source import engine_files
from textgen_core.programs.program import Program

Keep = Callable[[np.ndarray, str], Any]  # keeps a constant, and returns how it is found again

_KERNEL = re.compile(
    r"\bkernels\.([A-Z0-9_]+) = |[ {]([A-Z][A-Z0-9_]+): (?=[(\w])"
)  # one by one, or a table
_DTYPES = {  # of the schema's TensorType, as the engine names them
    "FLOAT32": "float32",
    "INT32": "int32",
    "UINT32": "uint32",
    "INT64": "int64",
    "BOOL": "bool",
    "INT8": "int8",
    "UINT8": "uint8",
}


class OperationMissing(UsageError):
    """A program needs an operation that the engine lacks."""


@cache
def known_operations() -> frozenset[str]:
    """Return the names of the operations that the engine computes."""
    sources = "\n".join(each.read_text(encoding="utf-8") for each in engine_files())
    return frozenset(one or other for one, other in _KERNEL.findall(sources))


def read_operations(program: Program, name: str, keep: Keep) -> dict[str, Any]:
    """Return a program as JSON.

    Args:
        program: of a model or a sampler.
        name: what it is called in errors, such as `The sampler nucleus`.
        keep: is given each constant with the role in which it is read: `matrix` for the weights of
            a product, `table` for what rows are looked up in, else nothing.

    Returns:
        `graphs`, the first one the whole: each with `tensors` (dtype, shape, and what `keep`
        returned or nothing), `operations` (name, inputs, outputs, options), `inputs`, `outputs`;
        and the program's `about`.

    Raises:
        OperationMissing: the engine lacks an operation, or a type of numbers.
    """
    model = _schema().ModelT.InitFromPackedBuf(program.content)
    names = [_name_of(code) for code in model.operatorCodes]
    missing = sorted(
        {names[each.opcodeIndex] for graph in model.subgraphs for each in graph.operators}
        - known_operations()
    )
    if missing:
        raise OperationMissing(
            f"{name} needs {', '.join(missing)}, which the engine of the page does not compute.",
            f"Allowed: {', '.join(sorted(known_operations()))}.",
            "Choose another component, or export the run with --to litert.",
        )
    graphs = [_graph(each, model.buffers, names, name, keep) for each in model.subgraphs]
    return {"graphs": graphs, "about": dict(program.about)}


def roles_of(content: bytearray) -> Iterator[tuple[np.ndarray, str]]:
    """Yield the weights of products and the tables of a LiteRT model, which may be written into."""
    model = _schema().Model.GetRootAs(content)
    names = [
        _name_of(_schema().OperatorCodeT.InitFromObj(model.OperatorCodes(number)))
        for number in range(model.OperatorCodesLength())
    ]
    seen: set[int] = set()
    for number in range(model.SubgraphsLength()):
        graph = model.Subgraphs(number)
        unpacked = _schema().SubGraphT.InitFromObj(graph)
        for place, role in _roles(unpacked, names).items():
            tensor = unpacked.tensors[place]
            data = model.Buffers(tensor.buffer).DataAsNumpy()
            if isinstance(data, np.ndarray) and tensor.buffer not in seen:
                seen.add(tensor.buffer)
                kind = _names("TensorType")[tensor.type]
                yield data.view(_numpy_dtype(kind)).reshape(tensor.shape), role


def _schema() -> Any:
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


@cache
def _names(of: str) -> dict[int, str]:
    numbers = vars(getattr(_schema(), of))
    return {number: name for name, number in numbers.items() if isinstance(number, int)}


def _name_of(code: Any) -> str:
    number = max(code.builtinCode, code.deprecatedBuiltinCode)
    name = _names("BuiltinOperator").get(number, str(number))
    return code.customCode.decode() if name == "CUSTOM" and code.customCode else name


def _graph(
    graph: Any, buffers: Sequence[Any], names: Sequence[str], name: str, keep: Keep
) -> dict[str, Any]:
    roles = _roles(graph, names)
    tensors = []
    for number, tensor in enumerate(graph.tensors):
        kind = _names("TensorType")[tensor.type]
        if kind not in _DTYPES:
            raise OperationMissing(f"{name} computes with {kind.lower()}, the engine does not.")
        shape = [] if tensor.shape is None else [int(size) for size in tensor.shape]
        data = buffers[tensor.buffer].data
        described: list[Any] = [_DTYPES[kind], shape]
        if data is not None and len(data):
            array = np.frombuffer(bytes(data), _numpy_dtype(kind)).reshape(shape)
            described.append(keep(array, roles.get(number, "")))
        tensors.append(described)
    return {
        "tensors": tensors,
        "operations": [_operation(each, names) for each in graph.operators],
        "inputs": [int(each) for each in graph.inputs],
        "outputs": [int(each) for each in graph.outputs],
    }


def _numpy_dtype(kind: str) -> Any:
    return np.bool_ if kind == "BOOL" else np.dtype(_DTYPES[kind])


def _roles(graph: Any, names: Sequence[str]) -> dict[int, str]:
    """Return the roles of those tensors that are read in no other."""
    found: dict[int, set[str]] = {}
    for each in graph.operators:
        name, options = names[each.opcodeIndex], each.builtinOptions
        is_of_rows = name == "GATHER" and not (options.axis or options.batchDims)
        role = {"FULLY_CONNECTED": {1: "matrix"}, "GATHER": {0: "table"} if is_of_rows else {}}
        for place, number in enumerate(each.inputs):
            found.setdefault(int(number), set()).add(role.get(name, {}).get(place, ""))
    return {number: max(roles) for number, roles in found.items() if all(roles)}


def _operation(operation: Any, names: Sequence[str]) -> list[Any]:
    found = [
        names[operation.opcodeIndex],
        [int(each) for each in operation.inputs],
        [int(each) for each in operation.outputs],
    ]
    given = operation.builtinOptions or operation.builtinOptions2
    attributes = {} if given is None else vars(given)
    options = {name: _plain(value) for name, value in attributes.items() if value is not None}
    return [*found, options] if options else found


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value
