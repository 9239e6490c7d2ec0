"""Strips: a loop and the products beside it run for a few time steps at a time.

The products that make a loop's sequences (projections of its inputs) and those that read what it stacks (gradients of
weights and of inputs) are large, and what passes between them and the loop is the largest array of a training step.
Run strip by strip, that array is read while it lies in the cache, and where nobody else reads it, every strip uses
the same piece of its memory. Rows of products do not depend on each other; sums over time are added up strip by strip,
in the order in which the loop goes, which the sizes alone decide.

So is element-wise work that makes a sequence (the gradient of a loss at each step), together with the sums over all of
what else it makes (the loss itself): then neither array is ever whole.

Source: blocking for caches as in Wolf and Lam 1991, "A data locality optimizing algorithm", §2, over the time steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from elman.executors.lowering.spec import OPS, PART, TEMPORARY, Instruction
from elman.executors.lowering.views import contiguous_strides
from elman.executors.lowering.writer import Writer
from elman.executors.shards import BATCH
from elman.shapes import Dim, Size, product, quotient

MATMUL, POINTWISE, REDUCE, SCAN, STRIP = (OPS[name] for name in ("matmul", "pointwise", "reduce", "scan", "strip"))
VECTOR = 16
"""Elements of the longest vector."""
LONG = 32
"""Elements of a row of an input that is copied where it is multiplied, not before."""
SUM = 0
"""ReduceKind of native/include/elman/kernels.h."""


class _Loop(NamedTuple):
    """A scan: where it stands, its steps, the values it walks along, those it stacks, and those it reads whole."""

    at: int
    steps: Size
    sequences: Sequence[int]
    stacks: Sequence[int]
    others: Sequence[int]


def cut(w: Writer, code: list[Instruction], uses: Counter[int], kept: Collection[int]) -> list[Instruction]:
    """The instructions of a segment, with strips in the place of loops that have products beside them.

    Args: uses: by root, how many instructions of the whole plan name it. kept: roots that something else reads.
    """
    loops = [_loop(w, code, at) for at, i in enumerate(code) if i[0] == SCAN]
    taken: dict[int, _Loop] = {}
    for loop in loops:
        for at, i in enumerate(code[: loop.at]):
            if i[0] == MATMUL and uses[root(w, i[2][0])] == 2 and _makes(w, i, loop):
                taken[at] = loop
    for loop in loops:
        for at, i in enumerate(code):
            if at > loop.at and at not in taken and _reads(w, i, loop) and _ready(w, code, at, loop):
                taken[at] = loop
        for at, i in enumerate(code):
            if at > loop.at and at not in taken and i[0] == POINTWISE and _ready(w, code, at, loop):
                taken.update(dict.fromkeys(_only_added_up(w, code, at, loop, uses, kept), loop))
    for loop in loops:
        for at, i in enumerate(code[: loop.at]):
            sums = _sums_of(w, code, at, loop, taken) if at not in taken and i[0] == POINTWISE else None
            if sums is not None:
                taken.update(dict.fromkeys((at, *sums), loop))
    groups = {loop.at: sorted(at for at, other in taken.items() if other is loop) for loop in loops}
    inside = {at for ats in groups.values() for at in ats}
    made = (_strip(w, code, at, groups[at], uses, kept) if groups.get(at) else i for at, i in enumerate(code))
    return [i for at, i in enumerate(made) if at not in inside]


def root(w: Writer, value: int) -> int:
    """The value in whose memory a value lies."""
    while w.values[value][0] == PART:
        value = w.values[value][2]
    return value


def named(w: Writer, code: Sequence[Instruction]) -> Iterator[int]:
    """The roots that each instruction names, once an instruction."""
    for i in code:
        yield from {root(w, v) for v in (*i[1], *i[2])}


def _loop(w: Writer, code: Sequence[Instruction], at: int) -> _Loop:
    _, ins, outs, dims, _, _, body, _ = code[at]
    states, sequences = len(w.bodies[body][1]), len(w.bodies[body][2])
    first, last = states, states + sequences
    return _Loop(at, sizes_of(w, dims)[0], ins[first:last], outs[states:], [*ins[:first], *ins[last:]])


def sizes_of(w: Writer, dims: Sequence[int]) -> list[Size]:
    """Sizes by their numbers in the table."""
    table = list(w.dims)
    return [table[d] for d in dims]


def _makes(w: Writer, i: Instruction, loop: _Loop) -> bool:
    """Whether a product makes a sequence of the loop, some rows of it a step."""
    batch, rows = sizes_of(w, i[3])[:2]
    whole = w.values[i[2][0]][0] == TEMPORARY and _only_walked(w, i[2], i[2], loop)
    return whole and i[2][0] in loop.sequences and batch == 1 and quotient(rows, loop.steps) is not None


def _only_walked(w: Writer, made: Sequence[int], sequences: Collection[int], loop: _Loop) -> bool:
    """Whether the loop reads of what is made beside it nothing but sequences, no element before its step."""
    roots = {root(w, v) for v in made}
    walked = all(v in sequences for v in loop.sequences if root(w, v) in roots)
    return walked and roots.isdisjoint(root(w, v) for v in loop.others)


def _reads(w: Writer, i: Instruction, loop: _Loop) -> bool:
    """Whether an instruction takes a stack of the loop row by row, or adds up over its rows."""
    if i[0] == REDUCE and i[1][0] in loop.stacks and i[4][0] == SUM:
        outer, length, _ = sizes_of(w, i[3])
        return outer == 1 and quotient(length, loop.steps) is not None
    if i[0] != MATMUL:
        return False
    batch, m, _, k, a_row, a_col = sizes_of(w, i[3])[:6]
    if i[1][0] in loop.stacks and (a_row, a_col) == (k, 1) and _size(w, i[1][0]) == m * k:
        return batch == 1 and i[1][1] not in loop.stacks and quotient(m, loop.steps) is not None
    return batch == 1 and _adds_up(w, i, loop) and quotient(k, loop.steps) is not None


def _adds_up(w: Writer, i: Instruction, loop: _Loop) -> bool:
    """Whether a product's sums run over the rows of a stack."""
    _, _, n, k, _, _, _, b_row, b_col = sizes_of(w, i[3])[:9]
    return i[1][1] in loop.stacks and (b_row, b_col) == (n, 1) and _size(w, i[1][1]) == k * n


