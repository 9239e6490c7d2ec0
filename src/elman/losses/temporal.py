"""CTC: the loss of a shorter sequence of labels that a longer sequence of frames spells, whatever the alignment.

The labels are spelled with blanks between them; the loss is -log of the summed probability of all alignments. Two rows
of log-probabilities are carried along the frames by a `scan`: of being in the blank before each label (and behind the
last), and of being in each label. The gradient is its backpropagation through time, which is the backward recursion.

Source: Graves, Fernández, Gomez and Schmidhuber 2006, "Connectionist Temporal Classification", equations 6 to 8; in
    logarithms, where the paper rescales.
Cost: T (2L + 1) of each row, and a product of (T, V) with (V, L) that picks the labels' scores.
"""

from __future__ import annotations

from typing import Any, ClassVar, final

import numpy as np

from elman import dtypes, ops
from elman.arguments import check_whole
from elman.errors import DataError, ShapeError
from elman.graph import Tensor, as_tensor
from elman.graph.node import Operand
from elman.losses.base import Loss, real
from elman.shapes import text

NEVER = -1e30
"""The logarithm of a probability of 0: finite, so that differences of two of them are numbers."""


def ctc(y_true: Operand, y_pred: Operand, mask: Operand | None = None, blank: int = 0) -> Tensor:
    """-log p(labels | frames) of each row; infinite where the frames cannot hold the labels.

    Args: y_true: labels; blank or a negative number behind the last. y_pred: scores of each frame, logits or the
        output of a softmax. mask: which frames are real, real ones first.
    Shapes: y_true (B, L) whole numbers, y_pred (B, T, V), mask (B, T) -> (B,).
    Raises: ShapeError: other ranks. ArgumentError: blank is no class. DataError: when the graph runs, a label is none.
    """
    y_pred, labels = real(y_pred), ops.cast(as_tensor(y_true), dtypes.INT32)
    if y_pred.ndim != 3 or labels.ndim != 2:
        rule, given = "have shapes (B, L) and (B, T, V)", f"{text(labels.shape)} and {text(y_pred.shape)}"
        raise ShapeError.at("ctc", "y_true and y_pred", rule, given, "Give one row of labels for each row of frames.")
    if isinstance(y_pred.shape[2], int):
        check_whole("ctc", "blank", blank, most=y_pred.shape[2] - 1, cure="It is one of the classes.")
    logits = y_pred.node.inputs[0] if y_pred.node.op == "Softmax" else y_pred
    kept = ops.logical_and(ops.greater_equal(labels, 0), ops.not_equal(labels, blank))
    count = ops.sum(ops.cast(kept, y_pred.dtype), 1, keepdims=True)
    classes = ops.arange(y_pred.shape[2])
    known = ops.take(classes, ops.where(kept, labels, 0))  # an error when the graph runs, where it is no class
    frames = None if mask is None else ops.cast(ops.sum(ops.cast(as_tensor(mask), y_pred.dtype), 1), dtypes.INT32)
    scores = ops.log_softmax(logits)
    chosen = ops.cast(ops.equal(ops.expand_dims(known, 1), ops.reshape(classes, (1, -1, 1))), y_pred.dtype)
    stay = ops.swapaxes(scores[:, :, blank : blank + 1], 0, 1)  # (T, B, 1)
    spell = ops.swapaxes(ops.matmul(scores, chosen), 0, 1)  # (T, B, L)
    return _alignments(stay, spell, known, count, frames)


def _alignments(stay: Tensor, spell: Tensor, labels: Tensor, count: Tensor, frames: Tensor | None) -> Tensor:
    """-log of the sum over alignments.

    Shapes: stay (T, B, 1), spell (T, B, L), labels (B, L), count (B, 1), frames (B,) -> (B,).
    """
    rows, longest = labels.shape
    dtype = spell.dtype
    sure, never = ops.full((), 0, dtype), ops.full((), NEVER, dtype)
    column = ops.full((rows, 1), NEVER, dtype)
    place = ops.expand_dims(ops.arange(longest + 1, dtype), 0)
    before = ops.concatenate([ops.full((rows, 1), -1, dtypes.INT32), labels], 1)[:, :longest]
    repeat = ops.where(ops.equal(labels, before), never, sure)  # the same label again needs a blank between

    def step(states: tuple[Tensor, ...], now: tuple[Tensor, ...]) -> tuple[list[Tensor], list[Tensor]]:
        blanks, inside = states
        after = ops.concatenate([column, inside], 1)  # in the label before each blank
        empty = _either(blanks, after) + now[0]
        label = _either(inside, blanks[:, :longest], after[:, :longest] + repeat) + now[1]
        return [empty, label], []

    start = ops.broadcast_to(ops.where(ops.equal(place, 0.0), sure, never), (rows, longest + 1))
    none = ops.full((rows, longest), NEVER, dtype)
    (blanks, inside), _ = ops.scan(step, [start, none], [stay, spell], frames)
    behind = ops.where(ops.equal(place, count), blanks, NEVER)
    last = ops.where(ops.equal(place[:, 1:], count), inside, NEVER)
    total = ops.logsumexp(ops.concatenate([behind, last], 1), 1)
    return ops.where(total < NEVER / 2, np.inf, -total)


