"""Run PyTorch's CTC loss: lengths of both sequences, repeated labels, empty targets, too few frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from . import store


class Case(NamedTuple):
    """Labels and frames of each row, the classes, and which of them is the blank."""

    name: str
    labels: tuple[tuple[int, ...], ...]
    frames: tuple[int, ...]
    classes: int
    blank: int = 0


def cases() -> Iterator[Case]:
    """What turns: each a row or a blank of its own."""
    yield Case("plain", ((1, 2, 3), (3, 1, 2)), (8, 8), 4)
    yield Case("lengths", ((1, 2, 3, 4), (2,), (4, 3)), (9, 3, 6), 5)
    yield Case("repeats", ((1, 1, 1), (2, 2, 1), (1, 2, 2)), (7, 7, 5), 3)
    yield Case("empty", ((), (1,), ()), (4, 2, 1), 3)
    yield Case("just_enough", ((1, 2, 1), (1, 1), (2,)), (3, 3, 1), 3)
    yield Case("too_short", ((1, 2, 1), (1, 1), (2,)), (2, 2, 1), 3)
    yield Case("blank_last", ((0, 1, 2), (2, 2)), (6, 5), 4, 3)
    yield Case("long", tuple(tuple((7 * r + i * i) % 11 + 1 for i in range(12 + r)) for r in range(4)), (50,) * 4, 12)


def run(case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the loss of every row, and the gradient of their finite sum with respect to the logits."""
    random = store.generator(f"ctc_{case.name}")
    rows, steps = len(case.labels), max(case.frames)
    longest = max(1, *(len(row) for row in case.labels))
    labels = np.full((rows, longest), case.blank, np.int32)
    for i, row in enumerate(case.labels):
        labels[i, : len(row)] = row
    logits = torch.tensor(store.exact(random.uniform(-3, 3, (rows, steps, case.classes)))).requires_grad_()
    counts = torch.tensor([len(row) for row in case.labels])
    given = (logits.log_softmax(-1).transpose(0, 1), torch.tensor(labels).long(), torch.tensor(case.frames), counts)
    values = torch.nn.functional.ctc_loss(*given, case.blank, "none")
    torch.nn.functional.ctc_loss(*given, case.blank, "sum", zero_infinity=True).backward()
    assert logits.grad is not None
    line = {"name": case.name, "blank": case.blank, "frames": list(case.frames)}
    return line, {
        "labels": labels, "logits": logits.detach().numpy(), "value": values.detach().numpy(),
        "logits_grad": logits.grad.numpy(),
    }  # fmt: skip


def make(made_by: dict[str, str]) -> None:
    """Write torch_ctc.json and torch_ctc.npz."""
    golden = store.Golden("torch_ctc", made_by)
    for case in cases():
        golden.add(*run(case))
    golden.save()
