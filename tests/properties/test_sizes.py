"""The algebra of open sizes obeys the laws of whole numbers, and what is equal prints the same."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from elman.shapes import Dim, Size, broadcast, evaluate, product, quotient

NAMES = ("B", "T", "U")
atoms = st.one_of(st.integers(-4, 4), st.sampled_from([Dim.symbol(n) for n in NAMES]))
sizes = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: p[0] + p[1]),
        st.tuples(inner, inner).map(lambda p: p[0] - p[1]),
        st.tuples(inner, inner).map(lambda p: p[0] * p[1]),
    ),
    max_leaves=6,
)
numbers = st.fixed_dictionaries({n: st.integers(0, 9) for n in NAMES})


def at(size: Size, values: dict[str, int]) -> int:
    return size if isinstance(size, int) else size.evaluate(values)


@given(sizes, sizes, numbers)
def test_arithmetic_means_arithmetic(a, b, values):
    assert at(a + b, values) == at(a, values) + at(b, values)
    assert at(a - b, values) == at(a, values) - at(b, values)
    assert at(a * b, values) == at(a, values) * at(b, values)
    assert at(-a, values) == -at(a, values)


@given(sizes, sizes, sizes)
def test_laws_of_whole_numbers(a, b, c):
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) + c == a + (b + c)
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - a == 0
    assert a * 1 == a
    assert a + 0 == a
    assert a * 0 == 0


@given(sizes, sizes)
def test_equal_sizes_print_and_hash_alike(a, b):
    assert (a == b) == (repr(a) == repr(b))
    if a == b:
        assert hash(a) == hash(b)


@given(sizes)
def test_a_known_number_is_an_int(a):
    assert isinstance(a, int) or a.symbols


@given(sizes, sizes, numbers)
def test_a_quotient_multiplies_back(a, b, values):
    found = quotient(a * b, b)
    if found is not None:
        assert found * b == a * b
    if isinstance(b, Dim) and len(b.terms) == 1:
        assert found == a
    exact = quotient(a, b)
    if exact is not None and at(b, values):
        assert at(exact, values) * at(b, values) == at(a, values)


shapes = st.lists(st.sampled_from([1, 3, Dim.symbol("B"), Dim.symbol("T")]), max_size=3).map(tuple)


@given(shapes, numbers)
def test_a_shape_broadcasts_with_itself_and_with_ones(shape, values):
    ones = (1,) * len(shape)
    assert broadcast(shape, shape) == broadcast(shape, ones) == broadcast(ones, shape) == broadcast(shape, ()) == shape
    assert at(product(shape), values) == product(evaluate(shape, values))
