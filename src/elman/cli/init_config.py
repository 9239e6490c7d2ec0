"""`elman init-config`: the config of the training that suits a file: a forecast, columns to columns, or a book."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elman.cli.declared import declare, is_table
from elman.cli.runs import render_config
from elman.cli.screen import say
from elman.cli.sequence import BOOK, read_book, read_columns, written
from elman.cli.sequence import SETTINGS as SEQUENCE_SETTINGS
from elman.cli.series import check_targets, complete, foretold, target_of
from elman.cli.tables import check_file, check_free, read_table
from elman.cli.train import SETTINGS as FORECAST_SETTINGS
from elman.errors import ArgumentError, unknown_column

__all__ = ["init_config"]

_TARGETS = ("target", "label", "labels", "class", "category", "y", "tags", "intent", "transcript", "caption")


def init_config(
    file: Path, inputs: list[str], targets: list[str], forecast: Mapping[str, Any], output: Path, force: bool
) -> None:
    """Write the config that training on a file would have: roles and types found, every setting with its default.

    Args:
        file: a table or a text. inputs, targets: columns with or without a type; empty: found.
        forecast: time, id and horizon; what is not None makes a forecast of it.
        output: the config. force: whether an existing one may be lost.

    Raises:
        ArgumentError: settings of a forecast together with inputs.
    """
    check_file(file)
    check_free(output, force, "init-config")
    told = {name: value for name, value in forecast.items() if value is not None}
    for name in told if inputs or not is_table(file) else ():
        cure = "It is for forecasts; leave it out, or leave --input out."
        raise ArgumentError.at("init-config", f"--{name}", "left out where columns go in", told[name], cure)
    if not is_table(file):
        settings = _of_book(file, inputs, targets)
    else:
        settings = (None if inputs else _of_series(file, targets, told)) or _of_columns(file, inputs, targets)
    output.write_text(f"# elman train --config {output}\n{render_config(settings)}", encoding="utf-8")
    say(f"config: {output}")


def _of_series(file: Path, targets: list[str], told: Mapping[str, Any]) -> dict[str, Any] | None:
    """The config of a forecast, or None where the table is not one of series and nobody says so."""
    declared = [declare(text, "init-config") for text in targets]
    if any(column.kind not in ("", "number", "series") for column in declared):
        return None
    table = read_table(file)
    settings = {**FORECAST_SETTINGS, **told, "file": str(file), "target": [column.name for column in declared]}
    for name in (*settings["target"], *(told[role] for role in ("time", "id") if told.get(role))):
        if name not in table.columns:
            raise unknown_column("init-config", "column", name, list(map(str, table.columns)))
    found = complete(settings, table)
    if not told and not foretold(settings, table):
        return None
    if found:
        say("\n".join(found))
    if not targets:
        target = target_of(table, _TARGETS, (settings["time"], settings["id"]))
        settings["target"] = target
        say(f"target: column {target!r}; change it with --target or in the file")
    check_targets(settings, table)
    say(f"a forecast of {settings['horizon']} rows; with --input COLUMN a network from columns to columns")
    return settings


def _of_columns(file: Path, inputs: list[str], targets: list[str]) -> dict[str, Any]:
    """The config of a network from columns to columns."""
    settings: dict[str, Any] = {**SEQUENCE_SETTINGS, "file": str(file), "input": inputs, "target": targets}
    names = [str(name) for name in read_table(file, texts=True).columns]
    if not targets:
        target = next((name for name in names if name.lower() in _TARGETS), names[-1])
        settings["target"] = [target]
        say(f"target: column {target!r}; change it with --target or in the file")
    if not inputs:
        taken = {declare(text).name for text in settings["target"]}
        settings["input"] = [name for name in names if name not in taken]
    _, ins, outs, _ = read_columns(file, settings)
    for role in ("input", "target"):
        settings[role] = [declare(text).name for text in settings[role]]
    return {**settings, "fields": written({**ins, **outs})}


def _of_book(file: Path, inputs: list[str], targets: list[str]) -> dict[str, Any]:
    """The config of a language model."""
    settings: dict[str, Any] = {**SEQUENCE_SETTINGS, "file": str(file), "input": inputs, "target": targets}
    _, fields, _, _ = read_book(file, settings)
    return {**settings, "input": [BOOK], "target": [BOOK], "fields": written(fields)}
