"""Speech and lines of writing to text: both run in the same order, and CTC finds which frame says what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from elman import layers, losses
from elman.decoding import Decoded, ctc_beam, ctc_greedy
from elman.fields import BOS, EOS, PAD, UNK
from elman.graph import Tensor
from elman.tasks.scoring import character_error_rate, word_error_rate
from elman.tasks.sequence.encoders import Features, join_steps
from elman.tasks.sequence.heads import Run
from elman.tasks.sequence.lines import shortened
from elman.tasks.sequence.search import Kept
from elman.tasks.sequence.written import Written, batches, one_each, shown

__all__ = ["Transcribe"]


class Transcribe(Written):
    """Softmax over the symbols and nothing (the id of padding) at each frame."""

    # CTC stands still for long, all blank, before it finds the first symbols.
    patience: ClassVar[int] = 40
    searches = ("beam", "language_model", "language_weight", "language_bonus")
    way = "speech or writing is read by CTC"
    shorter = False
    """Whether the source has fewer frames than steps were given."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.kept = Kept()

    def decodes(self) -> str:
        """By CTC."""
        return "CTC: the likeliest symbol of each frame, repeats and blanks taken out, or the best of a beam"

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

    def search(self, run: Run, best: int) -> Iterator[Decoded]:
        """What the likeliest path spells, or the likeliest symbols over all paths, with what a language model says."""
        how, source = run.search, self.choice.source
        spoken = None if how.language_model is None else self.kept.heard(how.language_model, self.field)
        for x in batches(run, run.x):
            raw = _without(run.network.predict_on_batch(x)[self.name], self._never)
            steps = np.array([len(row) for row in x[source]])
            lengths = None if isinstance(raw, list) else shortened(steps) if self.shorter else steps
            if how.width(best) == 1:
                yield one_each(ctc_greedy(raw, lengths, PAD))
            else:
                yield ctc_beam(
                    raw, lengths, PAD, how.width(best), best, spoken, how.language_weight, how.language_bonus
                )

    @property
    def _never(self) -> list[int]:
        """What no frame says: begin and end; unknown symbols where training had none."""
        rare = getattr(self.field, "max_tokens", None) is not None or getattr(self.field, "min_count", 1) > 1
        return [BOS, EOS] if rare else [UNK, BOS, EOS]

    def scores(self, actual: Any, answers: Any) -> dict[str, float]:
        """Error rates of characters and of words, and the share of wholly right texts."""
        true, found = [shown(row) for row in actual], [shown(row) for row in answers]
        whole = float(np.mean([a == b for a, b in zip(true, found, strict=True)]))
        return {"CER": character_error_rate(true, found), "WER": word_error_rate(true, found), "whole": whole}

    def learn(self, columns: Mapping[str, Any]) -> None:
        """Nothing: every text would be a guess."""

    def guesses(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """An empty text for each."""
        return {"nothing": [""] * len(columns[self.name])}


def _without(raw: Any, ids: list[int]) -> Any:
    """Chances without those of some symbols. Shapes: (B, T, V) or B of (T, V), and the same."""
    if isinstance(raw, list):
        return [_without(row, ids) for row in raw]
    raw[..., ids] = 0
    return raw / raw.sum(-1, keepdims=True)