def _either(*terms: Tensor) -> Tensor:
    """log of the sum of probabilities given as logarithms, element by element."""
    top = terms[0]
    for t in terms[1:]:
        top = ops.maximum(top, t)
    top = ops.stop_gradient(top)
    total = ops.exp(terms[0] - top)
    for t in terms[1:]:
        total = total + ops.exp(t - top)
    return ops.log(total) + top


@final
class CTC(Loss):
    """For labels whose place in a longer sequence of frames nobody knows: speech, handwriting, a line of text.

    The network has V outputs a frame, one of them the blank, which means nothing yet. Labels must be shorter than the
    frames: each takes one, and a label that comes twice in a row one more. `fit` says which row breaks that.

    Args:
        reduction, name, dtype: see `Loss`.
        blank: the class that means nothing; it cannot be a label.
    Shapes: y_true (B, L) whole numbers, the blank or -1 behind the last, or lists of them; y_pred (B, T, V), logits or
        the output of a softmax; mask (B, T): which frames are real -> ().
    Raises: DataError: in `fit`, labels that need more frames than there are, or no classes. ShapeError: other ranks.
    Source: Graves et al. 2006; as Keras 3, where the blank is 0.
    Example:
        >>> from elman.graph import placeholder
        >>> CTC()(placeholder("y", (4, 3), "int32"), placeholder("p", (4, 10, 5))).shape
        ()
    """

    aligned: ClassVar[bool] = False

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str = "ctc",
        dtype: str | None = None,
        blank: int = 0,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.blank = check_whole("CTC", "blank", blank, cure="0 is usual.")

    def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """See `ctc`."""
        return ctc(y_true, y_pred, blank=self.blank)

    def values(self, y_true: Tensor, y_pred: Tensor, mask: Operand | None) -> tuple[Tensor, Operand | None]:
        """A value for each row; the mask says how many frames are real. Shapes: as `ctc` -> (B,), None."""
        return ctc(y_true, y_pred, mask, self.blank), None

    def check_targets(self, where: str, name: str, labels: Any, frames: Any, classes: int) -> None:
        """Raises: DataError: labels that are no classes, follow a blank, or need more frames than there are.

        Shapes: labels (N, L), frames (N,).
        """
        kept = (labels >= 0) & (labels != self.blank)
        wrong = (kept & (labels >= classes)).any(1)
        if wrong.any():
            row = int(wrong.argmax())
            rule, cure = f"labels between 0 and {classes - 1}", "Give the last layer one output for each and a blank."
            raise DataError.at(where, name, rule, int(labels[row].max()), cure, because=f"row {row}")
        hole = (kept[:, 1:] & ~kept[:, :-1]).any(1)
        if hole.any():
            row = int(hole.argmax())
            cure = f"{self.blank} is the blank, and it and negative numbers end a row: number the labels without it."
            raise DataError.at(where, name, "labels without a gap", labels[row].tolist(), cure, because=f"row {row}")
        length = kept.sum(1)
        repeats = (kept[:, 1:] & (labels[:, 1:] == labels[:, :-1])).sum(1)
        short = length + repeats > frames
        if short.any():
            row = int(short.argmax())
            need, given = int(length[row] + repeats[row]), int(frames[row])
            target = f"target of length {length[row]} with {repeats[row]} repeats"
            told = f"{target} needs {need} frames, the model gives {given}"
            cure = "Shorten the target, or let the model keep more frames (smaller strides or pools, more steps)."
            raise DataError.at(where, name, "no longer than the frames", f"row {row}", cure, because=told)
