"""The settings of a network, and the parts every network is put together from: the recurrent core and its ends."""

from __future__ import annotations

import dataclasses
from typing import Any

from elman import layers
from elman.arguments import as_plain, check_flag, check_whole
from elman.errors import ArgumentError, unknown_name
from elman.graph import Tensor, windows
from elman.graph import trace as ops
from elman.layers.registry import snake_case
from elman.layers.rnn.recurrence import CellLayer

__all__ = ["CELLS", "Design", "Spread", "core", "is_number", "pooled", "recurrent", "subsampled"]

CELLS: dict[str, Any] = {
    snake_case(name): kind
    for name in layers.__all__
    if isinstance(kind := getattr(layers, name), type) and issubclass(kind, CellLayer)
}
"""Every recurrent layer by the name of its cell: "lstm", "gru", "simple_rnn", "min_gru" ..."""

POOLS = ("max", "mean", "last")
HIDDEN = ("dense", "rbf", "modular", "none")
VECTORS = ("random", "neighbours")


@dataclasses.dataclass(frozen=True)
class Design:
    """How a network is built.

    Args:
        cell: a recurrent cell; "none" for a network without recurrence.
        size: units of each recurrent layer and of hidden dense layers.
        layers: recurrent layers, or dense ones without recurrence, on top of each other.
        bidirectional: read both ways; None: wherever nothing has to be foretold.
        embedding: width of token vectors; None: as `size`, at most 128.
        dropout: share of what is dropped between the parts while training.
        recurrent_dropout: the same inside the recurrence.
        pooling: how a sequence becomes a vector: "max", "mean", "last", joined by "+".
        subsampling: steps that become one before the recurrence reads them; 1: each stays.
        spelling: show the network prefixes, suffixes and shape of words too.
        vectors: how those of tokens that are read begin: "random", or "neighbours", see `vectors.neighbours`.
        crf: let the tags of neighbours decide together, by a CRF.
        hidden: layers over inputs without time: "dense", "rbf", "modular" (experts and a gate), or "none".
        window: tokens of a piece, where a long text is learned.
        label_smoothing: of targets that are classes, tags or tokens.
        scheduled_sampling: share of tokens that a network which writes reads of its own while training.
        tie_weights: the vectors of tokens that are read score those that are written, too.
        copying: a text that is written from a text may copy tokens of it.
    """

    cell: str = "lstm"
    size: int = 128
    layers: int = 1
    bidirectional: bool | None = None
    embedding: int | None = None
    dropout: float = 0.3
    recurrent_dropout: float = 0.0
    pooling: str = "max+mean"
    subsampling: int = 1
    spelling: bool | None = None
    vectors: str = "random"
    crf: bool = False
    hidden: str = "dense"
    window: int = 128
    label_smoothing: float = 0.0
    scheduled_sampling: float = 0.0
    tie_weights: bool = False
    copying: bool = False

    def __post_init__(self) -> None:
        if self.cell not in (*CELLS, "none"):
            raise unknown_name("SequenceModel", "cell", str(self.cell), sorted([*CELLS, "none"]))
        for name in ("size", "layers", "window", "subsampling", *(["embedding"] if self.embedding is not None else [])):
            check_whole("SequenceModel", name, getattr(self, name), 1)
        for name in ("dropout", "recurrent_dropout", "label_smoothing", "scheduled_sampling"):
            if not (is_number(value := getattr(self, name)) and 0 <= value < 1):
                raise ArgumentError.at("SequenceModel", name, "a number in [0, 1)", value)
        for name in ("crf", "tie_weights", "copying"):
            check_flag("SequenceModel", name, getattr(self, name))
        for name in ("bidirectional", "spelling"):
            check_flag("SequenceModel", name, getattr(self, name), none=True)
        if self.hidden not in HIDDEN:
            raise unknown_name("SequenceModel", "hidden", str(self.hidden), HIDDEN)
        if self.vectors not in VECTORS:
            raise unknown_name("SequenceModel", "vectors", str(self.vectors), VECTORS)
        for part in str(self.pooling).split("+"):
            if part not in POOLS:
                raise unknown_name("SequenceModel", "pooling", part, POOLS)

    @property
    def name(self) -> str:
        """The network as a table of scores calls it."""
        return "network" if self.cell == "none" else self.cell

    @property
    def width(self) -> int:
        """Of token vectors."""
        return min(self.size, 128) if self.embedding is None else self.embedding


def is_number(value: Any) -> bool:
    """Whether a setting is a number, NumPy's too, and no truth.

    Example:
        >>> is_number(0.5), is_number("0.5"), is_number(True)
        (True, False, False)
    """
    number = as_plain(value)
    return isinstance(number, (int, float)) and not isinstance(number, bool)


