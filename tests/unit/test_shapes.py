"""Open sizes meeting arrays: what binds, and what is refused in which words. The algebra is in tests/properties."""

from __future__ import annotations

import pytest

from elman.errors import ShapeError
from elman.shapes import B, Dim, T, bind, broadcast, evaluate, is_symbol, product, quotient, symbols, text


def test_sizes_print_as_people_write_them():
    assert [str(d) for d in (B, B * T, 2 * B + 1, B - T, B * B)] == ["B", "B*T", "2*B + 1", "B + -1*T", "B*B"]
    assert (text((B, 3)), text((B,)), text(())) == ("(B, 3)", "(B,)", "()")


def test_sizes_are_known_once_their_symbols_are():
    assert evaluate((B, 2 * B + T, 7), {"B": 3, "T": 4}) == (3, 10, 7)
    assert symbols((B, T * 2, 3)) == {"B", "T"}
    assert product((B, 2, T)) == 2 * B * T
    assert product(()) == 1
    assert 5 - B + B == 5


def test_only_bare_symbols_are_symbols():
    assert is_symbol(B)
    assert not any(is_symbol(d) for d in (3, B * T, B + 1, 2 * B))


def test_quotients_that_do_not_exist():
    assert quotient(B * T, B) == T
    assert quotient(6 * B, 4) is None
    assert quotient(B, T) is None
    assert quotient(B + T, B + T) == 1
    assert quotient(B, 0) is None
    assert (quotient(0, B), quotient(0, 3), quotient(0, 0)) == (0, 0, None)


def test_an_open_size_meets_itself_or_1():
    assert broadcast((B, 1, 8), (3, 8)) == (B, 3, 8)
    assert broadcast((), (B,)) == (B,)
    with pytest.raises(ShapeError, match="shapes must be equal or 1 axis by axis"):
        broadcast((B,), (3,))


def test_binding_notes_the_sizes():
    sizes: dict[str, int] = {}
    bind("Plan", "x", (B, T, 3), (4, 5, 3), sizes)
    bind("Plan", "n", (B,), (4,), sizes)
    assert sizes == {"B": 4, "T": 5}


@pytest.mark.parametrize(
    ("shape", "actual", "known", "message"),
    [
        (
            (B, T, 8),
            (32, 8),
            {},
            "Plan: x must be of shape (B, T, 8). Received an array of shape (32, 8). An axis is missing: add it with "
            "x[:, None, :] (time) or x[..., None] (features).",
        ),
        (
            (B, 8),
            (32,),
            {},
            "Plan: x must be of shape (B, 8). Received an array of shape (32,). An axis is missing: add it with "
            "x[:, None].",
        ),
        (
            (B,),
            (3, 2, 1),
            {},
            "Plan: x must be of shape (B,). Received an array of shape (3, 2, 1). Reshape it to rank 1.",
        ),
        (
            (B, 8),
            (3, 7),
            {},
            "Plan: x must be of shape (B, 8). Received an array of shape (3, 7). Axis 1 must have size 8.",
        ),
        (
            (B, 8),
            (3, 8),
            {"B": 4},
            "Plan: x must be of shape (B, 8) with B = 4 as elsewhere. Received an array of shape (3, 8). "
            "Give every input the same B.",
        ),
    ],
)
def test_what_does_not_bind(shape, actual, known, message):
    with pytest.raises(ShapeError) as error:
        bind("Plan", "x", shape, actual, dict(known))
    assert str(error.value) == message


def test_a_size_is_no_number_by_accident():
    assert Dim.symbol("B") == B
    assert B != 3
    assert B != "B"
