"""Tables in files: CSV and Parquet, read with errors a person can act on, never written over one another."""

from __future__ import annotations

import codecs
import difflib
import gzip
import io
import os
import re
import stat
import sys
import warnings
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from elman.errors import ArgumentError, DataError, OverwriteError, missing_extra
from elman.fields import Table
from elman.paths import check_writable

__all__ = [
    "STANDARD_INPUT",
    "check_ending",
    "check_file",
    "check_free",
    "read_piped",
    "read_table",
    "what_else",
    "write_table",
]

STANDARD_INPUT = Path("-")
"""What stands for standard input where a file is named."""

_MISSING = ["", "NA", "N/A", "NaN", "nan"]
_PARQUET = (".parquet", ".pq")
_TEXTS = (".csv", ".tsv", ".txt")
_SEPARATORS = ",;\t|"
_OTHERS = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF89a": "a GIF picture",
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a zip archive, as Excel's .xlsx is",
    b"\xd0\xcf\x11\xe0": "a document of an old Office, as Excel's .xls is",
}
"""First bytes of files that are taken for tables by mistake."""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_PARQUET_BYTES = b"PAR1"
_INDEX = "index"
"""What a column without a name is called where an index is one: as `Table.with_index` calls it."""
_THOUSANDS = r"[+-]?[1-9]\d{0,2},\d{3}"
_PREFIX = "Error tokenizing data. C error: "


def read_table(path: Path, *, texts: bool = False, written: Collection[str] = ()) -> Any:
    """Read a CSV (comma, semicolon, tab or |; .gz too) or Parquet file as a pandas DataFrame.

    Where no comma separates columns, it may stand for the point of numbers: 1,5; some number must show that it does
    not separate thousands, as in 1,234. Numbers such as 1.234,5 and 1,234.5 tell themselves what their marks are. A
    first column without a name, as pandas writes its index, is "index". Spaces around names, empty rows at the end and
    a first line such as "sep=;", all of spreadsheets, are left out.

    Args:
        path: of the file; `STANDARD_INPUT`, which is read to its end.
        texts: whether words such as "null" and "None" stay what they are: text.
        written: columns that are text as it stands in the file, whatever can be read as a number; only with `texts`.

    Raises:
        DataError: no such file (a similar name is suggested), a folder, empty, or neither CSV nor Parquet.
        MissingExtraError: Parquet without pyarrow.
    """
    if path != STANDARD_INPUT:
        check_file(path)
        return _parsed(path, texts=texts, written=written)
    data = _standard_input()
    if not data.strip():
        raise DataError.at("read", "file", "a file that holds something", str(path), because="it is empty")
    return _parsed(data, texts=texts, written=written)


def read_piped() -> Any:
    """The table that is piped into the command, unasked: where something is, or a file stands for standard input.

    Returns:
        A DataFrame; None where standard input is a keyboard, nothing, or empty.

    Raises:
        DataError: it is no table.
    """
    try:
        kind = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # no standard input at all, or one without a file
        return None
    data = _standard_input() if stat.S_ISFIFO(kind) or stat.S_ISREG(kind) else b""
    return _parsed(data, texts=False) if data.strip() else None


def write_table(table: Any, path: Path | None, force: bool) -> None:
    """Write a DataFrame as its name says, CSV (.tsv: with tabs) or Parquet; without a path CSV goes to standard output.

    Raises:
        OverwriteError: the file exists and force is false.
    """
    table = Table.with_index("write", table)[0].native()
    if path is None:
        print(table.to_csv(index=False), end="")
        return
    check_free(path, force)
    if path.suffix in _PARQUET:
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False, sep="\t" if ".tsv" in path.suffixes else ",")


def check_ending(path: Path, where: str) -> None:
    """Refuse the name of a table that would not be of the format its ending says; without an ending it is a CSV.

    Raises:
        ArgumentError: with the endings there are.
    """
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    known = (*_TEXTS, *_PARQUET) if plain is path else _TEXTS
    if plain.suffix and plain.suffix not in known:
        cure = f"Endings: {', '.join(_TEXTS)} (also with .gz behind), {', '.join(_PARQUET)}; Excel opens .csv."
        raise ArgumentError.at(where, "--output", "a name that ends as a table", str(path), cure)


