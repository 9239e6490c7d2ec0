"""Any sequence to a text of another length: a decoder that writes token by token and looks back at what it reads.

Source: Sutskever et al. 2014 (encoder, decoder); Luong et al. 2015, "Effective Approaches to Attention-based Neural
Machine Translation" (the look back by "general" scores, after the recurrence, so that all steps of training are one
product).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from elman import layers
from elman.decoding import Decoded
from elman.decoding.rows import padded
from elman.errors import ArgumentError
from elman.fields import BOS, EOS
from elman.graph import Tensor
from elman.tasks.scoring import text_notes, text_scores
from elman.tasks.sequence.columns import count
from elman.tasks.sequence.copying import Copied
from elman.tasks.sequence.design import core, dropped
from elman.tasks.sequence.encoders import Features, join_vectors
from elman.tasks.sequence.heads import Run, classes_loss
from elman.tasks.sequence.search import DRAWING, Kept
from elman.tasks.sequence.vocabulary import Vocabulary
from elman.tasks.sequence.written import Written, batches, one_each, shown

__all__ = ["Write"]

LONGER = 2
"""How many times the longest text of training an answer may be."""


class Write(Written):
    """Softmax over the vocabulary for each next token."""

    smooths = True
    writes = True
    searches = ("beam", "length_penalty", "coverage_penalty", *DRAWING)
    way = "a decoder writes"
    copied: str = ""
    """The input whose tokens may be copied."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.loss = classes_loss(self.design)
        self.kept = Kept()

    def decodes(self) -> str:
        """Token by token."""
        design, source = self.design, self.choice.source
        back = f"with a look back at {source!r} (attention) at each" if source else "from one vector"
        most = f"at most {self.naive['longest'] * LONGER} tokens"
        return (
            f"{design.layers} x {design.cell}({design.size}) writes token by token, {back}: the likeliest, or the best "
            f"of a beam; {most}"
        )

    @property
    def told(self) -> str:
        """The input that holds the tokens so far."""
        return f"{self.name} so far"

    def describe(self) -> str:
        """The text, and whether what is read is copied."""
        return super().describe() + (f"; tokens of {self.copied!r} may be copied" if self.copied else "")

    def inputs(self) -> dict[str, Tensor]:
        """The tokens so far."""
        return {self.told: layers.Input((f"W of {self.name}",), dtype="int32", name=self.told)}

    def output(self, features: Mapping[str, Features], inputs: Mapping[str, Tensor]) -> Tensor:
        """Shapes: -> (B, W, V)."""
        assert self.field.size is not None
        design = self.design
        words = Vocabulary(self.field.size, design)
        x = dropped(words.vectors(inputs[self.told]), design)
        start = layers.Dense(design.width, activation="tanh")(join_vectors(list(features.values())))
        x = core(layers.Add()([x, layers.Reshape((1, design.width))(start)]), design, both_ways=False)
        if self.choice.source:
            # What is looked at comes as it is: through a layer of its own it is learned many times as slowly.
            memory = features[self.choice.source].memory
            width: Any = x.shape[-1]
            keys = layers.Dense(width)(memory)
            seen, weights = layers.Attention()([x, memory, keys], return_attention_scores=True)
            x = layers.Concatenate()([x, seen])
        written = dropped(layers.Dense(design.size, activation="tanh")(x), design)
        if not self.copied:
            return words.chances(written)
        read = inputs[self.copied]
        ids = read if read.ndim == 2 else read[:, :, 0]  # behind them stands how words are spelled
        made: Tensor = Copied()([words.scores(written), layers.Dense(1, activation="sigmoid")(x), weights, ids])
        return made

    def arrays(self, column: Any) -> tuple[dict[str, Any], Any]:
        """Tokens so far, and the token behind each."""
        rows = [np.concatenate([[BOS], ids, [EOS]]).astype(np.int32) for ids in self.field.encode(column)]
        return {self.told: [row[:-1] for row in rows]}, [row[1:] for row in rows]

    def begun(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The beginning of every answer."""
        return {self.told: np.full((count(columns), 1), BOS, np.int32)}

    def search(self, run: Run, best: int) -> Iterator[Decoded]:
        """Token by token: the likeliest, drawn ones, or the best of a beam.

        Raises: ArgumentError: several answers of a row that are drawn.
        """
        decoder, how = self.kept.decoder(run.network, self.name, self.told), run.search
        names = [name for tensor in run.network.inputs if (name := tensor.node.attrs["name"]) != self.told]
        length = self.naive["longest"] * LONGER
        if how.drawn and best > 1:
            cure = "Draw one after another, with other seeds."
            raise ArgumentError.at("n_best", how.drawn, "left out", getattr(how, how.drawn), cure)
        drawing = how.drawing
        for given in batches(run, names):
            whole = [(x, None) if isinstance(x := given[name], np.ndarray) else padded(x) for name in names]
            prompt = [[BOS]] * len(whole[0][0])
            arrays, lengths = [a for a, _ in whole], [n for _, n in whole]
            if how.width(best) == 1:
                yield one_each(decoder.sample(prompt, arrays, lengths=lengths, length=length, eos=EOS, **drawing))
                drawing["seed"] += 1  # or the rows of the next batch would be drawn by the same numbers
            else:
                yield decoder.beam(
                    prompt, arrays, lengths=lengths, length=length, eos=EOS, width=how.width(best), best=best,
                    length_penalty=how.length_penalty, coverage_penalty=how.coverage_penalty,
                )  # fmt: skip

    def scores(self, actual: Any, answers: Any) -> dict[str, float]:
        """BLEU and chrF, ROUGE-L, the error rate of characters, and the share of wholly right texts."""
        return text_scores([shown(row) for row in actual], [shown(row) for row in answers])

    def notes(self, scores: Mapping[str, float]) -> list[str]:
        """Why BLEU is 0, or is not there."""
        return text_notes(scores)

    def learn(self, columns: Mapping[str, Any]) -> None:
        """The longest text, and the most frequent."""
        texts = [shown(row) for row in self.truth(columns)]
        longest = 1 + max(map(len, self.field.encode(columns[self.name])))
        longest = max(longest, self.naive.get("longest", 0))  # where training goes on, that of the rows before, too
        self.naive = {"longest": longest, "frequent": Counter(texts).most_common(1)[0][0]}

    def guesses(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The most frequent text for each."""
        return {"most frequent text": [self.naive["frequent"]] * len(columns[self.name])}
