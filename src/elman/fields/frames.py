"""Any frame (pandas, polars, pyarrow ...) read as columns, and written back as the same kind.

The only file that knows narwhals, which is imported when the first frame arrives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from elman.errors import DataError, DTypeError, unknown_column

__all__ = ["Table"]


class Table:
    """A frame of any kind, seen as named columns.

    Example:
        >>> import pandas as pd
        >>> table = Table.wrap("fit", pd.DataFrame({"month": ["1949-01"], "sales": [112]}))
        >>> table.numbers("fit", "target", ["sales"]).tolist()
        [[112.0]]
        >>> table.numbers("fit", "target", ["sale"])
        Traceback (most recent call last):
            ...
        elman.errors.UnknownColumnError: fit: target must be a column of the table. Received target='sale'. \
Did you mean 'sales'? Known: 'month', 'sales'.
    """

    def __init__(self, frame: Any) -> None:
        self._frame = frame  # a narwhals DataFrame

    @classmethod
    def wrap(cls, where: str, frame: object) -> Self:
        """Take a frame as it is; a lazy one is collected.

        Raises:
            DTypeError: not a frame.
            DataError: no rows.
        """
        import narwhals as nw

        wrapped = nw.from_native(frame, pass_through=True)
        if isinstance(wrapped, nw.LazyFrame):
            wrapped = wrapped.collect()
        if not isinstance(wrapped, nw.DataFrame):
            cure = "Pass a pandas, polars or pyarrow table, or a numpy array."
            raise DTypeError.at(where, "frame", "be a table or an array", type(frame).__name__, cure)
        if not len(wrapped):
            raise DataError.at(where, "frame", "have at least one row", 0, "Check what was read.")
        return cls(wrapped)

    def __len__(self) -> int:
        return len(self._frame)

    @property
    def names(self) -> list[str]:
        """The columns' names, in order."""
        return [str(name) for name in self._frame.columns]

    def numbers(self, where: str, argument: str, columns: Sequence[str]) -> npt.NDArray[np.float64]:
        """These columns as numbers; missing entries are NaN.

        Shapes:
            -> (N, len(columns)).

        Raises:
            UnknownColumnError: no such column.
            DataError: an entry is no number; row and column are named.
        """
        return np.column_stack([self._number(where, argument, column) for column in columns])

    def column(self, where: str, argument: str, column: str, zone: str = "UTC") -> npt.NDArray[Any]:
        """One column as numpy holds it: numbers, datetime64, or objects (strings, dates).

        A column with a time zone is given as the clocks of `zone` show it.

        Shapes:
            -> (N,).
        """
        import narwhals as nw

        series = self._series(where, argument, column)
        if _zone(series):
            if series.dtype != nw.Datetime:  # narwhals knows no zone of pandas with "_", "+" or a digit in its name
                return np.asarray(series.to_native().dt.tz_convert(zone).dt.tz_localize(None))
            series = series.dt.convert_time_zone(zone)
            if series.dtype != nw.Datetime:
                return np.asarray(series.to_native().dt.tz_localize(None))
            series = series.dt.replace_time_zone(None)
        if series.dtype == nw.Date:
            return np.array(series.to_list(), object)
        values = series.to_numpy()
        return np.asarray(values, object) if values.dtype.kind in "UT" else np.asarray(values)

    def time_zone(self, column: str) -> str | None:
        """The column's time zone; None without one."""
        return _zone(self._frame[column])

    def rows(self, chosen: slice | npt.NDArray[np.bool_]) -> Self:
        """A table of these rows only."""
        if isinstance(chosen, slice):
            return type(self)(self._frame[chosen])
        return type(self)(self._frame.filter(chosen.tolist()))

    def like(self, columns: Mapping[str, npt.NDArray[Any]], zones: Mapping[str, str] | None = None) -> Any:
        """A new frame of the same kind (pandas for pandas, polars for polars) with these columns.

        Args:
            columns: name -> values.
            zones: time zones of columns that hold UTC and shall be shown there.

        Shapes:
            (N,) each.
        """
        import narwhals as nw

        backend = nw.get_native_namespace(self._frame)
        made = nw.from_dict({name: _listed(values) for name, values in columns.items()}, backend=backend)
        for name, zone in (zones or {}).items():
            made = made.with_columns(nw.col(name).dt.replace_time_zone("UTC").dt.convert_time_zone(zone))
        return made.to_native()

    def native(self) -> Any:
        """The frame itself."""
        return self._frame.to_native()

    def _series(self, where: str, argument: str, column: str) -> Any:
        if column not in self.names:
            raise unknown_column(where, argument, column, self.names)
        return self._frame[column]

    def _number(self, where: str, argument: str, column: str) -> npt.NDArray[np.float64]:
        """(N,) float64."""
        series = self._series(where, argument, column)
        if series.dtype.is_numeric():
            if series.dtype.is_float() or not series.null_count():
                return np.asarray(series.to_numpy(), "float64")
            made = np.array(series.fill_null(0).to_numpy(), "float64")  # whole numbers have no NaN of their own
            made[np.asarray(series.is_null().to_numpy(), bool)] = np.nan
            return made
        values = series.to_list()
        return np.array([_number(where, argument, column, row, value) for row, value in enumerate(values)])


def _zone(series: Any) -> str | None:
    """The time zone of a narwhals series; None without one."""
    native = getattr(series.to_native(), "dtype", None)
    zone = getattr(series.dtype, "time_zone", None) or getattr(native, "tz", None)
    return None if zone is None else str(zone)


def _number(where: str, argument: str, column: str, row: int, value: object) -> float:
    """One entry of a column that is not numeric as a whole."""
    if value is None or value != value:  # noqa: PLR0124 - NaN, whatever its type
        return float("nan")
    try:
        return float(value)  # type: ignore[arg-type]
    except OverflowError:
        because = f"row {row}, column {column!r}"
        received = "a whole number beyond float64"
        raise DataError.at(where, argument, "be numeric", received, "Correct the entry.", because=because) from None
    except (TypeError, ValueError):
        because = f"row {row}, column {column!r}"
        cure = f"Correct the entry, or choose another {argument} column."
        raise DataError.at(where, argument, "be numeric", value, cure, because=because) from None


def _listed(values: npt.NDArray[Any]) -> Any:
    """Strings and dates go over as Python objects, numbers and times as numpy has them."""
    return values.tolist() if values.dtype.kind in "OU" else values