def check_free(path: Path, force: bool, where: str = "write", argument: str = "output") -> None:
    """Refuse a file that would be lost, or a place where none can be written.

    Raises:
        OverwriteError: the file exists and force is false.
        MissingFileError: its folder does not exist. FolderError: the path is a folder.
        ArgumentError: one may not write there.
    """
    check_writable(where, argument, path)
    if path.exists() and not force:
        cure = "Choose another name or pass --force."
        raise OverwriteError.at(where, argument, "not exist yet", str(path), cure)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        cure = "Choose another place, or ask who owns this one."
        raise ArgumentError.at(where, argument, "where you may write", str(path), cure)


def check_file(path: Path) -> None:
    """Refuse a file that is not there, is a folder, or holds nothing.

    Raises:
        DataError: with a similar name, if there is one.
    """
    if path.is_dir():
        cure = "Pass the file itself; for a folder of pictures or sound, a CSV with a column of their paths."
        raise DataError.at("read", "file", "a CSV or Parquet file", str(path), cure, because="it is a folder")
    if not path.exists():
        there = {p.stem: p for p in path.parent.glob("*")}  # without endings, which make all names alike
        near = difflib.get_close_matches(path.stem, there, n=1)
        cure = f"Did you mean {str(there[near[0]])!r}?" if near else "Check the path."
        raise DataError.at("read", "file", "an existing file", str(path), cure)
    if path.stat().st_size == 0:
        raise DataError.at("read", "file", "a file that holds something", str(path), because="it is empty")


def what_else(content: bytes) -> str:
    """What the first bytes of a file are of that is neither a table nor a text; "" where they do not tell.

    Example:
        >>> what_else(b"%PDF-1.4")
        'a PDF document'
    """
    return next((name for beginning, name in _OTHERS.items() if content.startswith(beginning)), "")


def _standard_input() -> bytes:
    """All of it."""
    data: bytes = sys.stdin.buffer.read() if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    return data


def _parsed(content: Path | bytes, *, texts: bool, written: Collection[str] = ()) -> Any:
    """A table, or the error that says why it is none."""
    import pandas as pd

    try:
        if isinstance(content, bytes) and content.startswith(_GZIP):
            content = gzip.decompress(content)
        table = _read(pd, content, texts=texts, written=written)
    except ImportError:
        raise missing_extra("read", "pyarrow", "parquet") from None
    except DataError:
        raise
    except UnicodeDecodeError:
        raise _no_utf8(content) from None
    except (ValueError, OSError, EOFError, zlib.error) as error:  # the last two: a .gz that is cut off or damaged
        raise _no_table(content, _first_line(error)) from None
    if not len(table):
        raise DataError.at("read", "file", "have at least one row below its header", _named(content))
    return table


def _read(pd: Any, path: Path | bytes, *, texts: bool, written: Collection[str]) -> Any:
    """A table of a file, or of what one holds."""
    if path.startswith(_PARQUET_BYTES) if isinstance(path, bytes) else path.suffix in _PARQUET:
        return Table.with_index("read", pd.read_parquet(_source(path)))[0].native()
    header, told = _header(path)
    options: dict[str, Any] = {"sep": told or _separator(header), "index_col": False, "skiprows": int(bool(told))}
    options["low_memory"] = (
        False  # in pieces, pandas makes numbers of the first rows of a long column that ends in texts
    )
    if texts:
        options |= {"keep_default_na": False, "na_values": _MISSING}
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            table = pd.read_csv(_source(path), **options)
            if options["sep"] != "," and _numbers(pd, table) < table.shape[1]:
                other = pd.read_csv(_source(path), decimal=",", **options)
                if _numbers(pd, other) > _numbers(pd, table) and _has_points(pd, table, other):
                    table, options = other, {**options, "decimal": ","}
        except pd.errors.ParserWarning:
            raise _no_table(path, "its rows have more cells than its header") from None
    for n in range(table.shape[1]):
        if table.columns[n].strip() not in written and (plain := _without_thousands(pd, table.iloc[:, n])) is not None:
            table.isetitem(n, plain)
    table = _with_codes(pd, path, table, options, written) if texts else table
    if header.startswith((options["sep"].encode(), b'""')) and _INDEX not in table:
        table = table.rename(columns={table.columns[0]: _INDEX})
    names = table.columns.astype(str).str.strip()
    empty = table.isna().all(axis=1).to_numpy()
    if table.shape[1] > 1 and empty[-1:].any():
        table = table[: len(table) - int(np.argmin(empty[::-1]))]
    return table.set_axis(names, axis=1) if names.is_unique else table


def _numbers(pd: Any, table: Any) -> int:
    """How many columns are numbers."""
    return sum(pd.api.types.is_numeric_dtype(kind) for kind in table.dtypes)


