"""The next token from those before it: language models of characters, words or parts of words.

A text longer than the window is learned in pieces of that length, each from a fresh state, which keeps the steps of
training alike; it is measured in longer ones, so that few tokens are foretold from little.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from elman import layers
from elman.decoding.decoder import check_drawing
from elman.fields import BOS, EOS
from elman.fields.samples import together
from elman.graph import Tensor
from elman.models import Model
from elman.tasks.scoring import bits_per_character, perplexity
from elman.tasks.sequence.columns import count
from elman.tasks.sequence.design import Spread, core, dropped
from elman.tasks.sequence.encoders import Features, join_vectors
from elman.tasks.sequence.heads import Head, Run, classes_loss
from elman.tasks.sequence.search import Kept
from elman.tasks.sequence.vocabulary import Vocabulary

__all__ = ["Next", "pieces"]

LONG = 8
"""Pieces that are measured as one."""
_SHOWN = 10_000


class Next(Head):
    """Softmax over the vocabulary at each step, for the step after it."""

    smooths = True
    causal = True
    writes = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.loss = classes_loss(self.design)
        self.kept = Kept()

    def decodes(self) -> str:
        """Token by token."""
        design = self.design
        read = f"read forwards by {design.layers} x {design.cell}({design.size}), in pieces of {design.window} tokens"
        return f"what was written so far is {read}; the likeliest next token, or one that is drawn (generate)"

    def inputs(self) -> dict[str, Tensor]:
        """The tokens so far."""
        return {self.name: layers.Input((None,), dtype="int32", name=self.name)}

    def output(self, features: Mapping[str, Features], inputs: Mapping[str, Tensor]) -> Tensor:
        """Shapes: -> (B, T, V)."""
        assert self.field.size is not None
        words = Vocabulary(self.field.size, self.design)
        x = dropped(words.vectors(inputs[self.name]), self.design)
        if features:
            x = Spread()([x, join_vectors(list(features.values()))])
        x = core(x, self.design, both_ways=False)
        return words.chances(x)

    def arrays(self, column: Any) -> tuple[dict[str, Any], Any]:
        """Tokens, and the tokens one later. Where nothing else goes in, long texts are cut into pieces."""
        told, asked = zip(*self._shifted(column, self.design.window), strict=True)
        return {self.name: together(told)}, together(asked)

    def begun(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The tokens of each text; none where the texts are not given."""
        texts = columns.get(self.name, [[]] * count(columns))
        return {
            self.name: together([np.concatenate([[BOS], ids]).astype(np.int32) for ids in self.field.encode(texts)])
        }

    def generate(self, network: Model, prompt: Any, how: Mapping[str, Any]) -> Any:
        """A text that begins with the prompt, drawn as `Decoder.sample` is told."""
        check_drawing("generate", how)
        (ids,) = self.field.encode([prompt])
        decoder = self.kept.decoder(network, self.name, self.name)
        (more,) = decoder.sample([[BOS, *ids]], eos=EOS, **how).rows()
        return self._behind([prompt], [ids], [more])[0]

    def answers(self, run: Run) -> Any:
        """Each text with the likeliest token behind it; as it is where it is likelier to end."""
        best = [[int(np.argmax(chances[-1]))] for chances in run.raw(self.name)]
        texts = run.columns.get(self.name, [""] * len(best))
        return self._behind(texts, [ids[1:] for ids in run.x[self.name]], best)

    def _behind(self, texts: Sequence[Any], begun: Sequence[Any], more: Sequence[Any]) -> list[Any]:
        """Texts, which stand as they were given, with what the vocabulary does not know, and tokens behind each."""
        wholes = self.field.decode([np.concatenate(row).astype(np.int32) for row in zip(begun, more, strict=True)])
        rows = zip(texts, self.field.decode(begun), wholes, strict=True)
        return [
            _joined(text, start, whole[len(start) :]) if isinstance(text, str) and whole.startswith(start) else whole
            for text, start, whole in rows
        ]

    def measure(self, run: Run, columns: Mapping[str, Any]) -> dict[str, dict[str, float]]:
        """Likelihood of the tokens, beside that of their frequencies."""
        nats = plain = count = 0.0
        for asked, chances in self._foretold(run, columns[self.name]):
            nats -= float(np.log(np.maximum(chances[np.arange(len(asked)), asked], 1e-30)).sum())
            plain -= float(np.log(np.asarray(self.naive["frequency"])[asked]).sum())
            count += len(asked)
        letters = sum(len(text) for text in columns[self.name]) / count
        return {
            self.design.name: _likelihood(nats / count, letters),
            "frequency of tokens": _likelihood(plain / count, letters),
        }

    def shown(self, run: Run, columns: Mapping[str, Any]) -> tuple[Any, Any]:
        """Tokens, and what was likeliest in the place of each; the first some thousand."""
        true, found = [], []
        for asked, chances in self._foretold(run, columns[self.name]):
            true.append(asked)
            found.append(chances.argmax(-1))
            if sum(map(len, true)) > _SHOWN:
                break
        names = self.field.decode([np.array([i], np.int32) for i in range(EOS + 1, self.field.size or 0)])
        known = np.array(["", "unknown", "", "end", *map(str, names)], dtype=object)
        return known[np.concatenate(true)].tolist(), known[np.concatenate(found)].tolist()

    def learn(self, columns: Mapping[str, Any]) -> None:
        """How frequent each token is."""
        assert self.field.size is not None
        counts = np.ones(self.field.size)
        for _, asked in self._shifted(columns[self.name], None):
            counts += np.bincount(asked, minlength=self.field.size)
        self.naive = {"frequency": (counts / counts.sum()).tolist()}

    def _foretold(self, run: Run, column: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Tokens of a piece, and how likely each token was in their places. Shapes: (T,), (T, V)."""
        pairs = self._shifted(column, LONG * self.design.window)
        for row, (told, asked) in enumerate(pairs):  # where other inputs go in, a pair is a row
            given = {name: run.x[name][row : row + 1] for name in run.x if name != self.name} | {self.name: told[None]}
            yield asked, run.network.predict_on_batch(given)[self.name][0]

    def _shifted(self, column: Any, window: int | None) -> list[tuple[np.ndarray, np.ndarray]]:
        """(tokens, tokens one later) of each text or piece."""
        window = None if self.companions else window
        texts = [np.concatenate([[BOS], ids, [EOS]]).astype(np.int32) for ids in self.field.encode(column)]
        return [pair for ids in texts for pair in pieces(ids, window)]


def pieces(ids: np.ndarray, window: int | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """A text as pairs of pieces, the second one token later; each token is asked for once.

    Shapes:
        ids (n + 1,) -> pairs of at most (window,), n in all.

    Example:
        >>> import numpy as np
        >>> [(a.tolist(), b.tolist()) for a, b in pieces(np.arange(6), 3)]
        [([0, 1, 2], [1, 2, 3]), ([3, 4], [4, 5])]
    """
    step = window or len(ids)
    return [(ids[k : k + step][: len(ids) - 1 - k], ids[k + 1 : k + 1 + step]) for k in range(0, len(ids) - 1, step)]


def _joined(text: str, start: str, more: str) -> str:
    """A text and how it goes on; a space that it ends with, and words do not keep, is the one between them."""
    return text + (more.lstrip() if text[-1:].isspace() and not start[-1:].isspace() else more)


def _likelihood(nats: float, letters: float) -> dict[str, float]:
    bits = bits_per_character(nats, letters)
    return {"nats a token": nats, "perplexity": perplexity(nats), "bits a character": bits}
