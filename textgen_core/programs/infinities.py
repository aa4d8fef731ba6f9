"""Infinite constants, which TensorFlow's converter turns into the largest finite numbers.

A sampler excludes a token by -inf, and `tf.where(kept, logits, -inf)` is how most do it. So each
infinity goes through the converter as a NaN with a payload of its own, and comes out as it was.
`tf.math.is_inf` becomes a comparison with such a constant within the converter, and is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from textgen_core.programs.program import NotConvertible

_SIGN = np.uint32(0x80000000)
_INFINITY = np.uint32(0x7F800000)
_STAND_IN = np.uint32(0x7FC5A3C9)  # a quiet NaN, and none that arithmetic makes
_BYTES = int(_STAND_IN).to_bytes(4, "little")[:3]  # whatever its sign


def hide(graph: Any) -> bool:
    """Put stand-ins for the infinite float32 constants in a GraphDef; return whether it has any.

    Raises NotConvertible if it asks what is infinite.
    """
    nodes = [*graph.node, *(node for each in graph.library.function for node in each.node_def)]
    if any(node.op == "IsInf" for node in nodes):
        raise NotConvertible("LiteRT lacks tf.math.is_inf.")
    constants = [node.attr["value"].tensor for node in nodes if node.op == "Const"]
    found = False
    for tensor in constants:
        if tensor.dtype == tf.float32.as_datatype_enum:
            found |= _hide_in(tensor)
    return found


def restore(content: bytes) -> bytes:
    """Return a LiteRT model with infinities in place of their stand-ins."""
    if _BYTES not in content:
        return content
    whole = len(content) // 4 * 4
    words = np.frombuffer(content[:whole], "<u4").copy()
    is_stand_in = (words & ~_SIGN) == _STAND_IN
    words[is_stand_in] = (words[is_stand_in] & _SIGN) | _INFINITY
    return words.tobytes() + content[whole:]


def _hide_in(tensor: Any) -> bool:
    array = np.array(tf.make_ndarray(tensor), np.float32)
    is_infinite = np.isinf(array)
    if not is_infinite.any():
        return False
    bits = array.view(np.uint32)
    bits[is_infinite] = (bits[is_infinite] & _SIGN) | _STAND_IN
    shape = tensor.tensor_shape
    tensor.CopyFrom(
        type(tensor)(dtype=tensor.dtype, tensor_shape=shape, tensor_content=array.tobytes())
    )
    return True
