"""What a person sees while a model trains: one live line on a terminal, plain lines elsewhere, in Keras's words."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from time import perf_counter
from typing import Any, TextIO

from elman.arguments import check_whole
from elman.training.callbacks.base import Callback

__all__ = ["ProgressBar"]

WIDTH = 20
"""Characters of the bar."""


class ProgressBar(Callback):
    """Epoch, step, time and numbers, as text.

    Args:
        verbose: 1 a live line an epoch (one plain line where the output is no terminal), 2 one plain line an epoch.
        steps: batches of an epoch, or None where nobody knows.
        stream: where to; default the standard output of the moment.
    """

    def __init__(self, verbose: int = 1, steps: int | None = None, stream: TextIO | None = None) -> None:
        super().__init__()
        self.steps = None if steps is None else check_whole("ProgressBar", "steps", steps, 1)
        self.stream = stream or sys.stdout
        self.live = verbose == 1 and self.stream.isatty()
        self._started = 0.0
        self._drawn = 0
        self._done = 0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Name the epoch, start the clock."""
        self._begin()
        if self.params.get("epochs"):
            self._line(f"Epoch {epoch + 1}/{self.params['epochs']}")

    def on_progress(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Count, and draw a live line again."""
        self._done = batch
        if not self.live:
            return
        seconds = perf_counter() - self._started
        self._redraw(f"{self._count(batch)} {self._bar(batch)} {_duration(seconds)} {_each(seconds, batch)}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Finish the line with the numbers."""
        seconds, count = perf_counter() - self._started, self._end()
        text = f"{self._count(count)} - {_duration(seconds)} - {_each(seconds, count)}{_numbers(logs)}"
        if self.live:
            bar = f"{self._count(count)} {self._bar(count)} {_duration(seconds)} {_each(seconds, count)}"
            self._redraw(bar + _numbers(logs))
            self._line("")
            self._drawn = 0
        else:
            self._line(text)

    def on_test_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Print the numbers of an evaluation that stands alone."""
        if not self.params.get("epochs"):
            seconds = perf_counter() - self._started if self._started else 0.0
            self._clear()
            self._line(f"{self._count(self._end())} - {_duration(seconds)}{_numbers(logs)}")

    def on_test_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Start the clock of an evaluation that stands alone."""
        if not self.params.get("epochs"):
            self._begin()

    def on_predict_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Start the clock."""
        self._begin()

    def on_predict_end(self, logs: Mapping[str, float] | None = None) -> None:
        """Say how long it took."""
        seconds, count = perf_counter() - self._started, self._end()
        self._clear()
        self._line(f"{self._count(count)} - {_duration(seconds)} - {_each(seconds, count)}")

    def _begin(self) -> None:
        self._started, self._done = perf_counter(), 0

    def _end(self) -> int:
        """Steps that ran; where nobody knew how many there are, they are known now."""
        done = self._done or self.steps or 0
        self.steps = self.steps or done
        return done

    def _count(self, done: int) -> str:
        return f"{done}/{self.steps if self.steps is not None else '?'}"

    def _bar(self, done: int) -> str:
        full = WIDTH * done // max(1, self.steps or done)
        return "━" * min(full, WIDTH) + "─" * max(0, WIDTH - full)

    def _redraw(self, text: str) -> None:
        self.stream.write("\r" + text.ljust(self._drawn))
        self.stream.flush()
        self._drawn = len(text)

    def _clear(self) -> None:
        """Take a live line away."""
        if self._drawn:
            self._redraw("")
            self.stream.write("\r")
            self._drawn = 0

    def _line(self, text: str) -> None:
        self.stream.write(text + "\n")
        self.stream.flush()


def _duration(seconds: float) -> str:
    return f"{seconds:.0f}s" if seconds >= 1 else f"{seconds * 1e3:.0f}ms"


def _each(seconds: float, steps: int) -> str:
    """Time of one step."""
    each = seconds / max(1, steps)
    return (
        f"{each:.1f}s/step" if each >= 1 else f"{each * 1e3:.0f}ms/step" if each >= 1e-3 else f"{each * 1e6:.0f}us/step"
    )


def _numbers(logs: Mapping[str, Any] | None) -> str:
    return "".join(f" - {name}: {_number(value)}" for name, value in (logs or {}).items())


def _number(value: Any) -> str:
    if isinstance(value, list):
        return f"[{' '.join(map(_number, value))}]"
    return f"{value:.4f}" if abs(value) > 1e-3 or value == 0 else f"{value:.4e}"
