"""`elman train` with inputs: any columns in, any columns out, or a book to learn by heart."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from elman import charts
from elman.arguments import check_whole
from elman.cli.declared import (
    Declared,
    as_number,
    declare,
    field_of,
    is_table,
    read_lines,
    read_samples,
    samples_by_name,
)
from elman.cli.runs import Recorder, render_config
from elman.cli.screen import Progress, say, show_report
from elman.cli.tables import check_file, check_free, read_table
from elman.errors import ArgumentError, DataError, DivergenceError
from elman.fields import Field, Guess, Text, Tokens, guess
from elman.fields.guessing import TAG_NAMES
from elman.tasks import Report
from elman.tasks.sequence import SequenceModel

__all__ = [
    "BOOK",
    "SETTINGS",
    "is_sequence",
    "read_book",
    "read_columns",
    "show_reports",
    "train_sequence",
    "written",
]

_MODEL = {
    name: value
    for name, value in SequenceModel().get_params().items()
    if name not in ("inputs", "outputs", "size", "verbose", "warm_start")
}
SETTINGS: dict[str, object] = {
    "file": None,
    "input": [],
    "target": [],
    "groups": None,
    "fields": {},
    "units": SequenceModel().size,
    **_MODEL,
    "output": "model.safetensors",
}
"""Every setting a config file may have, with its default."""

BOOK = "text"
"""The one column that a file of text has."""

_WHOLE_BOOK = 10**9


def is_sequence(settings: Mapping[str, Any]) -> bool:
    """Whether these settings ask for a network of typed inputs and outputs, not for a forecast."""
    return bool(settings.get("input") or settings.get("fields")) or str(settings.get("file")).endswith(".txt")


def train_sequence(given: Mapping[str, Any], force: bool) -> None:
    """Train as told; write a model file and a run folder.

    Args:
        given: settings that stand on the command line or in a config.
        force: whether an existing model file may be lost.

    Raises:
        ElmanError: whatever is wrong, before anything is written.
    """
    for name in given:
        if name not in SETTINGS:
            cure = "It is for forecasts; leave it out, or leave --input out."
            raise ArgumentError.at("train", f"--{name}", "left out where --input is given", given[name], cure)
    settings = {**SETTINGS, **given}
    settings |= {role: _names(settings[role]) for role in ("input", "target")}
    output, path = Path(str(settings["output"])), Path(str(settings["file"]))
    check_file(path)
    check_free(output, force, "train")
    check_whole("train", "--units", settings["units"], 1)
    columns, inputs, outputs, groups = (read_columns if is_table(path) else read_book)(path, settings)
    if isinstance(weights := settings["class_weight"], Mapping):
        settings["class_weight"] = _of_classes(weights, [columns[name] for name in outputs])
    model = SequenceModel(inputs, outputs, size=settings["units"], **{name: settings[name] for name in _MODEL})
    config = {**settings, "fields": written({**inputs, **outputs}), "output": str(output)}
    recorder = Recorder(output.name.removesuffix(".safetensors"), render_config(config), weights=False)
    began = time.perf_counter()
    try:
        model.fit(columns, callbacks=[Progress("training"), recorder], groups=groups)
    except (KeyboardInterrupt, DivergenceError):
        if hasattr(model, "network_"):
            say(f"training did not end; what was learned: {model.save(recorder.folder / 'last.safetensors')}")
        raise
    model.explain(say)
    say(f"trained in {time.perf_counter() - began:.1f} s")
    show_reports(model.report_)
    charts.save(model.plot(), recorder.folder / "history.png")
    model.save(recorder.folder / "best.safetensors")
    model.save(output)
    say(f"model: {output}\nrun:   {recorder.folder}")


def _names(columns: Any) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns)


def _of_classes(weights: Mapping[str, Any], columns: Iterable[Iterable[Any]]) -> dict[Any, Any]:
    """Weights by the classes that columns hold: TOML writes truths and numbers that are names as text."""
    known = {f"{one}": one for column in columns for row in column for one in (row if isinstance(row, list) else [row])}
    return {known.get(name, as_number(name)): weight for name, weight in weights.items()}


def show_reports(report: Report | Mapping[str, Report] | None) -> None:
    """The report of one output, or of several."""
    for one in report.values() if isinstance(report, Mapping) else [report]:
        if one is not None:
            show_report(one)


_Parts = tuple[dict[str, list[Any]], dict[str, Field[Any]], dict[str, Field[Any]], list[Any] | None]
"""Samples by column; fields that go in; fields that come out; whose each row is, where that was told."""


def read_book(path: Path, settings: Mapping[str, Any]) -> _Parts:
    """A text file as one long sample, which goes in and comes out: a language model."""
    told = [*settings["input"], *settings["target"]]
    if told and {declare(text).name for text in told} != {BOOK}:
        cure = f"A text file has one column, {BOOK!r}; tables end in .csv, .tsv or .parquet."
        raise ArgumentError.at("train", "--input", "left out for a file of text", told[0], cure)
    if settings["groups"] is not None:
        raise ArgumentError.at("train", "--groups", "left out for a file of text", settings["groups"])
    text = "\n".join(read_lines(path, "train"))
    if not text.strip():
        raise DataError.at("train", "file", "a file of text", str(path), "Check the path.", because="it is empty")
    configured = settings["fields"].get(BOOK)
    kind = next((declare(text).kind for text in told if declare(text).kind), "")
    field = Text("char", max_length=_WHOLE_BOOK)
    if configured or kind:
        chosen = field_of(Declared(BOOK, kind), configured, [text]).field
        if not isinstance(chosen, Text):
            cure = f"Read it by letters, words or pieces: {BOOK}:char, {BOOK}:word, {BOOK}:bpe."
            raise ArgumentError.at("train", f"type of {BOOK!r}", "a kind of text", chosen.kind, cure)
        field = chosen
        field.max_length = _WHOLE_BOOK
    say(f"{BOOK}: {field.kind} ({len(text)} characters: a language model)")
    return {BOOK: [text]}, {BOOK: field}, {BOOK: field}, None


def read_columns(path: Path, settings: Mapping[str, Any]) -> _Parts:
    """The columns of a table that were asked for."""
    for role in ("input", "target"):
        if not settings[role]:
            names = ", ".join(map(repr, map(str, read_table(path, texts=True).columns)))
            raise ArgumentError.at("train", f"--{role}", "given", None, f"Columns: {names}.")
    ins, outs = ([declare(text) for text in settings[role]] for role in ("input", "target"))
    kinds = {column.name: settings["fields"].get(column.name, {}).get("kind", "") for column in [*ins, *outs]}
    kinds |= {column.name: column.kind for column in [*ins, *outs] if column.kind}
    whose = settings["groups"]
    cells = read_samples(path, kinds if whose is None else {whose: "text", **kinds}, "train")
    aligned = _aligned(ins, outs, cells)
    chosen: dict[str, Field[Any]] = {}
    for column in [*ins, *outs]:
        if column.name not in chosen or column.kind:
            configured = settings["fields"].get(column.name)
            chance = None if column.kind or configured else aligned.get(column.name)
            found = chance or field_of(column, configured, cells[column.name])
            say(f"{column.name}: {found.field.kind} ({found.reason})")
            chosen[column.name] = found.field
    return (
        samples_by_name(chosen, cells, path.parent),
        {column.name: chosen[column.name] for column in ins},
        {column.name: chosen[column.name] for column in outs},
        None if whose is None else cells[whose],
    )


def _aligned(ins: list[Declared], outs: list[Declared], cells: Mapping[str, list[Any]]) -> dict[str, Guess]:
    """Words and their tags: a target that is called so, with as many symbols in each row as an input, both untold."""
    found: dict[str, Guess] = {}
    for tags in outs:
        if tags.kind or tags.name.lower() not in TAG_NAMES:
            continue
        counts = _counts(cells[tags.name])
        words = [column.name for column in ins if not column.kind and _counts(cells[column.name]) == counts]
        if words and max(counts) > 1:
            found[words[0]] = Guess(Tokens(), f"{sum(counts)} symbols, each with one of {tags.name!r}")
            symbols = [(cell or "").split() for cell in cells[tags.name]]
            found[tags.name] = Guess(guess(symbols, tags.name).field, f"one for each symbol of {words[0]!r}")
    return found


def _counts(column: list[Any]) -> list[int]:
    """How many symbols each cell of a column has."""
    return [len(cell.split()) if isinstance(cell, str) else 0 for cell in column]


def written(known: Mapping[str, Field[Any]]) -> dict[str, dict[str, Any]]:
    """Fields as a config has them: the kind and every setting of each column."""
    return {name: {"kind": field.kind, **field.settings()} for name, field in known.items()}
