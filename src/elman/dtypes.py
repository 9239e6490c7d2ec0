"""The number types of a graph and how NumPy's types map onto them.

Four types are enough for sequence models: two reals, one integer for indices and lengths, and truth values.
Everything a user brings is converted at the border (`canonical`), so no kernel ever meets a fifth type but int8, which
`Model.quantize` keeps weights in and which products alone read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from elman.errors import DTypeError

FLOAT32 = "float32"
FLOAT64 = "float64"
INT32 = "int32"
BOOL = "bool"
INT8 = "int8"
"""Codes of weights: whole numbers of -127 to 127, read by QuantizedMatMul with a scale for each column."""

BFLOAT16 = "bfloat16"
"""No type of a tensor: what the operands of some products are rounded to."""

ALL = (FLOAT32, FLOAT64, INT32, BOOL)
REAL = (FLOAT32, FLOAT64)


def is_real(dtype: str) -> bool:
    """Whether a value of this type has a gradient."""
    return dtype in REAL


def canonical(dtype: Any) -> str:
    """The graph type for anything NumPy understands as a type.

    Raises: DTypeError: complex, strings, objects; a name that NumPy does not know.
    Example:
        >>> canonical("int64"), canonical(np.float16), canonical(bool)
        ('int32', 'float32', 'bool')
    """
    try:
        kind = np.dtype(dtype)
    except TypeError:
        raise DTypeError.at("dtype", "dtype", f"the name of a type ({', '.join(ALL)})", f"dtype={dtype!r}") from None
    if kind == np.float64:
        return FLOAT64
    if kind.kind == "f":
        return FLOAT32
    if kind.kind in "iu":
        return INT32
    if kind.kind == "b":
        return BOOL
    raise DTypeError.at(
        "dtype",
        "dtype",
        f"a real, integer or bool type ({', '.join(ALL)})",
        kind,
        "Convert the array with .astype('float32').",
    )
