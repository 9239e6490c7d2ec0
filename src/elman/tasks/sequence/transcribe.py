"""Speech and lines of writing to text: both run in the same order, and CTC finds which frame says what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from elman import layers, losses
from elman.decoding import ctc_greedy
from elman.fields import PAD
from elman.graph import Tensor
from elman.tasks.scoring import character_error_rate, word_error_rate
from elman.tasks.sequence.encoders import Features, join_steps
from elman.tasks.sequence.heads import Head, Run
from elman.tasks.sequence.lines import shortened

__all__ = ["Transcribe"]


class Transcribe(Head):
    """Softmax over the symbols and nothing (the id of padding) at each frame; the likeliest path is read."""

    shorter = False
    """Whether the source has fewer frames than steps were given."""

    def output(self, features: Mapping[str, Features], inputs: Mapping[str, Tensor]) -> Tensor:
        """Shapes: -> (B, T, V)."""
        assert self.field.size is not None
        self.loss = losses.CTC(blank=PAD)
        source = self.choice.source
        self.shorter = features[source].shorter
        steps = join_steps(features[source], [part for name, part in features.items() if name != source])
        made: Tensor = layers.Dense(self.field.size, activation="softmax")(steps)
        return made

    def arrays(self, column: Any) -> tuple[dict[str, Any], Any]:
        """Symbols, padded behind."""
        rows = self.field.encode(column)
        padded = np.full((len(rows), max(1, *map(len, rows))), PAD, np.int32)
        for row, ids in zip(padded, rows, strict=True):
            row[: len(ids)] = ids
        return {}, padded

    def answers(self, run: Run) -> Any:
        """What the likeliest path spells."""
        given, found = run.x[self.choice.source], []
        for start in range(0, len(given), run.batch_size):
            x = {name: column[start : start + run.batch_size] for name, column in run.x.items()}
            raw = run.network.predict_on_batch(x)[self.name]
            steps = np.array([len(row) for row in x[self.choice.source]])
            if self.shorter:
                steps = shortened(steps)
            found += ctc_greedy(raw, None if isinstance(raw, list) else steps).rows()
        return self.field.decode([np.asarray(row, np.int32) for row in found])

    def scores(self, actual: Any, answers: Any) -> dict[str, float]:
        """Error rates of characters and of words, and the share of wholly right texts."""
        true, found = [_text(row) for row in actual], [_text(row) for row in answers]
        whole = float(np.mean([a == b for a, b in zip(true, found, strict=True)]))
        return {"CER": character_error_rate(true, found), "WER": word_error_rate(true, found), "whole": whole}

    def learn(self, columns: Mapping[str, Any]) -> None:
        """Nothing: every text would be a guess."""

    def guesses(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """An empty text for each."""
        return {"nothing": [""] * len(columns[self.name])}


def _text(row: Any) -> str:
    return row if isinstance(row, str) else " ".join(map(str, row))
