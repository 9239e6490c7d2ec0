"""From an input to features: one way for each type. All end in steps (B, T, F), or in a vector (B, F).

text, tokens, tags    embedding (and spelling) → core
series, boxes         core
audio                 core over its frames
line                  convolutions, four columns as one step → core
video                 convolutions and a dense layer on each frame → core
image                 convolutions → vector, and a grid to look back at
number, labels        as they are   } together through hidden layers → vector
category              embedding     }
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from elman import layers
from elman.fields import Field
from elman.graph import Tensor
from elman.tasks.sequence.design import Design, Spread, core, dropped, pooled, subsampled
from elman.tasks.sequence.lines import line_steps
from elman.tasks.sequence.spelling import PARTS, SpelledEmbedding, spelling
from elman.tasks.sequence.vectors import neighbours

__all__ = ["Encoder", "Features", "hidden", "join_steps", "join_vectors"]

EXPERTS = 4
"""Of each modular layer."""

_SYMBOLS = ("text", "tokens", "tags")


class Features:
    """What the network knows of one input: its steps, or its vector.

    Args:
        steps: (B, T, F) with a mask where rows differ in length; None for what has no time.
        vector: (B, F); None: the steps, pooled when first asked for.
        shorter: whether there are fewer steps than were given, see `shortened`.
        parts: (B, P, F), the parts of what has no time; None: it has none.
    """

    def __init__(
        self, design: Design, steps: Tensor | None, vector: Tensor | None = None, shorter: bool = False,
        parts: Tensor | None = None,
    ) -> None:  # fmt: skip
        self._design = design
        self.steps = steps
        self.shorter = shorter
        self._vector = vector
        self._parts = parts

    @property
    def memory(self) -> Tensor:
        """What a decoder may look back at: steps, or parts. Shapes: (B, T, F) or (B, P, F)."""
        memory = self._parts if self.steps is None else self.steps
        assert memory is not None
        return memory

    @property
    def vector(self) -> Tensor:
        """Everything as one vector. Shapes: -> (B, F)."""
        if self._vector is None:
            assert self.steps is not None
            self._vector = pooled(self.steps, self._design)
        return self._vector


class Encoder:
    """One input: which arrays it takes, and the layers from them to features."""

    def __init__(self, name: str, field: Field[Any], design: Design) -> None:
        self.name, self.field, self.design = name, field, design
        spelled = field.kind == "tokens" if design.spelling is None else design.spelling
        self.spelled = spelled and field.kind in ("text", "tokens")
        self._start: np.ndarray | None = None

    def inputs(self) -> dict[str, Tensor]:
        """The network's inputs for this column, by name."""
        shape = (None, 1 + PARTS) if self.spelled else self.field.shape
        return {self.name: layers.Input(shape, dtype=self.field.dtype, name=self.name)}

    def arrays(self, column: Any) -> dict[str, Any]:
        """The arrays for those inputs: each one array, or a list of arrays of different lengths."""
        encoded = self.field.encode(column)
        if self.field.sequence and isinstance(encoded, np.ndarray) and not encoded.shape[1]:
            encoded = list(encoded)  # rows with lengths: what has no steps at all is masked, not NaN
        if not self.spelled:
            return {self.name: encoded}
        rows = zip(encoded, self._words(column, encoded), strict=True)
        return {self.name: [np.concatenate([ids[:, None], spelling(words)], axis=1) for ids, words in rows]}

    @property
    def begins(self) -> bool:
        """Whether vectors of tokens may begin as `neighbours`."""
        return self.field.kind in ("text", "tokens")

    def learn(self, arrays: Any) -> None:
        """How vectors of tokens begin, from the arrays of the rows to learn from."""
        if self.begins and self.design.vectors == "neighbours":
            assert self.field.size is not None
            rows = [row[..., 0] if self.spelled else row for row in arrays]
            self._start = neighbours(rows, self.field.size, self.design.width)

    def features(self, inputs: dict[str, Tensor], both_ways: bool) -> Features:
        """The layers of this input."""
        x, field = inputs[self.name], self.field
        if field.kind in _SYMBOLS:
            return Features(self.design, self.read(self._embedded(x), both_ways))
        if field.kind in _WAYS:
            return _WAYS[field.kind](self, x, both_ways)
        if field.kind == "category":
            assert field.size is not None
            return Features(self.design, None, layers.Embedding(field.size, min(field.size, self.design.width))(x))
        return Features(self.design, None, x)

    def describe(self) -> str:
        """What stands between an input without time and the answer, in a few words."""
        design = self.design
        if self.field.sequence:
            return ""
        if self.field.kind == "image":
            return f"through convolutions and {design.layers} x dense({design.size})"
        return _TOLD[design.hidden].format(layers=design.layers, size=design.size)

    def read(self, steps: Tensor, both_ways: bool) -> Tensor:
        """The recurrent core over steps, or over fewer. Shapes: (B, T, F) -> (B, T', U), or 2U both ways."""
        return core(subsampled(steps, self.design), self.design, both_ways)

    def _embedded(self, x: Tensor) -> Tensor:
        """Tokens as vectors, with those of their spelling behind them."""
        assert self.field.size is not None
        width = self.design.width
        table = SpelledEmbedding(self.field.size, width) if self.spelled else layers.Embedding(self.field.size, width)
        vectors = table(x)
        if self._start is not None:
            table.set_weights([self._start, *table.get_weights()[1:]])
        return dropped(vectors, self.design)

    def _words(self, column: Any, encoded: Any) -> list[Sequence[str]]:
        """The words of each row, as many as were encoded."""
        tokens = getattr(self.field, "tokens", None)
        rows = [[str(w) for w in (tokens(row) if callable(tokens) else row)] for row in column]
        return [row[: len(ids)] for row, ids in zip(rows, encoded, strict=True)]


