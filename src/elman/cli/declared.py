"""`COLUMN[:type]` and the cells of a file: what the command line says of columns, as fields and samples."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from elman import fields
from elman.cli.tables import read_table
from elman.errors import ArgumentError, DataError, unknown_column, unknown_name
from elman.fields import Field, Guess, Table

__all__ = ["Declared", "declare", "field_of", "is_table", "read_lines", "read_samples", "samples_of"]

_SHORT: dict[str, Callable[[], Field[Any]]] = {
    "char": lambda: fields.Text("char"),
    "word": lambda: fields.Text("word"),
    "bpe": lambda: fields.Text("bpe"),
    "iobes": lambda: fields.Tags("iobes"),
}
"""Types beside the kinds of fields."""

_TABLES = (".csv", ".tsv", ".parquet", ".pq")
_FILES = ("image", "line", "audio", "video")
_SYMBOLS = ("tokens", "tags")


class Declared(NamedTuple):
    """A column and what is said of its type: "" where nothing is."""

    name: str
    kind: str


def declare(text: str, where: str = "train") -> Declared:
    """Read `COLUMN[:type]`.

    Raises:
        UnknownNameError: no such type.

    Example:
        >>> declare("review:text"), declare("review")
        (Declared(name='review', kind='text'), Declared(name='review', kind=''))
    """
    name, colon, kind = text.rpartition(":")
    if not colon:
        return Declared(text, "")
    if kind not in (known := [*fields.FIELDS, *_SHORT]):
        raise unknown_name(where, "type", kind, known)
    return Declared(name, kind)


def field_of(declared: Declared, settings: Mapping[str, Any] | None, cells: Sequence[Any]) -> Guess:
    """The field of a column, and why: as said, as configured, or guessed from its cells.

    Raises:
        UnknownNameError: a setting that no field of the kind has.
    """
    if declared.kind:
        kind = declared.kind
        return Guess(_SHORT[kind]() if kind in _SHORT else fields.by_kind(kind, "train")(), "as told")
    if settings is None:
        return fields.guess(cells, declared.name)
    made = fields.by_kind(settings.get("kind", ""), f"config, fields.{declared.name}")
    given = {name: value for name, value in settings.items() if name != "kind"}
    for name in given:
        if name not in (known := made().settings()):
            raise unknown_name(f"config, fields.{declared.name}", "setting", name, known)
    return Guess(made(**given), "as configured")


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table."""
    return path.name.removesuffix(".gz").endswith(_TABLES)


def read_samples(path: Path, names: Sequence[str], where: str) -> dict[str, list[Any]]:
    """Columns of a table as they stand in the file; an empty cell is None.

    Raises:
        DataError: no such file, or no table. UnknownColumnError: no such column.
    """
    table = Table.wrap(where, read_table(path, texts=True))
    for name in names:
        if name not in table.names:
            raise unknown_column(where, "column", name, table.names)
    return {name: [_plain(cell) for cell in table.column(where, "column", name).tolist()] for name in names}


def read_lines(path: Path | None, where: str) -> list[str]:
    """The lines of a text file, or of standard input.

    Raises:
        DataError: no such file, or not UTF-8.
    """
    try:
        text = sys.stdin.read() if path is None else path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        because = f"byte {error.object[error.start]:#x} at {error.start}"
        cure = "Convert it to UTF-8, with iconv for example."
        raise DataError.at(where, "file", "text in UTF-8", str(path or "-"), cure, because=because) from None
    except OSError as error:
        because = error.strerror or "it cannot be read"
        raise DataError.at(where, "file", "a file of text", str(path), because=because) from None
    return text.splitlines()


def samples_of(field: Field[Any], cells: Sequence[Any], folder: Path) -> list[Any]:
    """Cells as the samples that a field takes.

    Symbols and numbers are separated by spaces, labels by "|" (or spaces), boxes are JSON, paths start at the table's
    folder; an empty cell is an empty text or sequence.
    """
    return [_sample(field.kind, cell, folder) for cell in cells]


def _sample(kind: str, cell: Any, folder: Path) -> Any:
    if kind in ("text", *_SYMBOLS, "labels", "series") and cell is None:
        cell = ""
    if kind == "text":
        return cell if isinstance(cell, str) else f"{cell}"
    if not isinstance(cell, str):
        return cell
    if kind in _SYMBOLS:
        return cell.split()
    if kind == "labels":
        return cell.split("|") if "|" in cell else cell.split()
    if kind == "series":
        return [_number(part) for part in re.split(r"[\s,;\[\]]+", cell) if part]
    if kind == "boxes":
        return _boxes(cell)
    if kind in _FILES and not Path(cell).exists():
        return str(folder / cell)
    return cell


def _number(part: str) -> float | str:
    try:
        return float(part)
    except ValueError:
        return part  # the field says which row it stands in


def _boxes(cell: str) -> Any:
    try:
        return json.loads(cell or "[]")
    except ValueError:
        cure = "Write boxes as [[left, top, width, height], ...] in fractions of the picture."
        raise ArgumentError.at("read", "boxes", "JSON", cell, cure) from None


def _plain(cell: Any) -> Any:
    return None if cell is None or cell != cell else cell  # noqa: PLR0124 - NaN, whatever its type