def _has_points(pd: Any, texts: Any, numbers: Any) -> bool:
    """Whether commas are points: some stands in what became a number, and not as that of thousands (1,234) does."""
    for n, kinds in enumerate(zip(texts.dtypes, numbers.dtypes, strict=True)):
        if [pd.api.types.is_numeric_dtype(kind) for kind in kinds] == [False, True]:
            cells = texts.iloc[:, n].dropna().astype(str).str.strip()
            if (cells.str.contains(",") & ~cells.str.fullmatch(_THOUSANDS)).any():
                return True
    return False


def _without_thousands(pd: Any, column: Any) -> Any:
    """A column of texts such as 1.234,5 or 1,234.5 as numbers; None where they are none, or all have only one mark."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return None
    cells = column.dropna().astype(str).str.strip()
    for thousands, point in (".,", ",."):
        number = rf"[+-]?(\d+|\d{{1,3}}(\{thousands}\d{{3}})+)(\{point}\d+)?"
        if cells.str.contains(thousands, regex=False).any() and cells.str.fullmatch(number).all():
            if not cells.str.contains(point, regex=False).any():
                return None
            plain = cells.str.replace(thousands, "", regex=False).str.replace(point, ".", regex=False)
            return plain.astype("float64").reindex(column.index)
    return None


def _with_codes(pd: Any, path: Path | bytes, table: Any, options: dict[str, Any], written: Collection[str]) -> Any:
    """The table, with columns such as 007, and those of `written`, as they are in the file: numbers have no zeros."""
    told = [name.strip() in written for name in table.columns]
    numbers = [n for n, kind in enumerate(table.dtypes) if told[n] or pd.api.types.is_numeric_dtype(kind)]
    found: Any = pd.read_csv(_source(path), usecols=numbers, dtype=str, **options) if numbers else None
    for place, n in enumerate(numbers):
        column = found.iloc[:, place]
        if told[n] or column.str.match(r"[+-]?0\d", na=False).any():
            table.isetitem(n, column)
    return table


def _header(path: Path | bytes) -> tuple[bytes, str]:
    """The first line of a table, and what separates columns where a line of its own before it tells so, as Excel's do.

    Raises:
        DataError: it is none of a text.
    """
    with _opened(path) as file:
        header: bytes = file.readline(1 << 16)
        told = re.fullmatch(rb"sep=(.)\s*", header.removeprefix(codecs.BOM_UTF8), re.DOTALL)
        if told:
            header = file.readline(1 << 16)
    if header.startswith(_UTF16):
        raise _no_table(path, "it is UTF-16")
    if other := what_else(header):
        raise _no_table(path, f"it is {other}")
    if b"\0" in header:
        raise _no_table(path, "it holds bytes that are no text")
    return header.removeprefix(codecs.BOM_UTF8), told[1].decode() if told else ""


def _separator(header: bytes) -> str:
    """What stands between the columns of a header: the most frequent of , ; tab and |."""
    return max(_SEPARATORS, key=lambda mark: header.count(mark.encode()))


def _source(path: Path | bytes) -> Any:
    """What pandas reads."""
    return io.BytesIO(path) if isinstance(path, bytes) else path


def _opened(path: Path | bytes) -> Any:
    """The bytes of a file, unpacked if it is packed."""
    if isinstance(path, bytes):
        return io.BytesIO(path)
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _no_utf8(path: Path | bytes) -> DataError:
    """Which line is none."""
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                because = f"line {number} has byte {line[error.start]:#x} after {line[: error.start].decode()[-20:]!r}"
                cure = "Convert it; from Windows, for example: iconv -f cp1252 -t utf-8."
                return DataError.at("read", "file", "a table in UTF-8", _named(path), cure, because=because)
    return _no_table(path, "it holds bytes that are no text")


def _no_table(path: Path | bytes, because: str) -> DataError:
    cure = "Save the table as CSV (UTF-8) or Parquet."
    return DataError.at("read", "file", "a CSV or Parquet file", _named(path), cure, because=because)


def _named(path: Path | bytes) -> str:
    return str(STANDARD_INPUT if isinstance(path, bytes) else path)


def _first_line(error: Exception) -> str:
    text = (str(error).splitlines() or [type(error).__name__])[0].removeprefix(_PREFIX).rstrip(".")
    return re.sub(r"\bat row (\d+)", lambda found: f"in line {int(found[1]) + 1}", text)  # pandas counts both ways