def _time_axis(w: Writer, i: Instruction, loop: _Loop) -> int | None:
    """The axis of time of element-wise work that makes a sequence of the loop, step after step; else None."""
    for out in set(loop.sequences).intersection(i[2]):
        for axis in range(i[4][0]):
            if w.values[out][0] == TEMPORARY and _by_time(w, i, loop, out, axis):
                return axis
    return None


def _by_time(w: Writer, i: Instruction, loop: _Loop, out: int, axis: int) -> bool:
    """Whether a result of element-wise work has the steps of the loop on this axis, one after another."""
    axes, sizes = i[4][0], sizes_of(w, i[3])
    stride = sizes[axes * (1 + len(i[1]) + i[2].index(out)) + axis]
    return sizes[axis] == loop.steps and stride == quotient(_size(w, out), loop.steps)


def _sums_of(
    w: Writer, code: Sequence[Instruction], at: int, loop: _Loop, taken: Mapping[int, _Loop]
) -> list[int] | None:
    """Where all of what element-wise work makes beside a sequence is added up.

    None where it cannot run beside the loop: it makes no sequence of it, or something else waits for it.
    """
    axis, outs, by_row = _time_axis(w, code[at], loop), code[at][2], code[at][5][-1]
    own = not by_row and all(w.values[v][0] in (TEMPORARY, PART) for v in outs)
    if axis is None or not own or w.bodies[code[loop.at][6]][7]:
        return None
    sums = []
    for n, i in enumerate(code):
        whole = i[0] == REDUCE and i[1][0] in outs and i[4][0] == SUM
        if whole and sizes_of(w, i[3])[::2] == [1, 1] and _by_time(w, code[at], loop, i[1][0], axis):
            sums.append(n)
    made = [*outs, *(v for n in sums for v in code[n][2])]
    steps = [v for v in outs if _by_time(w, code[at], loop, v, axis)]
    sooner = (n for n, other in taken.items() if loop.at < n and other.at < loop.at)
    between = [code[n] for n in (*range(at + 1, loop.at), *sooner) if n not in sums]
    beside = (code[n] for n, other in taken.items() if other is loop)
    waits = not _only_walked(w, made, steps, loop) or not all(_in_step(w, i, loop, made, steps) for i in beside)
    return None if waits or {root(w, v) for v in made}.intersection(named(w, between)) else sums


