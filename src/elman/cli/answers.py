"""What a model of typed inputs and outputs answers to `elman predict`, `evaluate`, `generate` and `plot`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from elman.cli.declared import LABELS_BETWEEN, is_table, read_lines, read_samples, samples_by_name, samples_of
from elman.cli.screen import say
from elman.cli.sequence import show_reports
from elman.cli.tables import STANDARD_INPUT, write_table
from elman.errors import ArgumentError, DataError
from elman.fields import Labels, Tokens
from elman.fields.audio import SOUND_FILES
from elman.fields.pixels import IMAGE_FILES
from elman.tasks.sequence import SequenceModel

__all__ = ["LANGUAGE_MODEL", "evaluate", "generate", "plot", "predict"]

_IN_FOLDERS = {"image": IMAGE_FILES, "line": IMAGE_FILES, "audio": SOUND_FILES}
"""What is answered of a folder, by what goes in."""

LANGUAGE_MODEL = "Train one with: elman train book.txt."


def predict(
    model: SequenceModel, given: str | None, output: Path | None, search: Mapping[str, Any], force: bool
) -> None:
    """Answer a text, a file, or the lines of standard input (None or "-"): a line each, or a CSV for a table.

    Of a folder each picture or sound is answered, behind its name.

    Args:
        search: as in `SequenceModel.predict`, or `n_best` where it names an `n`.

    Raises:
        ArgumentError: several inputs without a table.
    """
    path = None if given in (None, "-") else Path(str(given))
    if path is not None and is_table(path):
        _write(model, _answers(model, _columns(model, path, outputs=False), search), output, force)
        return
    name, field = _only_input(model)
    files: dict[str, Any] = {}
    if path is None:
        cells: list[str] = read_lines(None, "predict")
    elif path.is_dir() and field.kind in _IN_FOLDERS:
        cells = [str(file) for file in sorted(path.iterdir()) if file.suffix.lower() in _IN_FOLDERS[field.kind]]
        files = {name: cells}
    elif (path.is_file() or path.suffix == ".txt") and field.kind in ("text", "tokens"):
        cells = read_lines(path, "predict")
    else:
        cells = [given or ""]
    if not cells and files:
        rule, cure = f"a folder with files for {name!r}", f"They end in {', '.join(_IN_FOLDERS[field.kind])}."
        raise DataError.at("predict", "input", rule, str(path), cure)
    if not cells:
        raise DataError.at("predict", "input", "have a line", 0, "Write a text, or name a file.")
    answers = files | _answers(model, {name: samples_of(field, cells, Path())}, search)
    if output is not None:
        _write(model, answers, output, force)
        return
    for row in zip(*_texts(model, answers).values(), strict=True):
        say("\t".join(map(_shown, row)))


def evaluate(model: SequenceModel, file: Path | None) -> None:
    """Scores beside the simplest guesses: on a table, or on the validation part of the training."""
    show_reports(model.evaluate(None if file is None else _columns(model, file, outputs=True)))


def plot(model: SequenceModel, file: Path | None, output: Path) -> None:
    """Draw the course of training, or, with a table, how answers lie to the truth."""
    model.plot(None if file is None else _columns(model, file, outputs=True), output)


def generate(model: SequenceModel, prompt: str, how: Mapping[str, Any]) -> None:
    """Write on from a prompt, as `SequenceModel.generate` is told.

    Raises:
        ArgumentError: no language model, or a setting out of range.
    """
    field = next(iter(model.blueprint_.outputs.values()))
    say(_shown(model.generate(prompt.split() if isinstance(field, Tokens) else prompt, **how)))


def _columns(model: SequenceModel, path: Path, *, outputs: bool) -> dict[str, list[Any]]:
    """The samples of a table that a model reads; those it is to give, too, where asked for.

    A language model reads a file of text as one sample.
    """
    blueprint = model.blueprint_
    known = {**blueprint.inputs, **(blueprint.outputs if outputs else {})}
    piped = path == STANDARD_INPUT
    (name, _), *more = known.items()
    if not more and not is_table(path):
        return {name: ["\n".join(read_lines(None if piped else path, "read"))]}
    if not is_table(path) and not piped:
        raise DataError.at("read", "file", "a table", str(path), "Tables end in .csv, .tsv or .parquet.")
    cells = read_samples(path, {name: field.kind for name, field in known.items()}, "read")
    return samples_by_name(known, cells, path.parent)


def _only_input(model: SequenceModel) -> tuple[str, Any]:
    (name, field), *more = model.blueprint_.inputs.items()
    if more:
        names = ", ".join(map(repr, model.blueprint_.inputs))
        cure = "Put them into a CSV file."
        raise ArgumentError.at("predict", "input", f"a table with the columns {names}", "one text", cure)
    return name, field


def _answers(model: SequenceModel, columns: Mapping[str, Any], search: Mapping[str, Any]) -> dict[str, Any]:
    """Answers by output; the n best of each row as columns of their own, empty where there are not so many."""
    name = next(iter(model.blueprint_.outputs))
    if "n" in search:
        rows = model.n_best(columns, **search)
        names = [name, *(f"{name} {rank}" for rank in range(2, search["n"] + 1))]
        return {column: [row[rank][0] if rank < len(row) else "" for row in rows] for rank, column in enumerate(names)}
    answers = model.predict(columns, **search)
    return answers if isinstance(answers, dict) else {name: answers}


def _texts(model: SequenceModel, answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers, with lists of labels as a cell of a table has them, which `evaluate` reads again."""
    found = dict(answers)
    for name, field in model.blueprint_.outputs.items():
        if isinstance(field, Labels):
            between = field.separator or LABELS_BETWEEN
            found[name] = [between.join(map(str, labels)) for labels in answers[name]]
    return found


def _write(model: SequenceModel, answers: Mapping[str, Any], output: Path | None, force: bool) -> None:
    import pandas as pd

    plain = {name: [_cell(value) for value in column] for name, column in _texts(model, answers).items()}
    write_table(pd.DataFrame(plain), output, force)
    if output is not None:
        print(f"{len(next(iter(plain.values())))} rows: {output}", file=sys.stderr)


def _cell(answer: Any) -> Any:
    return answer.item() if isinstance(answer, np.generic) else answer if np.ndim(answer) == 0 else _shown(answer)


def _shown(answer: Any) -> str:
    """An answer in one line: symbols with spaces between, arrays as JSON."""
    if isinstance(answer, float | np.floating):
        return f"{float(answer):.6g}"
    if isinstance(answer, np.ndarray):
        return json.dumps(np.round(answer.astype("float64"), 6).tolist())
    if isinstance(answer, list | tuple):
        return " ".join(map(str, answer))
    return str(answer)
