"""`COLUMN[:type]` and the cells of a file: what the command line says of columns, as fields and samples."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from elman import fields
from elman.cli.tables import read_table, what_else
from elman.errors import ArgumentError, DataError, unknown_column, unknown_name
from elman.fields import Field, Guess, Table
from elman.fields.guessing import BOX_NAMES
from elman.fields.pixels import picture_size
from elman.fields.samples import is_missing

__all__ = [
    "LABELS_BETWEEN",
    "Declared",
    "as_number",
    "declare",
    "field_of",
    "is_table",
    "read_lines",
    "read_samples",
    "samples_by_name",
    "samples_of",
]

_SHORT: dict[str, Callable[[], Field[Any]]] = {
    "char": lambda: fields.Text("char"),
    "word": lambda: fields.Text("word"),
    "bpe": lambda: fields.Text("bpe"),
    "iobes": lambda: fields.Tags("iobes"),
    "xyxy": lambda: fields.Boxes("xyxy"),
}
"""Types beside the kinds of fields."""

_TABLES = (".csv", ".tsv", ".parquet", ".pq")
LABELS_BETWEEN = "|"
"""What stands between labels, where nothing else is said."""

_FILES = ("image", "line", "audio", "video")
_OF_NUMBERS = ("", "number", "category")
"""Types that numbers may have: the classes of a category may be some."""
_SYMBOLS = ("tokens", "tags")
_SIDES = 4
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_NUMBERS = re.compile(rf"\s*\[*\s*{_NUMBER}([\s,;\[\]]+{_NUMBER})*\s*\]*\s*")
"""Numbers with spaces or the like between."""


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
        filled = [cell for cell in cells if cell is not None]
        boxed = declared.name.lower() in BOX_NAMES and all(str(cell).lstrip().startswith("[") for cell in filled)
        if boxed and filled:
            return Guess(fields.Boxes(), f"lists in a column called {declared.name!r}")
        if filled and all(isinstance(cell, str) and _NUMBERS.fullmatch(cell) for cell in filled):
            numbers = sum(len(_parts(cell)) for cell in filled)
            if numbers >= 2 * len(filled):
                return Guess(fields.Series(), f"texts of {numbers / len(filled):.0f} numbers")
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


def read_samples(path: Path, names: Mapping[str, str], where: str) -> dict[str, list[Any]]:
    """Columns of a table as they stand in the file; an empty cell is None.

    Four columns as one ("left,top,width,height") are boxes, of which a row has one; rows that are otherwise alike, as
    they name one picture, become one sample.

    Args:
        path: of the table.
        names: of the columns, with what is known of their types: "" where nothing is. Only what may be a number is
            read as one: the labels "1,2" and "3" are no 1.2 and 3.0.
        where: the command, for errors.

    Raises:
        DataError: no such file, or no table. UnknownColumnError: no such column.
    """
    written = [name for name, kind in names.items() if kind not in _OF_NUMBERS]
    table = Table.wrap(where, read_table(path, texts=True, written=written))
    sides = {name: name.split(",") for name in names if name not in table.names and name.count(",") == _SIDES - 1}
    alone = [name for name in names if name not in sides]
    cells = {}
    for name in [*alone, *(side for four in sides.values() for side in four)]:
        if name not in table.names and len(table.names) == 1:
            cure = "Separate them by comma, semicolon, tab or |."
            because = f"{str(path)!r} has one column, {table.names[0]!r}"
            raise DataError.at(where, "column", "a column of the table", name, cure, because=because)
        if name not in table.names:
            raise unknown_column(where, "column", name, table.names)
        cells[name] = [_plain(cell) for cell in table.column(where, "column", name).tolist()]
    return _grouped(cells, alone, sides) if sides else cells


def _grouped(
    cells: Mapping[str, list[Any]], alone: Sequence[str], sides: Mapping[str, Sequence[str]]
) -> dict[str, list[Any]]:
    """A sample for each different row of the columns that stand alone, with all boxes of such rows."""
    rows = list(zip(*(cells[name] for name in alone), strict=True))
    found: dict[str, list[Any]] = {name: [] for name in [*alone, *sides]}
    places = {key: n for n, key in enumerate(dict.fromkeys(rows))}
    for name, column in zip(alone, zip(*places, strict=True), strict=True):
        found[name] = list(column)
    for name, four in sides.items():
        found[name] = [[] for _ in places]
        for key, box in zip(rows, zip(*(cells[side] for side in four), strict=True), strict=True):
            if any(side is not None for side in box):
                found[name][places[key]].append([as_number(str(side)) for side in box])
    return found


def read_lines(path: Path | None, where: str) -> list[str]:
    """The lines of a text file, or of standard input; what else Unicode ends lines with stays in them.

    Raises:
        DataError: no such file, or not UTF-8.
    """
    try:
        text = sys.stdin.read() if path is None else path.read_text(encoding="utf-8")
        text = text.removeprefix("\ufeff")  # a mark of UTF-8 that Windows writes
        text.encode()  # of standard input, bytes that are no UTF-8 come as surrogates
    except UnicodeDecodeError as error:
        if other := what_else(error.object):
            raise DataError.at(where, "file", "a file of text", str(path), because=f"it is {other}") from None
        raise _no_utf8(where, path, error.object[error.start], error.start) from None
    except UnicodeEncodeError as error:
        raise _no_utf8(where, path, ord(error.object[error.start]) & 0xFF, error.start) from None
    except OSError as error:
        because = error.strerror or "it cannot be read"
        raise DataError.at(where, "file", "a file of text", str(path), because=because) from None
    return text.removesuffix("\n").split("\n") if text else []


def _no_utf8(where: str, path: Path | None, byte: int, at: int) -> DataError:
    cure = "Convert it to UTF-8, with iconv for example."
    return DataError.at(where, "file", "text in UTF-8", str(path or "-"), cure, because=f"byte {byte:#x} at {at}")


def samples_by_name(known: Mapping[str, Field[Any]], cells: Mapping[str, Any], folder: Path) -> dict[str, list[Any]]:
    """Cells as the samples that their fields take; boxes in pixels with the size of the picture they are in."""
    samples = {name: samples_of(field, cells[name], folder) for name, field in known.items()}
    pictures = next((samples[name] for name, field in known.items() if field.kind == "image"), None)
    for name, field in known.items():
        if field.kind == "boxes" and pictures is not None and _in_pixels(samples[name]):
            sizes = [picture_size("read", row, picture)[:2] for row, picture in enumerate(pictures)]
            samples[name] = list(zip(samples[name], sizes, strict=True))
    return samples


def _in_pixels(column: Sequence[Any]) -> bool:
    """Whether these boxes are no fractions of a picture."""
    sides = [side for boxes in column for box in boxes for side in box if isinstance(side, int | float)]
    return max(sides, default=0) > 1


def samples_of(field: Field[Any], cells: Sequence[Any], folder: Path) -> list[Any]:
    """Cells as the samples that a field takes.

    Classes are those of the training, however a file writes them. Symbols and numbers are separated by spaces, labels
    as the field says (of a field that does not: by "|", or by spaces where no cell has one), boxes are JSON, paths
    start at the table's folder; an empty cell is an empty text or sequence.
    """
    if isinstance(field, fields.Labels):
        return _lists_of_labels(field, cells)
    if isinstance(field, fields.Category):
        return _known_classes(field, cells)
    return [_sample(field.kind, cell, folder) for cell in cells]


def _lists_of_labels(field: fields.Labels, cells: Sequence[Any]) -> list[list[str]]:
    """The labels of each cell; a field that does not know what stands between them is told."""
    texts = ["" if cell is None else f"{cell}" for cell in cells]
    if field.separator is None:
        spaced = any(" " in str(name) for name in field.classes)
        field.separator = LABELS_BETWEEN if spaced or any(LABELS_BETWEEN in text for text in texts) else " "
    return field.lists(texts)


def _known_classes(field: fields.Category, cells: Sequence[Any]) -> list[Any]:
    """Cells as classes of a fitted field: 1 and "1" are one, for it is the other cells that make a file's type."""
    known, texts = set(field.classes), {f"{name}": name for name in field.classes}
    ways = ((cell, texts.get(f"{cell}"), as_number(cell)) for cell in cells)
    return [next((way for way in some if way in known), some[0]) for some in ways]