def read_by_row(w: Writer, value: int, uses: Counter[int], stepwise: bool) -> bool:
    """Whether only strips read an input, row after row of the batch: its rows need not be gathered then.

    They do so in element-wise work on whole vectors, or in products of its steps. stepwise: they would be gathered.
    """
    readers = [(i, code) for code, _, _ in w.strips for i in code if value in i[1]]
    if not readers or uses[value] != len(readers) or not w.values[value][5]:
        return False
    if stepwise:
        return all(_multiplies_steps(w, i, code, value) for i, code in readers)
    return len(readers) == 1 and _walks_vectors(w, readers[0][0], value)


def _multiplies_steps(w: Writer, i: Instruction, code: Sequence[Instruction], value: int) -> bool:
    """Whether an instruction of a strip multiplies the steps of an input, each row of them long enough to be copied."""
    if i[0] != MATMUL or i[4][1] or i[1].count(value) != 1 or i[1][0] != value:
        return False
    batch, m, _, k, a_row, a_col = sizes_of(w, i[3])[:6]
    steps = next(sizes_of(w, j[3])[0] for j in code if j[0] == SCAN)
    plain = batch == 1 and m == steps * Dim.symbol(BATCH) and (a_row, a_col) == (k, 1)
    return plain and isinstance(k, int) and k >= LONG and _size(w, value) == m * k


def _walks_vectors(w: Writer, i: Instruction, value: int) -> bool:
    """Whether an instruction is element-wise work on an input, in whole vectors of a row."""
    if i[0] != POINTWISE:
        return False
    (axes, time), sizes = i[4], sizes_of(w, i[3])
    first = axes * (1 + i[1].index(value))
    last = product(sizes[time + 1 : axes])
    plain = tuple(sizes[first : first + axes]) == contiguous_strides(tuple(sizes[:axes]))
    vectors = isinstance(last, int) and last % VECTOR == 0 and w.values[value][1] == 0
    return plain and vectors and time > 0 and sizes[0] == Dim.symbol(BATCH) and i[1].count(value) == 1


def _only_added_up(
    w: Writer, code: Sequence[Instruction], at: int, loop: _Loop, uses: Counter[int], kept: Collection[int]
) -> list[int]:
    """Where element-wise work on stacks stands, and the sums over rows that are all that reads it; or nothing.

    Such are the gradients of weights that scale or shift: sums of products of two stacks.
    """
    i = code[at]
    steps = (_by_time(w, i, loop, out, 0) and w.values[out][0] == TEMPORARY for out in i[2])
    if i[5][-1] or not set(loop.stacks).intersection(i[1]) or not all(steps):
        return []
    sums = [n for n, s in enumerate(code) if s[0] == REDUCE and s[1][0] in i[2] and s[4][0] == SUM]
    read = Counter(code[n][1][0] for n in sums)
    alone = all(read[out] == 1 and uses[out] == 2 and out not in kept for out in i[2])
    whole = (sizes_of(w, code[n][3])[:2] for n in sums)
    return [at, *sums] if alone and all(o == 1 and quotient(m, loop.steps) is not None for o, m in whole) else []


