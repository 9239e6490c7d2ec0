"""What heads share whose answers are texts that are looked for: the best of each row, and the n best."""

from __future__ import annotations

import abc
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from elman.decoding import Decoded
from elman.tasks.sequence.heads import Head, Run
from elman.training import neighbours

__all__ = ["Written", "batches", "one_each", "shown"]


class Written(Head):
    """Symbols out, of a number that the network decides."""

    way: ClassVar[str]
    """How, for messages: "where ..."."""

    @abc.abstractmethod
    def search(self, run: Run, best: int) -> Iterator[Decoded]:
        """The best symbols of each row, batch by batch. Shapes: tokens (B, best, L)."""

    def truth(self, columns: Mapping[str, Any]) -> Any:
        """Texts in Unicode's NFC form, as answers are: an accent that was typed as two characters is not wrong."""
        return [unicodedata.normalize("NFC", row) if isinstance(row, str) else row for row in columns[self.name]]

    def answers(self, run: Run) -> Any:
        """The best text of each row."""
        return [row[0][0] for row in self.n_best(run, 1)]

    def n_best(self, run: Run, n: int) -> list[list[tuple[Any, float]]]:
        """The best texts of each row, or as many as there are, with their scores, best first."""
        found = []
        for decoded in self.search(run, n):
            for row, scores in zip(decoded.rows(), decoded.scores.tolist(), strict=True):
                texts = self.field.decode([np.asarray(ids, np.int32) for ids in row])
                found.append(list(zip(texts, scores[: len(texts)], strict=True)))
        return found


def batches(run: Run, names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Some inputs of a run, so many rows at a time as go through the network together; long ones by themselves."""
    listed = list(names)
    columns = [column for column in run.x.values() if isinstance(column, list)]
    length = np.max([[len(row) for row in column] for column in columns], axis=0) if columns else None
    rows = len(next(iter(run.x.values())))
    for part in neighbours(np.zeros(rows, int) if length is None else length, run.batch_size):
        yield {name: run.x[name][part] for name in listed}


def one_each(decoded: Decoded) -> Decoded:
    """One answer of each row as a list of one."""
    return Decoded(decoded.tokens[:, None], decoded.lengths[:, None], decoded.scores[:, None])


def shown(row: Any) -> str:
    """Symbols as one text."""
    return row if isinstance(row, str) else " ".join(map(str, row))