class Spread(layers.Layer):
    """Gives a vector to every step of a sequence. Shapes: [x (B, T, F), v (B, G)] -> (B, T, F + G)."""

    supports_masking = True

    def call(self, pair: Any) -> Tensor:
        """Steps with the vector behind their own features."""
        x, vector = pair
        repeated = ops.broadcast_to(ops.expand_dims(vector, 1), (*x.shape[:2], vector.shape[-1]))
        return ops.concatenate([x, repeated], -1)

    def compute_mask(self, pair: Any, mask: Any) -> Any:
        """That of the sequence."""
        return pair[0].mask


def recurrent(design: Design, way: bool, *, name: str | None = None, **options: Any) -> layers.Layer:
    """One recurrent layer that gives every step; `way`: both ways."""
    made = CELLS[design.cell](
        design.size, return_sequences=True, recurrent_dropout=design.recurrent_dropout, name=name, **options
    )
    return layers.Bidirectional(made) if way else made


def subsampled(x: Tensor, design: Design) -> Tensor:
    """Fewer steps: a convolution joins each with the next, and means are taken. Shapes: (B, T, F) -> (B, T', 2U).

    Long sequences cost less and reach farther, and pairs of words are seen as such.

    Source: Zhou, Sun, Liu and Lau 2015, "A C-LSTM neural network for text classification" (there without the mean).
    """
    if design.subsampling == 1:
        return x
    x = layers.Conv1D(2 * design.size, 2, padding="same", activation="relu")(x)
    made: Tensor = Means(design.subsampling)(x)
    return made


class Means(layers.Layer):
    """The mean of every few steps; the last mean is over those that are left. Shapes: (B, T, F) -> (B, T', F).

    `AveragePooling1D(padding="same")` counts from where the longest row of a batch says, this from the first step.
    """

    supports_masking = True

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def call(self, x: Tensor, mask: Any = None) -> Tensor:
        """Means over what is real; 0 where nothing is."""
        real = ops.ones_like(x[:, :, 0]) if mask is None else ops.cast(mask.tensor(x.shape[1]), x.dtype)
        share = ops.expand_dims(real, -1)
        total, count = self._taken(ops.where(ops.equal(share, 1.0), x, 0.0)), self._taken(share)
        return total / ops.where(ops.equal(count, 0.0), 1.0, count)

    def _taken(self, x: Tensor) -> Tensor:
        """Windows that lie side by side, filled up with zeros."""
        return windows.average_pool(ops.pad(x, 1, after=self.steps - 1), (self.steps,), (self.steps,), "valid")

    def compute_mask(self, x: Tensor, mask: Any) -> Any:
        """As many real steps as means."""
        return None if mask is None else type(mask)(lengths=(mask.lengths + (self.steps - 1)) / self.steps)


def core(x: Tensor, design: Design, both_ways: bool) -> Tensor:
    """The recurrent layers over a sequence. Shapes: (B, T, F) -> (B, T, U), or 2U where both ways are read."""
    for _ in range(design.layers if design.cell != "none" else 0):
        x = recurrent(design, both_ways)(x)
        x = dropped(x, design)
    return x


def pooled(x: Tensor, design: Design) -> Tensor:
    """A sequence as one vector. Shapes: (B, T, F) -> (B, F times the number of ways)."""
    made = {"max": layers.GlobalMaxPooling1D, "mean": layers.GlobalAveragePooling1D, "last": Last}
    parts: list[Tensor] = [made[way]()(x) for way in design.pooling.split("+")]
    return parts[0] if len(parts) == 1 else layers.Concatenate()(parts)


class Last(layers.Layer):
    """The last real step of each row; 0 for a row without one. Shapes: (B, T, F) -> (B, F)."""

    supports_masking = True

    def call(self, x: Tensor, mask: Any = None) -> Tensor:
        """The step that has no real one behind it."""
        if mask is None:
            return x[:, -1]
        real = ops.cast(mask.tensor(x.shape[1]), x.dtype)
        behind = ops.cumsum(real, 1, reverse=True)
        chosen = ops.where(ops.equal(behind, 1.0), real, ops.zeros_like(real))
        return ops.sum(x * ops.expand_dims(chosen, -1), 1)

    def compute_mask(self, x: Tensor, mask: Any) -> None:
        """None: no steps come out."""


def dropped(x: Tensor, design: Design) -> Tensor:
    """With dropout, where there is any. Shapes: any -> as x."""
    return layers.Dropout(design.dropout)(x) if design.dropout else x
