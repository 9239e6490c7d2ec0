"""What a person sees: tables, a live bar on a terminal and plain lines elsewhere, errors in one line."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from elman.training.callbacks import Callback

if TYPE_CHECKING:
    from rich.console import Console

    from elman.tasks import Report

__all__ = ["Progress", "complain", "console", "say", "show_report", "show_table"]

_LINES = 10
"""Lines a training prints where there is no terminal."""
_SILENCE = 10.0
"""Seconds after which an epoch is worth a line, however many there are."""


def console() -> Console:
    """A console on standard output; rich is imported when the first one is asked for."""
    from rich.console import Console

    return Console(highlight=False)


def say(text: str) -> None:
    """Print a line as it is."""
    print(text, flush=True)


def complain(kind: str, text: object) -> None:
    """Print an error or a warning on standard error."""
    print(f"{kind}: {text}", file=sys.stderr, flush=True)


def show_table(title: str, cells: list[list[str]]) -> None:
    """A table, header first; the first column is a name, the others are numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(title=title, box=SIMPLE_HEAD, title_justify="left", title_style="bold")
    for column, name in enumerate(cells[0]):
        table.add_column(name, justify="left" if column == 0 else "right")
    for row, line in enumerate(cells[1:]):
        table.add_row(*line, style="bold" if row == 0 else None)
    console().print(table)


def show_report(report: Report) -> None:
    """A report as a table, with its notes under it."""
    show_table(report.title, report.cells())
    for note in report.notes:
        say(f"note: {note}")


class Progress(Callback):
    """Training as one live line on a terminal, as about ten plain lines elsewhere, more where epochs are long.

    A second training (on all rows) gets a line of its own.

    Args:
        names: of the first training, the second ...
    """

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.names = names or ("training",)
        self.runs = 0
        self._bar: Any = None
        self._task: Any = None
        self._began = self._said = 0.0

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Open the line."""
        self._began = self._said = time.perf_counter()
        self._name = self.names[min(self.runs, len(self.names) - 1)]
        self.runs += 1
        screen = console()
        if screen.is_terminal:
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            name, shown = TextColumn("{task.description}"), TextColumn("{task.fields[shown]}")
            columns = (name, BarColumn(), MofNCompleteColumn(), shown, TimeElapsedColumn())
            self._bar = Bar(*columns, console=screen, refresh_per_second=20)
            self._bar.start()
            self._task = self._bar.add_task(self._name, total=self.params.get("epochs"), shown="")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Show the epoch's numbers."""
        epochs = self.params.get("epochs") or 1
        shown = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        if self._bar is not None:
            self._bar.update(self._task, completed=epoch + 1, shown=shown)
        elif (epoch + 1) % max(1, epochs // _LINES) == 0 or epoch + 1 == epochs or self._silent():
            self._said = time.perf_counter()
            say(f"{self._name}: epoch {epoch + 1}/{epochs}  {shown}")

    def _silent(self) -> bool:
        return time.perf_counter() - self._said > _SILENCE

    def on_train_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Close the line."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        else:
            say(f"{self._name}: {time.perf_counter() - self._began:.2f} s")
