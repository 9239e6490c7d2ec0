"""Open sizes meeting arrays: what binds, and what is refused in which words. The algebra is in tests/properties."""

from __future__ import annotations

import pytest

from elman.errors import ShapeError
from elman.shapes import (
    B,
    Dim,
    T,
    bind,
    broadcast,
    evaluate,
    is_symbol,
    product,
    quotient,
    share,
    symbols,
    text,
)


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


def test_what_divides_moves_out_of_a_whole_quotient():
    assert share(7, 2) == 3
    assert share(4 * T + 6, 2) == 2 * T + 3
    assert share(T + 3, 2) == share(T + 1, 2) + 1
    assert str(share(T, 2)) == "(T//2)"
    assert share(T, 1) == T
    assert [share(3 * T - 1, 2).evaluate({"T": n}) for n in range(4)] == [(3 * n - 1) // 2 for n in range(4)]


def test_a_quotient_depends_on_what_is_inside_it():
    half = share(T + 1, 2)
    assert half.symbols == {"T"}
    assert half.atoms == {"((T + 1)//2)"}
    assert share(half + 1, 3).evaluate({"T": 9}) == 2
    assert share(half + T, 2).symbols == {"T"}
    assert not is_symbol(half)
    assert half * B == B * half


def test_the_batch_is_not_shared_out():
    with pytest.raises(ShapeError, match=r"axis must be any but the batch to be shared out\. Received axis=?.*B"):
        share(B + 1, 2)


def test_a_quotient_is_checked_where_its_symbol_is_known():
    half = share(T + 1, 2)
    sizes = {"T": 5}
    bind("fit", "y", (B, half), (2, 3), sizes)
    with pytest.raises(ShapeError, match=r"with \(\(T \+ 1\)//2\) = 3 as elsewhere"):
        bind("fit", "y", (B, half), (2, 4), sizes)


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
            "Plan: x must have shape (B, T, 8). Received shape (32, 8): no time axis. "
            "Add one with x[:, None, :] (one step) or x[..., None] (one feature).",
        ),
        (
            (B, 8),
            (32,),
            {},
            "Plan: x must have shape (B, 8). Received shape (32,): no feature axis. Add one with x[..., None].",
        ),
        (
            (B,),
            (3, 2, 1),
            {},
            "Plan: x must have shape (B,). Received shape (3, 2, 1): 2 axes too many. Reshape it to rank 1.",
        ),
        (
            (B, 8),
            (3, 7),
            {},
            "Plan: x must have shape (B, 8). Received shape (3, 7). Axis 1 must have size 8.",
        ),
        (
            (B, 8),
            (3, 8),
            {"B": 4},
            "Plan: x must have shape (B, 8) with B = 4 as elsewhere. Received shape (3, 8). "
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
