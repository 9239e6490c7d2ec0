"""Element-wise work: one instruction walks all operands along the axes of the result."""

from __future__ import annotations

from elman.executors.lowering.writer import Writer
from elman.executors.pointwise import compile_program, integral, walked
from elman.executors.shards import of_batch
from elman.graph.node import Graph, Node
from elman.shapes import Size, product

_STEP = 4  # the work of a step of a program on one element, in multiply-adds of a product


def emit_fused(w: Writer, node: Node) -> None:
    """A program over registers, with the strides of every operand."""
    body: Graph = node.attrs["body"]
    shape = walked(body)
    dims: list[Size] = list(shape)
    for t in node.inputs:
        dims += w.strides_in(t, shape)
    program = compile_program(body)
    ins = [w.base(t) for t in node.inputs]
    outs, registers = [], []
    for t, register in zip(node.outputs, program.outputs, strict=True):
        own = w.output(t)
        places = [(own, w.strides_out(t)), *((view.value, view.strides) for view in w.copies(t))]
        for value, strides in places:
            outs.append(value)
            dims += strides if t.shape == shape else (*strides[:-1], 0)  # one element a row
            registers.append(register)
    program.outputs = registers
    w.add("integer" if integral(body) else "pointwise", ins, outs, dims, [len(shape)], program.spec())
    if of_batch(node.outputs[0]):
        w.count(product(shape) * _STEP * len(program.steps))