def _size(w: Writer, value: int) -> Size:
    return sizes_of(w, [w.values[value][3]])[0]


def _ready(w: Writer, code: Sequence[Instruction], at: int, loop: _Loop) -> bool:
    """Whether all that an instruction reads is there when the loop starts, or is stacked and read step by step."""
    reads = {root(w, v) for v in code[at][1]}
    later = (v for i in code[loop.at + 1 : at] for v in i[2])
    there = reads.isdisjoint(root(w, v) for v in later)
    return there and _in_step(w, code[at], loop, code[loop.at][2], loop.stacks)


def _in_step(w: Writer, i: Instruction, loop: _Loop, made: Sequence[int], stacks: Collection[int]) -> bool:
    """Whether an instruction beside the loop reads, of what is made there, at each step what there is at that step.

    So it does of stacks that it walks along as the loop does, and of states before each step, which lie in the memory
    of those after it; not of the last state, nor of stacks cut, turned or repeated.

    Args: made: values. stacks: those of them that are made step after step.
    """
    roots = {root(w, v) for v in made}
    whole = {(root(w, v), _size(w, v)) for v in stacks}
    read = ((n, (root(w, v), _size(w, v))) for n, v in enumerate(i[1]))
    return all(known in whole and _walks(w, i, n, loop) for n, known in read if known[0] in roots)


def _walks(w: Writer, i: Instruction, n: int, loop: _Loop) -> bool:
    """Whether an operand is read from its start to its end as the steps of an instruction beside the loop go on."""
    sizes, size = sizes_of(w, i[3]), _size(w, i[1][n])
    if i[0] == POINTWISE:
        return bool(sizes[i[4][0] * (1 + n)] == quotient(size, loop.steps))
    if i[0] == REDUCE:
        return True
    m, columns, k, *a = sizes[1:6]
    if _adds_up(w, i, loop):
        return n == 1 or (n == 0 and a == [1, m] and size == m * k)
    return n == 0 or (n == 2 and sizes[10] == columns and size == m * columns)


def _strip(
    w: Writer, code: Sequence[Instruction], at: int, beside: Sequence[int], uses: Counter[int], kept: Collection[int]
) -> Instruction:
    """One instruction for a loop and what stands beside it: its body is their list."""
    loop, body = _loop(w, code, at), w.bodies[code[at][6]]
    worked = {n for n in beside if code[n][0] == POINTWISE}
    filled = {v for n in worked if n < at for v in code[n][2]}
    first = {n for n in beside if code[n][0] == REDUCE and code[n][1][0] in filled} | {n for n in worked if n < at}
    group = [_stepwise(w, code[n], loop) for n in sorted([at, *beside], key=lambda n: (n not in first, n))]
    inside = Counter(named(w, group))
    states = {root(w, v) for v in body[4]}
    passing = [v for v, made in zip(loop.stacks, body[5], strict=True) if root(w, made) not in states]
    made = {v for n in worked for v in code[n][2]}
    added = [i[1][0] for i in group if i[0] == REDUCE and i[1][0] in made]
    local = [
        v
        for v in {*loop.sequences, *passing, *added}
        if w.values[v][0] == TEMPORARY and v not in kept and 1 < inside[v] == uses[v]
    ]
    sums = [n for n, i in enumerate(group) if i[0] == REDUCE or (i[0] == MATMUL and _adds_up(w, i, loop))]
    w.strips.append((group, local, sums))
    ins, outs = ([v for i in group for v in i[which]] for which in (1, 2))
    return (STRIP, ins, outs, code[at][3][:1], [], None, len(w.strips) - 1, "strip")


def _stepwise(w: Writer, i: Instruction, loop: _Loop) -> Instruction:
    """An instruction as it stands in a strip: element-wise work is told which axis is time."""
    return i if i[0] != POINTWISE else (*i[:4], [*i[4], _time_axis(w, i, loop) or 0], *i[5:])
