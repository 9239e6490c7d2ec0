"""One of several classes a sample, or any number of labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from elman import settings
from elman.errors import ArgumentError, DataError, DTypeError, ShapeError, unknown_name
from elman.fields.base import Field, FloatArray
from elman.fields.samples import class_ids, is_missing, plain, samples_of

__all__ = ["OTHER", "Category", "Labels"]

OTHER = "<other>"
"""The class of what the training part did not have, where `Category(unknown="other")` asks for one."""


class Category(Field[Any]):
    """One class of each sample, by name: text, whole numbers, true or false.

    Args:
        unknown: what a class is that the training part did not have: an "error" that names it, or the class "other",
            which is then one more.

    Shapes:
        fit: N classes; encode: N classes -> (N,) int32; decode: (N,) ids, (N, V) scores, or (N, 1) probabilities of
        the second of two classes -> N classes.

    Raises:
        DataError: no samples, a missing one, or an unknown class.
        DTypeError: what cannot be a class: a list, an array.

    Example:
        >>> field = Category().fit(["spam", "ham", "spam"])
        >>> field.classes, field.encode(["ham", "spam"]).tolist()
        (['ham', 'spam'], [0, 1])
        >>> field.decode([[0.1, 0.9]])
        ['spam']
        >>> field.encode(["Spam"])
        Traceback (most recent call last):
            ...
        elman.errors.DataError: Category.encode: values must be classes of the training part. \