def _series(encoder: Encoder, x: Tensor, both_ways: bool) -> Features:
    return Features(encoder.design, encoder.read(x, both_ways))


def _image(encoder: Encoder, x: Tensor, both_ways: bool) -> Features:
    """Convolutions, then dense layers; what the convolutions found at each place stays to be looked at."""
    grid = _convolved(x, lambda layer: layer)
    filters: Any = grid.shape[-1]
    x = layers.Flatten()(grid)
    for _ in range(encoder.design.layers):
        x = dropped(_dense(x, encoder.design), encoder.design)
    return Features(encoder.design, None, x, parts=layers.Reshape((-1, filters))(grid))


def _convolved(x: Tensor, each: Callable[[layers.Layer], layers.Layer]) -> Tensor:
    """Convolutions, each followed by pooling, until little is left. Shapes: (..., H, W, C) -> (..., h, w, F)."""
    filters = 16
    while min(x.shape[-3], x.shape[-2]) >= 8:  # type: ignore[type-var,operator]
        x = each(layers.Conv2D(filters, 3, padding="same", activation="relu"))(x)
        x, filters = each(layers.MaxPooling2D(2))(x), min(2 * filters, 64)
    return x


def _line(encoder: Encoder, x: Tensor, both_ways: bool) -> Features:
    steps = line_steps(x, getattr(encoder.field, "channels", 1), encoder.design)
    return Features(encoder.design, encoder.read(steps, both_ways), shorter=True)


def _video(encoder: Encoder, x: Tensor, both_ways: bool) -> Features:
    """Each frame through the same convolutions and one dense layer, then the core."""
    x = layers.TimeDistributed(layers.Flatten())(_convolved(x, layers.TimeDistributed))
    x = layers.Dense(encoder.design.size, activation="relu")(x)
    return Features(encoder.design, encoder.read(dropped(x, encoder.design), both_ways))


_WAYS = {"series": _series, "audio": _series, "boxes": _series, "line": _line, "image": _image, "video": _video}


def hidden(parts: Sequence[Features], design: Design) -> Features:
    """Inputs without time as one, through the hidden layers. Shapes: -> vector (B, size)."""
    x = join_vectors(parts)
    for _ in range(design.layers):
        x = dropped(_HIDDEN[design.hidden](x, design), design)
    return Features(design, None, x)


def _dense(x: Tensor, design: Design) -> Tensor:
    made: Tensor = layers.Dense(design.size, activation="relu")(x)
    return made


def _rbf(x: Tensor, design: Design) -> Tensor:
    """Hills as wide as rows of scaled features lie from their mean."""
    features: Any = x.shape[-1]
    made: Tensor = layers.RBF(design.size, width=math.sqrt(features))(x)
    return made


def _modular(x: Tensor, design: Design) -> Tensor:
    experts = [layers.Dense(design.size, activation="relu") for _ in range(EXPERTS)]
    made: Tensor = layers.MixtureOfExperts(experts)(x)
    return made


_HIDDEN: dict[str, Callable[[Tensor, Design], Tensor]] = {
    "dense": _dense,
    "modular": _modular,
    "none": lambda x, design: x,
    "rbf": _rbf,
}
"""What stands between inputs without time and the answer."""

_TOLD = {
    "dense": "through {layers} x dense({size})",
    "modular": f"through {{layers}} x {EXPERTS} dense({{size}}), experts among which a gate divides the rows",
    "none": "without a hidden layer: what comes out is a weighted sum of what goes in",
    "rbf": "through {layers} x rbf({size}): units that answer near their centres",
}
"""The same in words."""


def join_vectors(parts: Sequence[Features]) -> Tensor:
    """All inputs as one vector. Shapes: -> (B, F)."""
    vectors = [part.vector for part in parts]
    return vectors[0] if len(vectors) == 1 else layers.Concatenate()(vectors)


def join_steps(main: Features, others: Sequence[Features]) -> Tensor:
    """The steps of one input, each with the vectors of all others. Shapes: -> (B, T, F)."""
    assert main.steps is not None
    return Spread()([main.steps, join_vectors(others)]) if others else main.steps
