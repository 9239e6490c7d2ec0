"""All weights in one buffer: where each lies."""

from __future__ import annotations

import numpy as np
import pytest

from elman.graph import Variable
from elman.graph.node import ALIGNMENT
from elman.training.parameters import Parameters


def weights(*shapes: tuple[int, ...], dtype: str = "float32") -> list[Variable]:
    """Weights counted through, so that none can stand for another."""
    starts = np.cumsum([0, *(np.prod(shape) for shape in shapes)])
    return [
        Variable(np.arange(start, start + np.prod(shape), dtype=dtype).reshape(shape))
        for start, shape in zip(starts, shapes, strict=False)
    ]


def misaligned(weight: Variable) -> int:
    return int(weight.value.ctypes.data) % ALIGNMENT


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("first", [(3, 10), (5,), (16, 16)])
def test_recurrent_weights_begin_with_a_cache_line(first: tuple[int, ...], dtype: str) -> None:
    made = weights(first, (10, 192), (64, 192), (2, 192), (64, 1), (1,), dtype=dtype)
    Parameters(made)
    assert [misaligned(w) for w in made[1:4]] == [0, 0, 0]


def test_most_bytes_decide_where_weights_cannot_all_be_aligned() -> None:
    made = weights((4, 16), (3,), (64, 192), (7,), (8, 16))
    Parameters(made)
    assert [misaligned(w) == 0 for w in made[::2]] == [False, True, False]


@pytest.mark.parametrize("shapes", [[(4, 192), (64, 192)], [(3, 10), (10,)], [(5,), (3, 3)]])
def test_a_buffer_begins_with_a_cache_line_where_no_matrix_gains(shapes: list[tuple[int, ...]]) -> None:
    parameters = Parameters(weights(*shapes))
    assert misaligned(parameters.variable) == 0


def test_the_buffer_holds_the_weights_one_after_another() -> None:
    parameters = Parameters(weights((3, 10), (16, 32), (1,)))
    np.testing.assert_array_equal(parameters.variable.value, np.arange(30 + 512 + 1))
    assert [s.offset for s in parameters.segments] == [0, 30, 542]
