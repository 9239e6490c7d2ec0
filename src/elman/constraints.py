"""`elman.constraints`: limits on weights after each step. Defined in `layers/constraints.py`."""

from elman.layers.constraints import (
    Constraint,
    MaxNorm,
    MinMaxNorm,
    NonNeg,
    UnitNorm,
    get,
)
from elman.layers.registry import other_names

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "get",
]

__getattr__ = other_names("constraint", __name__)
