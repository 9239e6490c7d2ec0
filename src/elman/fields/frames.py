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

_PERIOD = "period["


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

        wrapped = _from_native(where, frame)
        if isinstance(wrapped, nw.LazyFrame):
            wrapped = wrapped.collect()
        if not isinstance(wrapped, nw.DataFrame):
            cure = "Pass a pandas, polars or pyarrow table, or a numpy array."
            raise DTypeError.at(where, "frame", "be a table or an array", type(frame).__name__, cure)
        if not all(isinstance(name, str) for name in wrapped.columns):  # pandas', of an array say
            names = [str(name) for name in wrapped.columns]
            wrapped = _from_native(where, wrapped.to_native().set_axis(names, axis=1))
        if not len(wrapped):
            raise DataError.at(where, "frame", "have at least one row", 0, "Check what was read.")
        return cls(wrapped)

    @classmethod
    def with_index(cls, where: str, frame: object) -> tuple[Self, dict[str, str | None], list[str]]:
        """Take a frame or a series; what an index of pandas says becomes the first columns, row numbers say nothing.

        Returns:
            The table; what the index calls each of those columns, None where it has no name for it; and its levels,
            which are those columns, or columns that stood in the frame under their names, too.

        Example:
            >>> import pandas as pd
            >>> months = pd.date_range("1949-01", periods=2, freq="MS")
            >>> table, index, levels = Table.with_index("fit", pd.Series([112, 118], months, name="sales"))
            >>> table.names, index, levels
            (['index', 'sales'], {'index': None}, ['index'])
        """
        import narwhals as nw

        series = _from_native(where, frame, allow_series=True)
        if isinstance(series, nw.Series):
            frame = (series if series.name else series.alias("y")).to_frame().to_native()
        table = cls.wrap(where, frame)
        index = nw.maybe_get_index(nw.from_native(table.native()))
        if index is None or (index.nlevels == 1 and index.name is None and index.dtype.kind in "iuf"):
            return table, {}, []
        names = {_called(level, name, index.nlevels): name for level, name in enumerate(index.names)}
        made = table.native().reset_index(drop=True)
        for place, name in enumerate(new := [name for name in names if name not in table.names]):
            made.insert(place, name, index.get_level_values(list(names).index(name)))
        return cls.wrap(where, made), {name: names[name] for name in new}, list(names)

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

        A column with a time zone is given as the clocks of `zone` show it, pandas' periods by where they begin.

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
        if _period(series):
            return np.asarray(series.to_native().dt.to_timestamp())
        if series.dtype == nw.Date:
            return np.array(series.to_list(), object)
        values = series.to_numpy()
        return np.asarray(values, object) if values.dtype.kind in "UT" else np.asarray(values)

    def time_zone(self, column: str) -> str | None:
        """The column's time zone, or what pandas calls its periods ("period[M]"); None without either."""
        return _zone(self._frame[column]) or _period(self._frame[column])

    def dated(self, column: str) -> bool:
        """Whether a column holds days or times of its own type: no text, numbers, spans of time or hours of any day."""
        import narwhals as nw

        kind = self._frame[column].dtype
        return kind in (nw.Date, nw.Datetime) or self.time_zone(column) is not None

    def repeats(self, columns: Sequence[str]) -> bool:
        """Whether two rows agree in all of these columns."""
        return bool(self._frame.select(list(columns)).is_duplicated().any())

    def distinct(self, column: str) -> int:
        """How many values a column has; 0 where some are missing, or are lists and the like that nobody compares."""
        series = self._frame[column]
        try:
            return 0 if series.null_count() else int(series.n_unique())
        except (TypeError, NotImplementedError):
            return 0

    def rows(self, chosen: slice | npt.NDArray[np.int64]) -> Self:
        """A table of these rows only: a slice, or row numbers in any order."""
        return type(self)(self._frame[chosen if isinstance(chosen, slice) else chosen.tolist(), :])

    def like(
        self,
        columns: Mapping[str, npt.NDArray[Any]],
        zones: Mapping[str, str] | None = None,
        index: Mapping[str, str | None] | None = None,
    ) -> Any:
        """A new frame of the same kind (pandas for pandas, polars for polars) with these columns.

        Args:
            columns: name -> values.
            zones: time zones of columns that hold UTC and shall be shown there, or what pandas calls their periods.
            index: columns that become the index, and what it calls them; see `with_index`.

        Shapes:
            (N,) each.
        """
        import narwhals as nw

        backend = nw.get_native_namespace(self._frame)
        made = nw.from_dict({name: _listed(values) for name, values in columns.items()}, backend=backend)
        for name, zone in (zones or {}).items():
            if zone.startswith(_PERIOD):
                made = nw.from_native(made.to_native().astype({name: zone}))
                continue
            made = made.with_columns(nw.col(name).dt.replace_time_zone("UTC").dt.convert_time_zone(zone))
        levels = [name for name in index or {} if name in columns]
        if not levels:
            return made.to_native()
        return made.to_native().set_index(levels).rename_axis([(index or {})[name] for name in levels])

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


def _from_native(where: str, frame: object, **options: Any) -> Any:
    """A frame, or a series, as narwhals sees it; what is neither, as it is."""
    import narwhals as nw

    try:
        return nw.from_native(frame, pass_through=True, **options)
    except nw.exceptions.DuplicateError:
        names = [str(name) for name in getattr(frame, "columns", [])]
        twice = next((name for name in names if names.count(name) > 1), None)
        raise DataError.at(where, "frame", "have columns of different names", twice, "Rename or drop one.") from None


def _period(series: Any) -> str | None:
    """What pandas calls the periods of a narwhals series; None without them."""
    name = str(getattr(series.to_native(), "dtype", ""))
    return name if name.startswith(_PERIOD) else None


def _called(level: int, name: str | None, levels: int) -> str:
    """The column that a level of an index becomes, as pandas calls it."""
    return str(name) if name is not None else "index" if levels == 1 else f"level_{level}"


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
