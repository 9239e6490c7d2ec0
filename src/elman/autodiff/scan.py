"""Backpropagation through time: the derivative of a scan is a scan that runs the other way.

The backward body is the derivative of one step: it receives the gradients of the states after the step and of the
step's outputs, and gives those of the states before it and of the slices. What it needs of the forward step is
either a sequence that already exists, or is added to the forward scan as one more output (the forward scan is
*extended*; `graph/rewrite/simplify.py` lets the extension replace the original).

Gradients of captured values (the weights) are *deferred*: a product h_t @ U inside the loop would give T small
products h_tᵀ @ dz_t to add up; instead h and dz are kept for all t and one product over T*B rows follows the loop.
The same holds for convolutions with a captured kernel, and for additions and multiplications with a captured value
(biases, peepholes), whose gradients are one sum after the loop. A captured matrix for each row (a memory that is looked
at) gets one product a row, over T steps.

What is one cheap step away from values that are kept (a row without its mean, where both are there) is made again
instead of kept: an array of all steps costs more than its computation.

Lengths need little care: the backward scan has the forward one's lengths, so a finished row passes its state's
gradient on unchanged and its kept rows are 0. Only what is put off and divides by them is set to 0 there. What joins
rows of the batch in a step (their mean) has no row that could end: it is refused.

Source: Werbos 1990, "Backpropagation through time: what it does and how to do it"; deferral as in Appleyard et al.
    2016, §3.1.
Cost: the kept sequences take T times what one step computes. Of a scan in segments (`graph/rewrite/segment.py`) only
    the states before each segment are kept: the backward body starts with the forward one, computed again, nothing is
    deferred past the segment, and gradients of captured values are added up in states of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from elman.autodiff.reverse import Key, key, unbroadcast, walk
from elman.autodiff.rows import Rows, follow
from elman.autodiff.rules import RULES
from elman.errors import GraphError
from elman.graph import trace as ops
from elman.graph.node import Graph, Node, Tensor, ancestors, kind, placeholder
from elman.graph.rewrite.rebuild import copy, rebuild
from elman.graph.trace import close
from elman.shapes import text

Deferral = tuple[Node, int, Tensor]  # a body node, which of its operands is captured, the gradient of its output

_FINITE = ("Add", "Sub", "Mul", "Max", "Min", "Where")
"""Pointwise operators whose gradient is 0 where that of the output and the operands are: not so c / 0, or 0 ^ c."""

_CHEAP = ("Add", "Sub", "Mul", "Neg")
"""Pointwise operators that cost less than the memory of their result."""


def scan_rule(node: Node, grads: Sequence[Tensor | None]) -> Sequence[Tensor | None]:
    """Gradients of a scan's inputs: initial states, sequences, captured values; None for lengths.

    Shapes: grads as the outputs, states (B, ...), sequences (T, B, ...) -> each as its input.
    """
    return _Backward(node, grads).run()


class _Backward:
    """One scan's way back. Holds the tables that tie the two bodies together; lives for one call of `run`."""

    def __init__(self, node: Node, grads: Sequence[Tensor | None]) -> None:
        self.node, self.grads = node, grads
        self.body: Graph = node.attrs["body"]
        self.carries, self.sequences = node.attrs["carries"], node.attrs["sequences"]
        at = self.carries + self.sequences
        self.states, self.slices, self.captured = (
            self.body.inputs[: self.carries],
            self.body.inputs[self.carries : at],
            self.body.inputs[at:],
        )
        self.kept: dict[Key, Tensor] = {}
        self.remade: set[Key] = set()
        self.stacked: dict[Key, Tensor] = {}
        self.outer = dict(zip((key(t) for t in self.body.inputs), node.inputs, strict=False))
        self.again = bool(node.attrs.get("segments"))  # compute the forward body again instead of keeping its values
        inputs = {t.node.serial for t in self.body.inputs}
        self.forward_nodes = inputs if self.again else inputs | {n.serial for n in self.body.nodes()}
        self.fixed = self._fixed()
        self.rows = self._follow_rows()
        self.deferred: dict[Key, list[Deferral]] = {}

    def run(self) -> Sequence[Tensor | None]:
        outputs, at = self.body.outputs, self.carries + self.sequences
        d_states = [placeholder(f"d_{t.node.attrs['name']}", t.shape, t.dtype) for t in self.states]
        live = {i: g for i, g in enumerate(self.grads) if g is not None and i >= self.carries}
        d_outputs = [placeholder(f"d_output{i}", outputs[i].shape, outputs[i].dtype) for i in live]
        seeds = [
            *zip(outputs[: self.carries], d_states, strict=True),
            *zip((outputs[i] for i in live), d_outputs, strict=True),
        ]
        found = walk(seeds, self.body.inputs, scan_rule, None if self.again else self._defer)
        sums = self._summed(found)
        # A state whose gradient is 0 still walks: the loop back has as many states as the loop forth.
        before = [g if g is not None else ops.zeros(t.shape, t.dtype) for g, t in zip(found, self.states, strict=False)]
        stepwise = [g for i, g in enumerate(found) if i >= self.carries and i not in sums and g is not None]
        terms = self._deferred_terms()
        made_here = [t for t in terms if t.node.serial not in self.forward_nodes]
        before += [so_far + g for so_far, g in sums.values()]
        roots = [*before, *stepwise, *made_here]
        read = self._read(roots)
        wanted = [*read, *(t for t in terms if t.node.serial in self.forward_nodes)]
        self.remade, beside = self._remade(wanted)
        self.kept = self._keep([*(t for t in wanted if key(t) not in self.remade), *beside])
        read = self._instead(read)
        made = self._walk_back(
            [*d_states, *(so_far for so_far, _ in sums.values())], d_outputs, list(live.values()), roots, read
        )
        whole = dict(zip(sums, made[self.carries :], strict=False))
        stacks = iter(made[self.carries + len(sums) :])
        kept = [i >= self.carries and i not in sums and g is not None for i, g in enumerate(found)]
        found_outer = [next(stacks) if stacked else None for stacked in kept]
        d_sequences, d_captured = found_outer[self.carries : at], found_outer[at:]
        self.stacked = {key(t): next(stacks) for t in made_here}
        # What could not be put off came out step by step: its sum over time is the gradient.
        totals = [None if g is None else ops.sum(g, 0) for g in d_captured]
        totals = [whole.get(at + i, total) for i, total in enumerate(totals)]
        for i, t in enumerate(self.body.inputs[at:]):
            for deferral in self.deferred.get(key(t), []):
                d, total = self._settle(deferral, t), totals[i]
                totals[i] = d if total is None else total + d
        return [*made[: self.carries], *d_sequences, *totals, *([None] if self.node.attrs["lengths"] else [])]

    def _summed(self, found: Sequence[Tensor | None]) -> dict[int, tuple[Tensor, Tensor]]:
        """Captured inputs whose gradients are added up from segment to segment: a state for the sum, the gradient."""
        first = self.carries + self.sequences if self.again else len(found)
        captured = [(i, t, g) for i, (t, g) in enumerate(zip(self.body.inputs, found, strict=True)) if i >= first]
        return {i: (placeholder(f"sum{i}", t.shape, t.dtype), g) for i, t, g in captured if g is not None}

    # -- what is put off ---------------------------------------------------------------------------------------------

    def _fixed(self) -> set[int]:
        """Body nodes that are the same at every step: captured inputs and constants."""
        return {t.node.serial for t in self.captured} | {n.serial for n in self.body.nodes() if n.op == "Constant"}

    def _defer(self, node: Node, i: int, g: Tensor) -> bool:
        """Put off the gradient of a captured operand if it can be computed for all steps at once."""
        operand = node.inputs[i]
        if operand.node.serial not in {t.node.serial for t in self.captured}:
            return False
        if node.op in ("MatMul", "Gemm", "Conv"):
            # One product of stacked rows needs the captured operand on the right, and rows that change with t.
            rows = (
                i == 1
                and (node.op == "Conv" or operand.ndim == 2 or operand.ndim == node.inputs[0].ndim == 3)
                and not node.attrs.get("transpose_a")
                and node.inputs[0].node.serial not in self.fixed
            )
            if not (rows or _adds(node, i)):
                return False
        elif kind(node) != "pointwise":
            return False
        self.deferred.setdefault(key(operand), []).append((node, i, g))
        return True

    def _deferred_terms(self) -> list[Tensor]:
        """The step values that deferred gradients need for all t: gradients, and operands that change with t."""
        found: dict[Key, Tensor] = {}
        for deferrals in self.deferred.values():
            for node, i, g in deferrals:
                found[key(g)] = g
                if not _adds(node, i) and node.op not in ("Add", "Sub"):
                    for j, t in enumerate(node.inputs):
                        if j != i and t.node.serial not in self.fixed:
                            found[key(t)] = t
        return list(found.values())

    def _settle(self, deferral: Deferral, captured: Tensor) -> Tensor:
        """The gradient of one captured value through one body node, for all steps at once."""
        node, i, g = deferral
        whole_g = self._whole(g, g.ndim)
        outer = self.outer[key(captured)]
        if node.op in ("Add", "Sub") or _adds(node, i):
            d: Tensor | None = -whole_g if node.op == "Sub" and i == 1 else whole_g
        elif node.op == "Conv":
            again = Node("Conv", [_one_batch(self._whole(node.inputs[0], 0)), outer], node.attrs)
            d = list(RULES["Conv"](again, _one_batch(whole_g)))[i]
        elif kind(node) != "pointwise" and outer.ndim == 3:  # a matrix for each row: its products of all steps at once
            left, right = _beside(self._whole(node.inputs[0], 3)), _beside(whole_g)
            if node.attrs.get("transpose_b"):
                left, right = right, left
            d = ops.matmul(left, right, transpose_a=True)
        else:
            rank = node.outputs[0].ndim if kind(node) == "pointwise" else 0
            operands = [outer if j == i else self._whole(t, rank) for j, t in enumerate(node.inputs)]
            again = Node(node.op, operands, node.attrs)
            d = list(RULES[node.op](again, whole_g))[i]
            if d is not None and self.node.attrs["lengths"] and kind(node) == "pointwise" and node.op not in _FINITE:
                d = self._ended(d)
        assert d is not None, "a deferred operand is real"
        return unbroadcast(d, outer.shape)

    def _whole(self, t: Tensor, rank: int) -> Tensor:
        """A body value for all t, time first, with axes of size 1 so that step values of lower rank still line up."""
        k = key(t)
        if t.node.serial in self.fixed:
            return self.outer.get(k, t)
        if k in self.remade:
            return copy(t.node, tuple(self._whole(u, max(rank, t.ndim)) for u in t.node.inputs))[0]
        whole = self.stacked[k] if k in self.stacked else self.kept[k]
        missing = rank - t.ndim
        return whole if missing <= 0 else ops.reshape(whole, (whole.shape[0], *(1,) * missing, *whole.shape[1:]))

    def _ended(self, whole: Tensor) -> Tensor:
        """Step values with 0 where a row has ended; those without rows stay. Shapes: (T, B, ...) -> as it is."""
        lengths = self.node.inputs[-1]
        if whole.shape[1:2] != lengths.shape:
            return whole
        on = ops.less(ops.expand_dims(ops.arange(whole.shape[0]), 1), ops.expand_dims(lengths, 0))
        return ops.where(ops.reshape(on, (*on.shape, *(1,) * (whole.ndim - 2))), whole, 0.0)

    # -- the two scans -----------------------------------------------------------------------------------------------

    def _read(self, roots: Sequence[Tensor]) -> list[Tensor]:
        """Forward body values that the backward body reads."""
        nodes = [n for n in ancestors(roots) if n.serial not in self.forward_nodes]
        read = {
            key(t): t for t in (*roots, *(t for n in nodes for t in n.inputs)) if t.node.serial in self.forward_nodes
        }
        return list(read.values())

    def _remade(self, wanted: Sequence[Tensor]) -> tuple[set[Key], list[Tensor]]:
        """Which wanted values are made again, of others and of such with one element a row; the latter."""
        if self.again:
            return set(), []
        there = {key(t) for t in (*wanted, *self.slices, *self.body.outputs[self.carries :])}
        given = {key(t) for t in (*self.slices, *self.states, *self.body.outputs[self.carries :])}
        remade: set[Key] = set()
        beside: dict[Key, Tensor] = {}
        for t in wanted:
            small = [u for u in t.node.inputs if u.shape[-1:] == (1,) and t.shape[-1:] != (1,)]
            others = [u for u in t.node.inputs if u not in small and u.node.serial not in self.fixed]
            if t.node.op not in _CHEAP or key(t) in given or t.node.serial in self.fixed:
                continue
            if others and all(key(u) in there for u in others):
                remade.add(key(t))
                beside.update((key(u), u) for u in small if u.node.serial not in self.fixed)
        return remade, list(beside.values())

    def _instead(self, read: Sequence[Tensor]) -> list[Tensor]:
        """What the backward body reads where some of it is made again."""
        found: dict[Key, Tensor] = {}
        waiting = list(read)
        while waiting:
            t = waiting.pop(0)
            if key(t) in self.remade:
                waiting += t.node.inputs
            else:
                found[key(t)] = t
        return list(found.values())

    def _keep(self, wanted: Sequence[Tensor]) -> dict[Key, Tensor]:
        """Sequences of the wanted forward values: outputs the scan has, slices it was given, or outputs it gets now."""
        have = {key(t): i for i, t in enumerate(self.body.outputs) if i >= self.carries}
        given = {key(t): self.outer[key(t)] for t in self.slices}
        added = {
            key(t): t for t in wanted if t.node.serial not in self.fixed and key(t) not in have and key(t) not in given
        }
        scan = self.node
        self._check_rows(added.values())
        if added:
            attrs = {
                **scan.attrs,
                "body": Graph(self.body.inputs, (*self.body.outputs, *added.values())),
                "extends": scan.serial,
            }
            scan = Node("Scan", scan.inputs, attrs)
        first = len(self.body.outputs)
        return {
            **given,
            **{k: scan.outputs[i] for k, i in have.items()},
            **{k: scan.outputs[first + i] for i, k in enumerate(added)},
        }

    def _walk_back(
        self,
        d_states: Sequence[Tensor],
        d_outputs: Sequence[Tensor],
        d_sequences: Sequence[Tensor],
        roots: Sequence[Tensor],
        read: Sequence[Tensor],
    ) -> Sequence[Tensor]:
        """The scan the other way.

        Its body is the derivative with forward values replaced by slices of their sequences.
        """
        # A constant is copied into the body: as a sequence it would be the same number T times.
        read = [t for t in read if t.node.op != "Constant"]
        inner = {key(t): placeholder(f"kept{i}", t.shape, t.dtype) for i, t in enumerate(read)}
        slices = [t for t in read if t.node.serial not in self.fixed]
        table: dict[Key, Tensor] = {}
        for n in ancestors(roots):
            kept = n.serial in self.forward_nodes and not self.remade.intersection(key(t) for t in n.outputs)
            made = (
                [inner.get(key(t), t) for t in n.outputs] if kept else copy(n, tuple(table[key(t)] for t in n.inputs))
            )
            table.update(zip((key(t) for t in n.outputs), made, strict=True))
        given = [*d_states, *d_outputs, *(inner[key(t)] for t in slices)]
        fixed = {inner[key(t)].node.serial: self.outer[key(t)] for t in read if t.node.serial in self.fixed}
        body, inner_captured = close(given, [table[key(t)] for t in roots])
        captured = rebuild(
            Graph((), tuple(inner_captured)), lambda n, i: (fixed[n.serial],) if n.serial in fixed else copy(n, i)
        ).outputs
        # The sums that a loop in segments carries start from zero.
        grads = [*self.grads[: self.carries], *(None for _ in d_states[self.carries :])]
        init = [g if g is not None else ops.zeros(t.shape, t.dtype) for g, t in zip(grads, d_states, strict=True)]
        sequences = [*d_sequences, *(self.kept[key(t)] for t in slices)]
        lengths = [self.node.inputs[-1]] if self.node.attrs["lengths"] else []
        attrs = {
            "body": body,
            "carries": len(d_states),
            "sequences": len(sequences),
            "lengths": bool(lengths),
            "reverse": not self.node.attrs["reverse"],
            "steps": self.node.attrs["steps"],
        }
        self._check_rows(body.outputs[len(d_states) :])
        return Node("Scan", [*init, *sequences, *captured, *lengths], attrs).outputs

    def _follow_rows(self) -> Rows:
        """The axis of rows of each value of the step. Raises: GraphError: with lengths, they meet."""
        walked = self.body.inputs[: self.carries + self.sequences] if self.node.attrs["lengths"] else ()
        rows, met = follow(self.body, {key(t): 0 for t in walked})
        if met is not None:
            raise self._joined(f"rows meet in {met.op} of shape {text(met.outputs[0].shape)}")
        return rows

    def _check_rows(self, stacked: Iterable[Tensor]) -> None:
        """Raises: GraphError: with lengths, a value of a step that is to be kept and does not start with rows."""
        for t in stacked if self.node.attrs["lengths"] else ():
            if self.rows.get(key(t), 0) != 0 or t.shape[:1] != self.node.inputs[-1].shape:
                raise self._joined(f"it keeps {t.node.op} of shape {text(t.shape)}")

    def _joined(self, because: str) -> GraphError:
        rule = "a step whose values start with the batch axis, each row for itself, as there are lengths"
        cure = "Compute what joins rows of the batch outside the scan, or give no lengths."
        return GraphError.at("gradients of a scan", "body", rule, self.node, cure, because=because)


def _adds(node: Node, i: int) -> bool:
    """Whether an operand is what a product or a convolution adds."""
    return i == 2 and node.op in ("Gemm", "Conv")


def _one_batch(whole: Tensor) -> Tensor:
    """The rows of all steps as those of one batch. Shapes: (T, B, ...) -> (T B, ...)."""
    return ops.reshape(whole, (whole.shape[0] * whole.shape[1], *whole.shape[2:]))


def _beside(whole: Tensor) -> Tensor:
    """The rows of all steps under each other, for each row of the batch. Shapes: (T, B, M, K) -> (B, T M, K)."""
    steps, rows, inner, columns = whole.shape
    return ops.reshape(ops.swapaxes(whole, 0, 1), (rows, steps * inner, columns))
