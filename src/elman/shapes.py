"""Shapes whose sizes may be symbols: the batch B and the time T stay open until a plan is bound to arrays.

A `Dim` is a polynomial with integer coefficients over named symbols (`B`, `T`, …), kept in a canonical form so that two
sizes are equal exactly when they print the same: `B*T` from a reshape equals `T*B` from another. Integers stay plain
`int`; a `Dim` never stands for a known number. Strides and segments divide sizes: the whole part of a quotient,
`(T + 1)//2`, or of a root is a symbol of its own (`Derived`), whose number follows from those inside it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, reduce
from typing import Self

from elman.errors import ShapeError

Monomial = tuple[str, ...]


class Dim:
    """An unknown size: a sum of integer multiples of products of symbols.

    Example:
        >>> B, T = Dim.symbol("B"), Dim.symbol("T")
        >>> B * T + 2, (B * T).evaluate({"B": 4, "T": 3})
        (B*T + 2, 12)
    """

    __slots__ = ("_hash", "terms")
    terms: tuple[tuple[Monomial, int], ...]

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        self.terms = tuple(sorted((m, c) for m, c in terms.items() if c != 0))
        self._hash = hash(self.terms)

    @staticmethod
    def symbol(name: str) -> Dim:
        """The open size called `name`."""
        return Dim({(name,): 1})

    @property
    def atoms(self) -> frozenset[str]:
        """What the size is a polynomial of: symbols, given and derived."""
        return frozenset(s for monomial, _ in self.terms for s in monomial)

    @property
    def symbols(self) -> frozenset[str]:
        """Names of the given symbols this size depends on."""
        found: set[str] = set()
        for s in self.atoms:
            parts = [d for d in (s.of, s.by) if isinstance(d, Dim)] if isinstance(s, Derived) else []
            found |= {name for d in parts for name in d.symbols} if isinstance(s, Derived) else {s}
        return frozenset(found)

    def evaluate(self, sizes: Mapping[str, int]) -> int:
        """The number, once every given symbol has one."""
        return sum(c * reduce(lambda acc, s: acc * number(s, sizes), m, 1) for m, c in self.terms)

    def __add__(self, other: Size) -> Size:
        terms = dict(self.terms)
        for monomial, c in _terms(other):
            terms[monomial] = terms.get(monomial, 0) + c
        return _canonical(terms)

    def __neg__(self) -> Size:
        return _canonical({m: -c for m, c in self.terms})

    def __sub__(self, other: Size) -> Size:
        return self + (-other)

    def __rsub__(self, other: Size) -> Size:
        return (-self) + other

    def __mul__(self, other: Size) -> Size:
        product: dict[Monomial, int] = {}
        for m1, c1 in self.terms:
            for m2, c2 in _terms(other):
                key = tuple(sorted(m1 + m2))
                product[key] = product.get(key, 0) + c1 * c2
        return _canonical(product)

    __radd__ = __add__
    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Dim) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        parts = []
        for monomial, c in sorted(self.terms, key=lambda term: (-len(term[0]), term[0])):
            body = "*".join(monomial)
            parts.append(str(c) if not body else body if c == 1 else f"{c}*{body}")
        return " + ".join(parts)


Size = int | Dim
Shape = tuple[Size, ...]

B = Dim.symbol("B")
T = Dim.symbol("T")


class Derived(str):
    """A symbol whose number follows from others: `of // by`; where `by` is None, the whole part of the root of `of`."""

    of: Dim
    by: Size | None

    def __new__(cls, of: Dim, by: Size | None) -> Self:
        """The symbol, named by what it is: equal ones print the same."""
        part = f"({by})" if isinstance(by, Dim) else by
        inner = repr(of)
        made = super().__new__(
            cls, f"root({of})" if by is None else f"({f'({inner})' if ' ' in inner else inner}//{part})"
        )
        made.of, made.by = of, by
        return made


def root(size: Size) -> Size:
    """The whole part of the square root, at least 1.

    Example:
        >>> root(T), root(T).evaluate({"T": 30}), root(30)
        (root(T), 5, 5)
    """
    return Dim.symbol(Derived(size, None)) if isinstance(size, Dim) else max(1, math.isqrt(size))


def share(size: Size, part: Size) -> Size:
    """How many whole parts fit into a size: size // part. What a number divides moves out of the quotient.

    Raises: ShapeError: the batch is shared out; its rows would no longer stand alone.
    Example:
        >>> share(T, 4), share(T, 4).evaluate({"T": 30}), share(T, root(T)).evaluate({"T": 30})
        ((T//4), 7, 6)
        >>> share(4 * T + 3, 2), share(T + 3, 2)
        (2*T + 1, ((T + 1)//2) + 1)
    """
    if isinstance(size, int) and isinstance(part, int):
        return size // part
    if isinstance(size, Dim) and "B" in size.symbols:
        raise ShapeError.at("shapes", "axis", "any but the batch to be shared out", size, "Move the batch elsewhere.")
    if isinstance(part, Dim):
        return Dim.symbol(Derived(size if isinstance(size, Dim) else Dim({(): size}), part))
    whole = _canonical({m: c // part for m, c in _terms(size)})
    rest = _canonical({m: c % part for m, c in _terms(size)})
    return whole + (rest // part if isinstance(rest, int) else Dim.symbol(Derived(rest, part)))


def number(symbol: str, sizes: Mapping[str, int]) -> int:
    """The number of a symbol, given or derived from others. Raises: KeyError: it has none."""
    if symbol in sizes or not isinstance(symbol, Derived):
        return sizes[symbol]
    whole = symbol.of.evaluate(sizes)
    if symbol.by is None:
        return max(1, math.isqrt(whole))
    return whole // (symbol.by if isinstance(symbol.by, int) else symbol.by.evaluate(sizes))


def filled(size: Size, sizes: Mapping[str, int]) -> Size:
    """A size with numbers for some of its symbols; the others stay.

    Example:
        >>> filled(B * T + 2, {"B": 4}), filled(share(T, 4), {"B": 4}), filled(share(T, 4), {"T": 30})
        (4*T + 2, (T//4), 7)
    """
    if isinstance(size, int):
        return size
    total: Size = 0
    for monomial, c in size.terms:
        known = [s for s in monomial if Dim({(s,): 1}).symbols <= sizes.keys()]
        part = Dim({tuple(s for s in monomial if s not in known): 1}) if len(known) < len(monomial) else 1
        total = part * (c * math.prod(number(s, sizes) for s in known)) + total
    return total


def _terms(size: Size) -> Iterable[tuple[Monomial, int]]:
    return size.terms if isinstance(size, Dim) else (((), size),)


def _canonical(terms: Mapping[Monomial, int]) -> Size:
    kept = {m: c for m, c in terms.items() if c != 0}
    if not kept:
        return 0
    if set(kept) == {()}:
        return kept[()]
    return Dim(kept)


def product(sizes: Iterable[Size]) -> Size:
    """The number of elements of a shape."""
    total: Size = 1
    for size in sizes:
        total = total * size
    return total


def quotient(a: Size, b: Size) -> Size | None:
    """a / b when it divides exactly, else None."""
    if isinstance(a, int) and isinstance(b, int):
        return a // b if b != 0 and a % b == 0 else None
    if a == 0:
        return 0
    divisor = list(_terms(b))
    if len(divisor) != 1:
        return 1 if a == b else None
    (monomial, coefficient) = divisor[0]
    result: dict[Monomial, int] = {}
    for m, c in _terms(a):
        rest = list(m)
        for s in monomial:
            if s not in rest:
                return None
            rest.remove(s)
        if coefficient == 0 or c % coefficient:
            return None
        result[tuple(rest)] = c // coefficient
    return _canonical(result)


def evaluate(shape: Sequence[Size], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape with every symbol replaced by its number."""
    return tuple(d if isinstance(d, int) else d.evaluate(sizes) for d in shape)


def symbols(shape: Iterable[Size]) -> frozenset[str]:
    """Every symbol a shape mentions."""
    return frozenset(s for d in shape if isinstance(d, Dim) for s in d.symbols)


@lru_cache(maxsize=4096)
def broadcast(a: Shape, b: Shape) -> Shape:
    """NumPy's broadcasting rule on possibly open sizes; an open size meets only itself or 1.

    Raises: ShapeError: two sizes that differ and neither is 1.
    Example:
        >>> broadcast((B, 1, 8), (3, 8))
        (B, 3, 8)
    """
    rank = max(len(a), len(b))
    left = (1,) * (rank - len(a)) + a
    right = (1,) * (rank - len(b)) + b
    out: list[Size] = []
    for x, y in zip(left, right, strict=True):
        if x != y and x != 1 and y != 1:
            raise ShapeError.at(
                "broadcast",
                "shapes",
                "equal or 1 axis by axis",
                f"{text(a)} and {text(b)}",
                "Reshape one of them, or add an axis of size 1.",
            )
        out.append(y if x == 1 else x)
    return tuple(out)


def text(shape: Sequence[Size | str]) -> str:
    """A shape as a person reads it; letters may stand for sizes.

    Example:
        >>> text((B, 3)), text((B,))
        ('(B, 3)', '(B,)')
    """
    inner = ", ".join(str(d) for d in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def is_symbol(size: Size) -> bool:
    """Whether a size is one bare symbol, as the sizes of graph inputs are."""
    return isinstance(size, Dim) and re.fullmatch(r"[A-Za-z_]\w*", repr(size)) is not None


def rank_problem(name: str, wanted: Sequence[Size | str], rank: int) -> tuple[str, str]:
    """What is wrong with an array's rank, and the cure: the same words from `fit`, a layer, or a plan.

    Example:
        >>> rank_problem("x", ("B", "T", "F"), 2)
        ('no time axis', 'Add one with x[:, None, :] (one step) or x[..., None] (one feature).')
    """
    missing = len(wanted) - rank
    if missing == 1 and len(wanted) == 3:
        return "no time axis", f"Add one with {name}[:, None, :] (one step) or {name}[..., None] (one feature)."
    if missing == 1 and rank:
        return "no feature axis", f"Add one with {name}[..., None]."
    count, what = abs(missing), "too few" if missing > 0 else "too many"
    return f"{count} {'axis' if count == 1 else 'axes'} {what}", f"Reshape it to rank {len(wanted)}."


def bind(where: str, name: str, shape: Shape, actual: tuple[int, ...], sizes: dict[str, int]) -> None:
    """Match an array's shape against a declared one and record what its symbols are.

    Raises: ShapeError: wrong rank, a fixed size that differs, or one symbol with two numbers.
    """
    if len(shape) != len(actual):
        because, cure = rank_problem(name, shape, len(actual))
        raise ShapeError.at(where, name, f"have shape {text(shape)}", text(actual), cure, because=because)
    for axis, (declared, size) in enumerate(zip(shape, actual, strict=True)):
        if isinstance(declared, int):
            if declared != size:
                raise ShapeError.at(
                    where,
                    name,
                    f"have shape {text(shape)}",
                    text(actual),
                    f"Axis {axis} must have size {declared}.",
                )
            continue
        if not is_symbol(declared) and declared.symbols <= sizes.keys():
            known = declared.evaluate(sizes)
        else:
            known = sizes.setdefault(repr(declared), size)
        if known != size:
            raise ShapeError.at(
                where,
                name,
                f"have shape {text(shape)} with {declared} = {known} as elsewhere",
                text(actual),
                f"Give every input the same {declared}.",
            )
