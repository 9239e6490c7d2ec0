"""Rows that are mostly padding: it takes no memory, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from elman.errors import DataError, MemoryLimitError, ShapeError
from elman.executors import rows as padding
from elman.shapes import B, T
from elman.training.arrays import Column, convert

REAL = Column("fit", "x", (B, T, 2), "float32")
WHOLE = Column("fit", "y", (B, T), "int32")
LENGTHS = (1, 0, 400, 2, 3, 1)


@pytest.fixture(params=[False, True], ids=["dense", "sparse"])
def way(request, monkeypatch) -> bool:
    """Whether the padding of these rows is kept out of memory."""
    if request.param:
        monkeypatch.setattr(padding, "_SPARSE", 1)
    return bool(request.param)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_numbers_are_those_of_the_rows(way, dtype, rng):
    rows = [rng.normal(size=(n, 2)).astype(dtype) for n in LENGTHS]
    made = convert(rows, REAL)
    assert made.values.shape == (6, 400, 2)
    assert made.values.dtype == np.float32
    assert made.values.flags.writeable
    assert made.lengths.tolist() == list(LENGTHS)
    for row, values in zip(rows, made.values, strict=True):
        np.testing.assert_array_equal(values[: len(row)], row.astype("float32"))
        assert not values[len(row) :].any()


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "float64"])
def test_whole_numbers_are_those_of_the_rows(way, dtype):
    rows = [(np.arange(n) % 7).astype(dtype) for n in LENGTHS]
    made = convert(rows, WHOLE)
    assert made.values.dtype == np.int32
    assert [values[:n].tolist() for values, n in zip(made.values, LENGTHS, strict=True)] == [r.tolist() for r in rows]


def test_what_is_wrong_is_named_alike(way):
    rows = [np.ones((n, 2)) for n in LENGTHS]
    rows[4][2, 1] = np.nan
    with pytest.raises(DataError, match=r"x must be finite\. Received x=nan: x\[4, 2, 1\], row 4, step 2, column 1"):
        convert(rows, REAL)
    large = [np.full(n, 3) for n in LENGTHS]
    large[3][1] = 1 << 40
    with pytest.raises(DataError, match=r"y must be within int32\. .*: row 3, column 1"):
        convert(large, WHOLE)
    with pytest.raises(ShapeError, match="x must have shape"):
        convert([np.ones((n, 3)) for n in LENGTHS], REAL)


@pytest.mark.parametrize("error", [OSError, MemoryError])
def test_more_than_a_machine_holds_is_told(error, monkeypatch):
    def refuse(*args, **options):
        raise error

    monkeypatch.setattr(padding, "_SPARSE", 1)
    monkeypatch.setattr(padding.mmap if hasattr(padding.mmap, "MADV_NOHUGEPAGE") else np, "mmap", refuse, raising=False)
    monkeypatch.setattr(np, "zeros", refuse)
    text = r"x must be sequences that this machine can hold\. Received x=.*: 6 of them, padded to .* of 400 steps, take"
    with pytest.raises(MemoryLimitError, match=text):
        convert([np.ones((n, 2)) for n in LENGTHS], REAL)
