"""The keys of programs: hashes of all that a program is made from, without TensorFlow.

A trained tokenizer, which a component makes too, has a key of the same kind, and so has what a
training step was measured to cost. Whoever edits a plugin must never get a program of what it was
before: the code of a component counts by the sizes and times of its files. A key is None where it
cannot be said what a program would be made from, such as a class of a notebook; such a program is
made each time.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import stat
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np

from textgen_core.components.contracts import LOADED_NS, Sampler
from textgen_core.registry.registry import CORE
from textgen_core.registry.selection import ResolvedComponent

if TYPE_CHECKING:
    import tokenizers

FORMAT = 2  # of programs: another one makes all of them again
VERSIONS = (CORE, "tensorflow", "keras", "ai-edge-litert")
_CODE = (".py", ".so", ".pyd")
_LIBRARIES = {*sys.stdlib_module_names, "textgen_core", "tensorflow", "keras", "numpy", "attr"}


class _UnknownError(Exception):
    """What something depends on cannot be said."""


def model_key(
    component: ResolvedComponent,
    weights: str,
    *,
    vocabulary_size: int,
    context_length: int,
    rows: int,
) -> str | None:
    """Return the key of a model's program.

    Args:
        component: what builds the model.
        weights: the SHA-256 of its weights, see `runs.weights.weights_digest`.
        vocabulary_size: of its tokenizer, special tokens included.
        context_length: how many tokens it reads at most.
        rows: how many rows the program has.

    Returns:
        Hexadecimal digits, or None if the options or the code of the component cannot be told.
    """
    return _component_key(
        "model",
        component,
        weights=weights,
        vocabulary_size=vocabulary_size,
        context_length=context_length,
        rows=rows,
    )


def sampler_key(
    sampler: Sampler,
    inputs: Collection[str],
    *,
    tokenizer: tokenizers.Tokenizer,
    vocabulary_size: int,
    rows: int,
    capacity: int | None,
) -> str | None:
    """Return the key of a sampler's program.

    Args:
        sampler: as it was requested, not yet bound.
        inputs: the options whose values the program takes when it runs.
        tokenizer: what it is bound to if it has `bind`.
        vocabulary_size: how many logits a row has.
        rows: how many rows the program has.
        capacity: how many tokens of history it takes; None if it reads none.

    Returns:
        Hexadecimal digits, or None if the options or the code of the sampler cannot be told.
    """
    bound_to = _hash(tokenizer.to_str()) if hasattr(sampler, "bind") else None
    return _key(
        "sampler",
        type(sampler),
        options=_fields(sampler, without=inputs),
        inputs=sorted(inputs),
        tokenizer=bound_to,
        vocabulary_size=vocabulary_size,
        rows=rows,
        capacity=capacity,
    )


def trainer_key(component: ResolvedComponent, text: str) -> str | None:
    """Return the key of a trained tokenizer.

    Args:
        component: what trains it.
        text: the SHA-256 of the text that it is trained on, borders of documents included.

    Returns:
        Hexadecimal digits, or None if the options or the code of the component cannot be told.
    """
    return _component_key(
        "tokenizer",
        component,
        library=_version("tokenizers"),
        text=text,
    )


def step_key(component: ResolvedComponent, **facts: Any) -> str | None:
    """Return the key of what a training step costs.

    Args:
        component: what builds the model.
        facts: all else that the step is compiled from, and where it runs; values of JSON.

    Returns:
        Hexadecimal digits, or None if the options or the code of the component cannot be told.
    """
    return _component_key("step", component, **facts)


def _component_key(kind: str, component: ResolvedComponent, **facts: Any) -> str | None:
    registered = component.component
    return _key(
        kind,
        registered.cls,
        name=registered.name,
        distribution=registered.plugin.distribution,
        version=registered.plugin.version,
        options=_fields(component.instance),
        **facts,
    )


def _key(kind: str, cls: type, *, options: Iterator[tuple[str, Any]], **facts: Any) -> str | None:
    try:
        facts |= {
            "kind": kind,
            "class": f"{cls.__module__}:{cls.__qualname__}",
            "options": {name: _plain(value) for name, value in options},
            "code": _code_of(cls),
            **_surroundings(),
        }
    except (_UnknownError, OSError):
        return None
    return _hash(json.dumps(facts, sort_keys=True))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@cache
def _surroundings() -> Mapping[str, Any]:
    """Return what every program depends on: what makes it, and where it runs."""
    return {
        "format": FORMAT,
        "machine": platform.machine(),
        "versions": {name: _version(name) for name in VERSIONS},
        "conversion": _code_in([Path(__file__).parent]),
    }


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except Exception:  # it is not installed, or its metadata are torn
        return "none"


# ---- options ------------------------------------------------------------------------------------


def _fields(instance: Any, without: Collection[str] = ()) -> Iterator[tuple[str, Any]]:
    """Yield name and value of everything that an instance was made with."""
    cls = type(instance)
    names = {each.name for each in attrs.fields(cls)} if attrs.has(cls) else set()
    if "__attrs_attrs__" not in vars(cls):  # it is no attrs class, or one on top of one
        if not hasattr(instance, "__dict__"):
            raise _UnknownError
        names |= vars(instance).keys()
    yield from ((name, getattr(instance, name)) for name in names if name not in without)


def _plain(value: Any) -> Any:
    """Return a value as JSON that no other value has: floats as `repr` writes them."""
    if value is None or type(value) in (bool, int, float):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Path):
        return {"file": [str(value), *_facts(value)]}
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype != object:
        contents = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"array": [value.dtype.str, list(value.shape), contents]}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {"mapping": [[_plain(key), _plain(value[key])] for key in value]}
    raise _UnknownError


# ---- code ---------------------------------------------------------------------------------------


def _code_of(cls: type) -> Any:
    """Return what tells the code of a class, and of those it inherits from, from any other."""
    if "<locals>" in cls.__qualname__:  # it depends on the variables of a function
        raise _UnknownError
    modules = {each.__module__ for each in cls.__mro__ if not _is_library(each)}
    tops = {cls.__module__, *modules}
    return {name: _code_of_module(name) for name in sorted({_top(each) for each in tops})}


def _is_library(cls: type) -> bool:
    return _top(cls.__module__) in _LIBRARIES


def _top(module: str) -> str:
    return module.partition(".")[0]


def _code_of_module(name: str) -> Any:
    """Return the facts of all files of a top-level package, or of the one that is a module."""
    module = sys.modules.get(name)
    if folders := list(getattr(module, "__path__", ())):
        return _code_in(folders)
    file = getattr(module, "__file__", None)
    if not file:  # a notebook, or an interactive session
        raise _UnknownError
    return [[Path(file).name, *_facts(Path(file))]]


def _code_in(folders: Iterable[str | Path]) -> list[list[Any]]:
    found: list[list[Any]] = []
    for top in map(str, folders):
        for folder, inner, names in os.walk(top):
            inner[:] = sorted(each for each in inner if each != "__pycache__")
            within = folder[len(top) :].replace(os.sep, "/")
            code = [each for each in sorted(names) if each.endswith(_CODE)]
            found += [[f"{within}/{name}", *_facts(f"{folder}{os.sep}{name}")] for name in code]
    return found


def _facts(path: str | Path) -> tuple[int, int]:
    """Return size and time of a file, as they were when this process may have read it.

    Raises _UnknownError if the file was written since, so that what was read may be another.
    """
    found = os.stat(path)  # noqa: PTH116 - a text: a package may have thousands of files
    if LOADED_NS < found.st_mtime_ns <= time.time_ns() or not stat.S_ISREG(found.st_mode):
        raise _UnknownError
    return found.st_size, found.st_mtime_ns
