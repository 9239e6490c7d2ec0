"""A tag for each step of a sequence: parts of speech, names, slots."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np

from elman.errors import DataError, ShapeError, unknown_name
from elman.fields.base import Encoded, Field
from elman.fields.samples import class_ids, rows_of, samples_of, together
from elman.fields.spans import Scheme, check_scheme, convert_tags, may_follow, scheme_of
from elman.fields.tokens import symbol_rows
from elman.fields.vocabulary import Symbol

__all__ = ["Tags"]

_OUTSIDE = "O"


class Tags(Field[Any]):
    """Tags aligned with the steps of another sequence, as ids from 0. There are no special ids.

    Args:
        scheme: how spans are written for the network: "iob1", "iob2" or "iobes", which says most ("bilou" says the
            same); whatever scheme the samples come in, and `decode` gives that back. None: tags are taken as they are.
        unknown: what a tag is that the training part did not have: an "error" that names it, or "outside": O.

    Shapes:
        fit: N lists of tags; encode: -> (N, T) or N arrays (T_i,), int32; decode: (N, T) ids, (N, T, V) scores, or a
        list of such rows -> N lists of tags.

    Raises:
        DataError: no samples, an unknown tag, or a tag without prefix under a scheme.
        DTypeError: a sample is no list of tags.

    Example:
        >>> field = Tags("iobes").fit([["B-LOC", "I-LOC", "O"]])
        >>> field.classes
        ['O', 'B-LOC', 'E-LOC', 'I-LOC', 'S-LOC']
        >>> field.encode([["O", "B-LOC"]]).tolist(), field.decode([[0, 4]])
        ([[0, 4]], [['O', 'B-LOC']])
    """

    kind: ClassVar[str] = "tags"
    sequence: ClassVar[bool] = True

    def __init__(self, scheme: Scheme | None = None, unknown: Literal["error", "outside"] = "error") -> None:
        if scheme is not None:
            check_scheme("Tags", scheme)
        if unknown not in ("error", "outside"):
            raise unknown_name("Tags", "unknown", unknown, ("error", "outside"))
        self.scheme: Scheme | None = scheme
        self.unknown = unknown
        self.written: Scheme | None = None
        self.classes: list[Symbol] = []
        self._ids: dict[Symbol, int] = {}

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None,)."""
        return (None,)

    @property
    def size(self) -> int:
        """The number of tags."""
        return len(self.classes)

    @property
    def dtype(self) -> str:
        """int32."""
        return "int32"

    def fit(self, values: Any) -> Self:
        """Learn the tags of the training part, and the scheme they are written in."""
        rows = symbol_rows("Tags.fit", values, fitting=True)
        if self.scheme is not None:
            texts = self._spans("Tags.fit", rows)
            self.written = scheme_of([[str(tag) for tag in row] for row in rows])
            found = {tag for row in texts for tag in row}
            names: set[Symbol] = {f"{p}-{t[2:]}" for t in found if len(t) > 1 for p in _letters(self.scheme)}
            names |= {tag for tag in found if len(tag) == 1}
        else:
            names = {tag for row in rows for tag in row}
        if not names:
            raise DataError.at("Tags.fit", "values", "have a tag in some row", 0, "Check what was read.")
        if self.unknown == "outside" or self.scheme is not None:
            names.add(_OUTSIDE)
        order = sorted(names, key=lambda tag: (tag != _OUTSIDE, isinstance(tag, str), tag))
        self._restore({"classes": order, "written": self.written})
        self.fitted = True
        return self

    def encode(self, values: Any) -> Encoded:
        """Lists of tags -> ids."""
        self._check_fitted("encode")
        rows = symbol_rows("Tags.encode", values)
        if self.scheme is not None:
            rows = cast("list[list[Symbol]]", self._spans("Tags.encode", rows))
        ids = [
            np.array([self._id(n, place, tag) for place, tag in enumerate(row)], np.int32) for n, row in enumerate(rows)
        ]
        return together(ids) if ids else np.zeros((0, 0), np.int32)

    def decode(self, batch: Any, lengths: Any = None) -> list[list[Symbol]]:
        """Ids or scores -> lists of tags, in the scheme of the training part."""
        self._check_fitted("decode")
        rows = [class_ids(row, rank=1, classes=len(self.classes)) for row in rows_of(batch, lengths)]
        found = [[self.classes[index] for index in row] for row in rows]
        if self.written is None:
            return found
        return [list(convert_tags(cast("list[str]", tags), self.written)) for tags in found]

    def check_aligned(self, values: Any, tokens: Any, where: str = "fit") -> None:
        """Refuse samples that do not have as many tags as steps.

        Raises:
            ShapeError: with the first row that differs.

        Example:
            >>> Tags().check_aligned([["N", "V"]], [["birds"]])
            Traceback (most recent call last):
                ...
            elman.errors.ShapeError: fit: tags must have one tag for each step. Received 2 tags for 1 steps: row 0.
        """
        pairs = zip(samples_of(where, values), samples_of(where, tokens), strict=True)
        for row, (tags, steps) in enumerate(pairs):
            if len(tags) != len(steps):
                received = f"{len(tags)} tags for {len(steps)} steps"
                raise ShapeError.at(where, "tags", "have one tag for each step", received, because=f"row {row}")

    def order(self) -> np.ndarray | None:
        """Which tag may follow which; None where no scheme says so.

        Shapes:
            -> (V + 1, V + 1) of truth values: from row to column; the last are the borders of a sequence.

        Example:
            >>> Tags("iob2").fit([["B-LOC", "O"]]).order().astype(int).tolist()  # O, B-LOC, I-LOC, border
            [[1, 1, 0, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 1]]
        """
        if self.scheme is None:
            return None
        names = [*map(str, self.classes), ""]
        return np.array([[may_follow(before, tag, self.scheme) for tag in names] for before in names])

    def describe(self) -> str:
        """One line: the scheme and the first tags."""
        if not self.fitted:
            return "tags: not fitted"
        scheme = f"{self.scheme} (samples: {self.written}), " if self.scheme else ""
        few = ", ".join(map(repr, self.classes[:8])) + (" ..." if len(self.classes) > 8 else "")
        return f"tags: {scheme}{len(self.classes)}: {few}"

    def learned(self) -> dict[str, Any]:
        """The tags, and the scheme of the samples."""
        return {"classes": self.classes, "written": self.written}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        self.classes, self.written = list(learned["classes"]), learned["written"]
        self._ids = {tag: index for index, tag in enumerate(self.classes)}

    def _spans(self, where: str, rows: list[list[Symbol]]) -> list[list[str]]:
        """Rows in the scheme that the network gets."""
        assert self.scheme is not None
        return [convert_tags([str(tag) for tag in row], self.scheme, f"{where}, row {n}") for n, row in enumerate(rows)]

    def _id(self, row: int, place: int, tag: Symbol) -> int:
        if tag in self._ids:
            return self._ids[tag]
        if self.unknown == "outside":
            return self._ids[_OUTSIDE]
        cure = "Correct it, or pass unknown='outside'."
        because = f"row {row}, step {place}"
        raise DataError.at("Tags.encode", "values", "be tags of the training part", tag, cure, because=because)


def _letters(scheme: Scheme) -> str:
    """Every prefix of a scheme, so that a label the training part had only as B- may come as S- later."""
    return {"iobes": "BIES", "bilou": "BILU"}.get(scheme, "BI")