def _sample(kind: str, cell: Any, folder: Path) -> Any:
    if kind in ("text", *_SYMBOLS, "series") and cell is None:
        cell = ""
    if kind == "text":
        return cell if isinstance(cell, str) else f"{cell}"
    if kind in _FILES and isinstance(cell, int | float):  # a file or folder named by a number
        cell = f"{cell}"
    if not isinstance(cell, str):
        return cell
    if kind in _SYMBOLS:
        return cell.split()
    if kind == "series" and cell.lstrip().startswith("[["):
        return _json(cell, "series", "Write steps of several numbers as [[1, 2], [3, 4], ...].")
    if kind == "series":
        return [as_number(part) for part in _parts(cell)]
    if kind == "boxes":
        cure = "Write boxes as [[left, top, width, height], ...], or name four columns: left,top,width,height:boxes."
        return _json(cell or "[]", kind, cure)
    if kind in _FILES and not Path(cell).exists():
        return str(folder / cell)
    return cell


def as_number(cell: Any) -> Any:
    """A cell as a number, or as it stands where it is none."""
    try:
        return float(cell)
    except (TypeError, ValueError):
        return cell  # the field says which row it stands in


def _parts(cell: str) -> list[str]:
    return [part for part in re.split(r"[\s,;\[\]]+", cell) if part]


def _json(cell: str, kind: str, cure: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        raise ArgumentError.at("read", kind, "JSON", cell, cure) from None


def _plain(cell: Any) -> Any:
    return None if is_missing(cell) else cell
