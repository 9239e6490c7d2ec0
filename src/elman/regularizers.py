"""`elman.regularizers`: penalties on weights and outputs. Defined in `layers/regularizers.py`."""

from elman.layers.registry import other_names
from elman.layers.regularizers import (
    L1,
    L1L2,
    L2,
    OrthogonalRegularizer,
    Regularizer,
    get,
)

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "OrthogonalRegularizer",
    "Regularizer",
    "get",
]

__getattr__ = other_names("regularizer", __name__)
