"""Any sequence to a text of another length: a decoder that writes token by token and looks back at what it reads.

Source: Sutskever et al. 2014 (encoder, decoder); Luong et al. 2015, "Effective Approaches to Attention-based Neural
Machine Translation" (the look back, after the recurrence, so that all steps of training are one product).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from elman import layers
from elman.decoding import Decoder
from elman.fields import BOS, EOS
from elman.graph import Tensor
from elman.models import Model
from elman.tasks.scoring import character_error_rate, rouge_l
from elman.tasks.sequence.columns import count
from elman.tasks.sequence.design import core, dropped
from elman.tasks.sequence.encoders import Features, join_vectors
from elman.tasks.sequence.heads import Head, Run

__all__ = ["Write"]

LONGER = 2
"""How many times the longest text of training an answer may be."""


class Write(Head):
    """Softmax over the vocabulary for each next token; answers are written greedily."""

    loss = "sparse_categorical_crossentropy"

    @property
    def told(self) -> str:
        """The input that holds the tokens so far."""
        return f"{self.name} so far"

    def inputs(self) -> dict[str, Tensor]:
        """The tokens so far."""
        return {self.told: layers.Input(("W",), dtype="int32", name=self.told)}

    def output(self, features: Mapping[str, Features], inputs: Mapping[str, Tensor]) -> Tensor:
        """Shapes: -> (B, W, V)."""
        assert self.field.size is not None
        design = self.design
        x = dropped(layers.Embedding(self.field.size, design.width)(inputs[self.told]), design)
        start = layers.Dense(design.width, activation="tanh")(join_vectors(list(features.values())))
        x = core(layers.Add()([x, layers.Reshape((1, design.width))(start)]), design, both_ways=False)
        x = layers.Dense(design.size)(x)
        if self.choice.source:
            memory = layers.Dense(design.size)(features[self.choice.source].steps)
            x = layers.Concatenate()([x, layers.Attention()([x, memory])])
        x = layers.Dense(design.size, activation="tanh")(x)
        made: Tensor = layers.Dense(self.field.size, activation="softmax")(x)
        return made

    def arrays(self, column: Any) -> tuple[dict[str, Any], Any]:
        """Tokens so far, and the token behind each."""
        rows = [np.concatenate([[BOS], ids, [EOS]]).astype(np.int32) for ids in self.field.encode(column)]
        return {self.told: [row[:-1] for row in rows]}, [row[1:] for row in rows]

    def begun(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The beginning of every answer."""
        return {self.told: np.full((count(columns), 1), BOS, np.int32)}

    def answers(self, run: Run) -> Any:
        """The text that greedy writing gives."""
        names = [tensor.node.attrs["name"] for tensor in run.network.inputs]
        at = run.network.output_names.index(self.name)
        single = Model(run.network.inputs, run.network.outputs[at])
        decoder = Decoder(single, tokens=self.told)
        rows = len(next(iter(run.x.values())))
        found: list[Any] = []
        for start in range(0, rows, run.batch_size):
            given = [_padded(run.x[name][start : start + run.batch_size]) for name in names if name != self.told]
            prompt = [[BOS]] * len(given[0][0])
            arrays, lengths = [a for a, _ in given], [n for _, n in given]
            out = decoder.greedy(prompt, arrays, lengths=lengths, length=self.naive["longest"] * LONGER, eos=EOS)
            found += out.rows()
        return self.field.decode([np.asarray(row, np.int32) for row in found])

    def scores(self, actual: Any, answers: Any) -> dict[str, float]:
        """ROUGE-L, the error rate of characters, and the share of wholly right texts."""
        true, found = [_text(row) for row in actual], [_text(row) for row in answers]
        whole = float(np.mean([a == b for a, b in zip(true, found, strict=True)]))
        return {"ROUGE-L": rouge_l(true, found), "CER": character_error_rate(true, found), "whole": whole}

    def learn(self, columns: Mapping[str, Any]) -> None:
        """The longest text, and the most frequent."""
        texts = [_text(row) for row in columns[self.name]]
        longest = max(map(len, self.field.encode(columns[self.name])))
        self.naive = {"longest": longest + 1, "frequent": Counter(texts).most_common(1)[0][0]}

    def guesses(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The most frequent text for each."""
        return {"most frequent text": [self.naive["frequent"]] * len(columns[self.name])}


def _padded(rows: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows as one array, and their lengths where they differ."""
    if isinstance(rows, np.ndarray):
        return rows, None
    lengths = np.array([len(row) for row in rows], np.int32)
    whole = np.zeros((len(rows), max(1, int(lengths.max())), *rows[0].shape[1:]), rows[0].dtype)
    for target, row in zip(whole, rows, strict=True):
        target[: len(row)] = row
    return whole, lengths


def _text(row: Any) -> str:
    return row if isinstance(row, str) else " ".join(map(str, row))