Received values='Spam': row 0; known are 'ham', 'spam'. Correct it, or pass unknown='other'.
    """

    kind: ClassVar[str] = "category"

    def __init__(self, unknown: Literal["error", "other"] = "error") -> None:
        if unknown not in ("error", "other"):
            raise unknown_name("Category", "unknown", unknown, ("error", "other"))
        self.unknown = unknown
        self.classes: list[Any] = []
        self._ids: dict[Any, int] = {}

    @property
    def shape(self) -> tuple[int | None, ...]:
        """()."""
        return ()

    @property
    def size(self) -> int:
        """The number of classes."""
        return len(self.classes)

    @property
    def dtype(self) -> str:
        """int32."""
        return "int32"

    def fit(self, values: Any) -> Self:
        """Learn the classes of the training part, in order."""
        names = [_class("Category.fit", row, value) for row, value in _rows("Category.fit", values, fitting=True)]
        self._restore({"classes": _in_order(names) + ([OTHER] if self.unknown == "other" else [])})
        self.fitted = True
        return self

    def encode(self, values: Any) -> npt.NDArray[np.int32]:
        """Classes -> ids (N,)."""
        self._check_fitted("encode")
        ids = [self._id(row, _class("Category.encode", row, value)) for row, value in _rows("Category.encode", values)]
        return np.array(ids, np.int32)

    def decode(self, batch: Any, lengths: Any = None) -> list[Any]:
        """Ids or scores -> classes."""
        self._check_fitted("decode")
        return [self.classes[index] for index in class_ids(batch, rank=1, classes=len(self.classes))]

    def describe(self) -> str:
        """One line: the first classes."""
        return _described("category", "class", "classes", self.classes, fitted=self.fitted)

    def learned(self) -> dict[str, Any]:
        """The classes."""
        return {"classes": self.classes}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        self.classes = list(learned["classes"])
        self._ids = {name: index for index, name in enumerate(self.classes)}

    def _id(self, row: int, name: Any) -> int:
        if name in self._ids:
            return self._ids[name]
        if self.unknown == "other":
            return len(self.classes) - 1
        because = f"row {row}; known are {_few(self.classes)}"
        cure = "Correct it, or pass unknown='other'."
        raise DataError.at("Category.encode", "values", "be classes of the training part", name, cure, because=because)


class Labels(Field[Any]):
    """Any number of labels of each sample: topics of a text, keys pressed at once.

    Args:
        separator: what stands between the labels where a sample is one text, as "|" in "news|sport"; None: samples are
            lists or sets.
        threshold: the score from which a label counts in `decode`.
        unknown: what a label is that the training part did not have: an "error", or "ignore".

    Shapes:
        encode: N lists -> (N, V) of 0 and 1; decode: (N, V) scores -> N lists.

    Raises:
        DataError: no samples, no label at all, a missing sample, or an unknown label; a matrix of 0 and 1.
        DTypeError: a text where no separator was given.

    Example:
        >>> field = Labels(separator="|").fit(["news|sport", "", "art"])
        >>> field.encode(["sport|art"]).tolist(), field.decode([[0.1, 0.7, 0.6]])
        ([[1.0, 0.0, 1.0]], [['news', 'sport']])
    """

    kind: ClassVar[str] = "labels"

    def __init__(
        self, separator: str | None = None, threshold: float = 0.5, unknown: Literal["error", "ignore"] = "error"
    ) -> None:
        if not 0 < threshold < 1:
            raise ArgumentError.at("Labels", "threshold", "between 0 and 1", threshold)
        if unknown not in ("error", "ignore"):
            raise unknown_name("Labels", "unknown", unknown, ("error", "ignore"))
        self.separator, self.threshold, self.unknown = separator, threshold, unknown
        self.classes: list[Any] = []
        self._ids: dict[Any, int] = {}

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(V,)."""
        return (len(self.classes),)

    @property
    def size(self) -> int:
        """The number of labels."""
        return len(self.classes)

    def fit(self, values: Any) -> Self:
        """Learn the labels of the training part, in order."""
        rows = self._lists("Labels.fit", values, fitting=True)
        names = [name for row in rows for name in row]
        if not names:
            raise DataError.at("Labels.fit", "values", "have a label in some row", 0, "Check the separator.")
        if len(rows[0]) > 1 and {len(row) for row in rows} == {len(rows[0])} and {*names} <= {0, 1}:
            cure = "Name those that are 1: [[name for name, one in zip(names, row) if one] for row in values]."
            raise DataError.at("Labels.fit", "values", "lists of labels", "a matrix of 0 and 1", cure)
        self._restore({"classes": _in_order(names)})
        self.fitted = True
        return self

    def encode(self, values: Any) -> FloatArray:
        """Lists of labels -> (N, V) of 0 and 1."""
        self._check_fitted("encode")
        rows = self._lists("Labels.encode", values)
        encoded = np.zeros((len(rows), len(self.classes)), settings.floatx())
        for row, names in enumerate(rows):
            for name in names:
                if name in self._ids:
                    encoded[row, self._ids[name]] = 1
                elif self.unknown == "error":
                    because = f"row {row}; known are {_few(self.classes)}"
                    cure = "Correct it, or pass unknown='ignore'."
                    rule = "be labels of the training part"
                    raise DataError.at("Labels.encode", "values", rule, name, cure, because=because)
        return encoded

    def decode(self, batch: Any, lengths: Any = None) -> list[list[Any]]:
        """Scores (N, V) -> the labels of each sample that reach the threshold."""
        self._check_fitted("decode")
        scores = np.asarray(batch)
        if scores.ndim != 2 or scores.shape[1] != len(self.classes):
            raise ShapeError.at("Labels.decode", "batch", f"have shape (N, {len(self.classes)})", scores.shape)
        return [[self.classes[index] for index in np.flatnonzero(row >= self.threshold)] for row in scores]

    def lists(self, values: Any) -> list[list[Any]]:
        """The labels of each sample, known or not; texts are split.

        Example:
            >>> Labels(separator="|").lists(["news|sport", ""])
            [['news', 'sport'], []]
        """
        return self._lists("Labels.lists", values)

    def describe(self) -> str:
        """One line: the first labels."""
        return _described("labels", "label", "labels", self.classes, fitted=self.fitted)

    def learned(self) -> dict[str, Any]:
        """The labels."""
        return {"classes": self.classes}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        self.classes = list(learned["classes"])
        self._ids = {name: index for index, name in enumerate(self.classes)}

    def _lists(self, where: str, values: Any, *, fitting: bool = False) -> list[list[Any]]:
        return [self._labels(where, row, value) for row, value in _rows(where, values, fitting=fitting)]

    def _labels(self, where: str, row: int, value: Any) -> list[Any]:
        if isinstance(value, str):
            if self.separator is None:
                cure = "Pass lists, or say what stands between labels: separator='|'."
                raise DTypeError.at(where, "values", "be lists of labels", "str", cure, because=f"row {row}")
            return [part.strip() for part in value.split(self.separator) if part.strip()]
        if not isinstance(value, Iterable):
            raise DTypeError.at(where, "values", "be lists of labels", type(value).__name__, because=f"row {row}")
        return [_class(where, row, name) for name in value]


def _rows(where: str, values: Any, *, fitting: bool = False) -> list[tuple[int, Any]]:
    """The samples with their row numbers; none is missing."""
    rows = list(enumerate(samples_of(where, values, fitting=fitting)))
    for row, value in rows:
        if is_missing(value):
            cure = "Fill or drop the row."
            raise DataError.at(where, "values", "have a value in every row", value, cure, because=f"row {row}")
    return rows


def _class(where: str, row: int, value: Any) -> Any:
    """A class as JSON knows it."""
    name = plain(value)
    if not isinstance(name, str | int | float | bool):
        rule = "be text or numbers"
        raise DTypeError.at(where, "values", rule, type(value).__name__, because=f"row {row}")
    return name


def _in_order(names: Iterable[Any]) -> list[Any]:
    """Each once: numbers by size, before texts by alphabet."""
    return sorted(set(names), key=lambda name: (isinstance(name, str), name))


def _few(names: list[Any]) -> str:
    shown = ", ".join(map(repr, names[:8]))
    return f"{shown} and {len(names) - 8} more" if len(names) > 8 else shown


def _described(kind: str, one: str, many: str, names: list[Any], *, fitted: bool) -> str:
    if not fitted:
        return f"{kind}: not fitted"
    return f"{kind}: {len(names)} {one if len(names) == 1 else many}: {_few(names)}"
