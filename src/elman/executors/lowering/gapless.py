"""Rows without gaps: what is stored for all time steps of a loop with lengths may leave out what is finished.

Step t of such a value has the rows up to the last that goes on, and the next step's lie right behind them. Where rows
come longest first, as those of a ragged batch do, there is no padding in it: products beside the loop run over the
rows that count, in one piece, and a loop writes no zeros that nobody looks at.

A value is gapless where loops with the same lengths, and products and sums in strips beside them, are all that names
it; a strip has all its values gapless, or none. What anything else reads keeps a place for every row of every step.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from elman.executors.lowering.spec import INPUT, TEMPORARY, Instruction
from elman.executors.lowering.strips import MATMUL, POINTWISE, SCAN, STRIP, root, sizes_of
from elman.executors.lowering.writer import Writer
from elman.shapes import Size, quotient


def gapless(w: Writer, code: Sequence[Instruction], inputs: Collection[int], kept: Collection[int]) -> dict[int, int]:
    """Gapless values, each with the value of its lengths.

    Args: code: all instructions outside bodies. inputs: those loaded step by step. kept: roots that somebody outside
    of the instructions reads.
    """
    return _Uses(w, code, inputs, kept).gapless()


def count_gapless(w: Writer, lengths: Mapping[int, int]) -> None:
    """Count what products in strips save where rows have fewer steps. Args: lengths: what `gapless` gave."""
    for code, _, _ in w.strips:
        for i in code:
            walked = {lengths[v] for v in (*i[1], *i[2]) if v in lengths}
            if i[0] == MATMUL and walked:
                batch, m, n, k = sizes_of(w, i[3])[:4]
                w.count_ragged(
                    walked.pop(), sizes_of(w, next(j[3] for j in code if j[0] == SCAN))[0], 2 * batch * m * n * k
                )


class _Uses:
    """Who names which value, and how."""

    def __init__(self, w: Writer, code: Sequence[Instruction], inputs: Collection[int], kept: Collection[int]) -> None:
        self.w = w
        self.inputs = inputs
        self.whole = set(kept)  # roots that must keep all rows
        self.lengths: dict[int, set[int]] = {}
        self.beside: list[list[int]] = []  # by strip, the values whose rows its products and sums walk
        for i in code:
            if i[0] == SCAN:
                self._loop(i)
            elif i[0] == STRIP:
                self._strip(w.strips[i[6]])
            else:
                self._other(*i[1], *i[2])

    def gapless(self) -> dict[int, int]:
        found = {v: min(n) for v, n in self.lengths.items() if len(n) == 1 and root(self.w, v) not in self.whole}
        before = -1
        while before != len(found):
            before = len(found)
            for values in self.beside:
                if not all(v in found for v in values):
                    found = {v: n for v, n in found.items() if v not in values}
        return found

    def _other(self, *values: int) -> None:
        self.whole.update(root(self.w, v) for v in values)

    def _loop(self, i: Instruction) -> int:
        """A scan. Returns its lengths, or -1 where it takes all rows."""
        body = self.w.bodies[i[6]]
        states, sequences = len(body[1]), len(body[2])
        lengths = i[1][-1] if body[8] and self.w.values[i[1][-1]][0] == INPUT else -1
        walked = [*zip(i[1][states:], body[2], strict=False), *zip(i[2][states:], body[5], strict=True)]
        steps = self._size(i[3][0])
        for value, slice_ in walked:
            each = self._size(self.w.values[slice_][3])
            self._claim(value, lengths if self.w.values[slice_][5] and self._is(value, steps * each) else -1)
        self._other(*i[1][:states], *i[1][states + sequences :], *i[2][:states])
        return lengths

    def _strip(self, strip: tuple[list[Instruction], list[int], list[int]]) -> None:
        code, _, sums = strip
        scan = next(i for i in code if i[0] == SCAN)
        lengths = self._loop(scan)
        steps, rows = (self._size(d) for d in scan[3][:2])
        walked: list[int] = []
        for n, i in enumerate(code):
            if i is scan:
                continue
            if i[0] == POINTWISE:
                self._other(*i[1], *i[2])
                continue
            operands = self._operands(i, n in sums)
            for value, (count, width) in operands.items():
                fits = quotient(count, steps * rows) is not None and self._is(value, count * width)
                self._claim(value, lengths if fits else -1)
            self._other(*(v for v in (*i[1], *i[2]) if v not in operands))
            walked += operands
        self.beside.append(walked)

    def _operands(self, i: Instruction, sums: bool) -> dict[int, tuple[Size, Size]]:
        """What a product or sum walks row by row: how many rows of which width; width 0 where it lies otherwise."""
        sizes = [self._size(d) for d in i[3]]
        if i[0] != MATMUL:
            return {i[1][0]: (sizes[1], sizes[2])}
        _, m, n, k, a_row, a_col, _, b_row, b_col, _, addend = sizes[:11]
        if sums:
            return {
                i[1][0]: (k, m if (a_row, a_col) == (1, m) else 0),
                i[1][1]: (k, n if (b_row, b_col) == (n, 1) else 0),
            }
        walked = {i[1][0]: (m, k if (a_row, a_col) == (k, 1) else 0), i[2][0]: (m, n)}
        return walked if addend == 0 else {**walked, i[1][2]: (m, n)}

    def _claim(self, value: int, lengths: int) -> None:
        self.lengths.setdefault(value, set()).add(lengths)
        if lengths < 0:
            self._other(value)

    def _is(self, value: int, count: Size) -> bool:
        """Whether a value has a memory of its own, of so many elements."""
        home, own = self.w.values[value][0], self._size(self.w.values[value][3])
        return (home == TEMPORARY or (home == INPUT and value in self.inputs)) and own == count

    def _size(self, dim: int) -> Size:
        return sizes_of(self.w, [dim])[0]
