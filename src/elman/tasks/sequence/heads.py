"""From features to an answer in the words of the task: one head for each type of output.

A head knows its layers, its loss, how targets become arrays and predictions become answers, what a good answer is
worth, and what the simplest guess would have been.
"""

from __future__ import annotations

import abc
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from elman import layers, losses
from elman.decoding import viterbi
from elman.decoding.rows import padded
from elman.errors import ArgumentError, ShapeError
from elman.fields import Field, Labels, Tags, marks_spans
from elman.graph import Tensor
from elman.metrics import Metric, SparseCategoricalAccuracy
from elman.models import Model
from elman.tasks.scoring import accuracy, macro_f1, r_squared, span_f1
from elman.tasks.sequence.classes import class_weights, listed, warn_of_one_class
from elman.tasks.sequence.columns import naming
from elman.tasks.sequence.design import Design, dropped
from elman.tasks.sequence.encoders import Features, join_steps, join_vectors
from elman.tasks.sequence.search import Search
from elman.tasks.sequence.topology import Choice
from elman.training import neighbours

__all__ = ["Aligned", "Classify", "Follow", "Head", "Label", "Regress", "Run", "Tag", "classes_loss"]


@dataclasses.dataclass
class Run:
    """A trained network and what it was given: predictions are made when they are first asked for.

    Args:
        network: trained. x: its inputs by name, without what decoders are told. batch_size: rows of a step.
        search: how texts are looked for. columns: what x was made from.
    """

    network: Model
    x: dict[str, Any]
    batch_size: int = 64
    search: Search = dataclasses.field(default_factory=Search)
    columns: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    _raw: dict[str, Any] | None = None

    def raw(self, name: str) -> Any:
        """What the network gives for one output."""
        if self._raw is None:
            self._raw = self.network.predict(self.x, batch_size=self.batch_size, verbose=0)
        return self._raw[name]


class Head(abc.ABC):
    """One output.

    Args:
        choice: what `choose` found.
        field: of the column.
        design: of the network.
    """

    loss: Any
    metrics: Sequence[Metric] = ()
    monitor: ClassVar[tuple[str, float]] = ("loss", -1.0)
    """What to stop on: a number of the logs, and +1 where more is better."""
    patience: ClassVar[int] = 6
    """Epochs without progress that are to be expected."""
    causal: ClassVar[bool] = False
    """Whether the core must not look ahead."""
    smooths: ClassVar[bool] = False
    """Whether the loss knows label smoothing."""
    writes: ClassVar[bool] = False
    """Whether tokens that come out go in again."""
    searches: ClassVar[tuple[str, ...]] = ()
    """Settings of `Search` that are obeyed."""

    def __init__(self, choice: Choice, field: Field[Any], design: Design) -> None:
        self.choice, self.field, self.design = choice, field, design
        self.naive: dict[str, Any] = {}
        self.companions: list[str] = []
        """Inputs that other parts of the network read."""

    @property
    def name(self) -> str:
        """Of the column."""
        return self.choice.output

    def describe(self) -> str:
        """One line on what comes out."""
        return self.field.describe()

    @abc.abstractmethod
    def decodes(self) -> str:
        """How answers are found in what the network gives, in a few words."""

    def inputs(self) -> dict[str, Tensor]:
        """Further inputs of the network: what a decoder is told while it learns."""
        return {}

    @abc.abstractmethod
    def output(self, features: Mapping[str, Features], inputs: Mapping[str, Tensor]) -> Tensor:
        """The layers from features to what the loss compares."""

    def arrays(self, column: Any) -> tuple[dict[str, Any], Any]:
        """Arrays for the further inputs, and the targets."""
        return {}, self.field.encode(column)

    def check(self, x: Mapping[str, Any], y: Any) -> None:
        """Refuse targets, or what they are made from, that do not fit what goes in."""
        return

    def begun(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays for the further inputs when the network answers."""
        return {}

    def weights(self, column: Any, class_weight: Any) -> Any:
        """A weight for each row, or for each step of each; None: classes have no part in what comes out."""
        return None

    def answers(self, run: Run) -> Any:
        """What the network gives, in the words of the task."""
        return self.field.decode(run.raw(self.name))

    def shown(self, run: Run, columns: Mapping[str, Any]) -> tuple[Any, Any]:
        """The truth and the answers as a picture compares them."""
        return self.truth(columns), self.answers(run)

    def truth(self, columns: Mapping[str, Any]) -> Any:
        """What was asked for, as answers are written."""
        return columns[self.name]

    def n_best(self, run: Run, n: int) -> list[list[tuple[Any, float]]]:
        """The best answers of each row with their scores, best first.

        Raises: ArgumentError: answers that are not looked for.
        """
        because, cure = f"{self.name!r} is no text that is written", "Ask predict or predict_proba."
        raise ArgumentError.at("n_best", "output", "a text", self.name, cure, because=because)

    def measure(self, run: Run, columns: Mapping[str, Any]) -> dict[str, dict[str, float]]:
        """Scores of the answers, and below them those of the simplest guesses."""
        actual = self.truth(columns)
        rows = {self.design.name: self.scores(actual, self.answers(run))}
        return rows | {name: self.scores(actual, found) for name, found in self.guesses(columns).items()}

    def scores(self, actual: Any, answers: Any) -> dict[str, float]:
        """What the answers are worth; the first number is the one that counts. Nothing where `measure` says it all."""
        return {}

    def notes(self, scores: Mapping[str, float]) -> list[str]:
        """What a reader of the model's scores should know."""
        return []

    @abc.abstractmethod
    def learn(self, columns: Mapping[str, Any]) -> None:
        """Note the simplest guesses the training part suggests."""

    def guesses(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Those guesses for other rows, by the guess's name."""
        return {}


class Classify(Head):
    """One class of several: softmax over a vector."""

    monitor: ClassVar[tuple[str, float]] = ("accuracy", 1.0)
    smooths = True

    def __init__(self, choice: Choice, field: Field[Any], design: Design) -> None:
        super().__init__(choice, field, design)
        self.loss = classes_loss(design)
        self.metrics = [SparseCategoricalAccuracy("accuracy")]

    def decodes(self) -> str:
        """The likeliest."""
        return "the likeliest class"

    def output(self, features: Mapping[str, Features], inputs: Mapping[str, Tensor]) -> Tensor:
        """Softmax over the pooled features. Shapes: -> (B, V)."""
        vector = dropped(join_vectors(list(features.values())), self.design)
        return _softmax(self.field, vector)

    def weights(self, column: Any, class_weight: Any) -> Any:
        """A weight for each row. Shapes: -> (N,)."""
        return class_weights(self.name, listed(column), class_weight)

    def scores(self, actual: Any, answers: Any) -> dict[str, float]:
        """Accuracy and macro-F1."""
        return {"accuracy": accuracy(list(actual), list(answers)), "macro-F1": macro_f1(list(actual), list(answers))}

    def learn(self, columns: Mapping[str, Any]) -> None:
        """The most frequent class. Warns of one that all rows have."""
        counts = Counter(listed(columns[self.name]))
        warn_of_one_class(self.name, counts)
        self.naive = {"most frequent": counts.most_common(1)[0][0]}

    def guesses(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """That class for every row."""
        return {"most frequent class": [self.naive["most frequent"]] * len(columns[self.name])}


class Label(Head):
    """Any number of labels: a sigmoid for each."""

    loss = "binary_crossentropy"
    field: Labels

    def truth(self, columns: Mapping[str, Any]) -> list[list[Any]]:
        """Lists of labels, also where the column has texts with a separator."""
        return self.field.lists(columns[self.name])

    def decodes(self) -> str:
        """All that are sure enough."""
        return f"each label that has {self.field.threshold:g} or more"

    def output(self, features: Mapping[str, Features], inputs: Mapping[str, Tensor]) -> Tensor:
        """Sigmoids over the pooled features. Shapes: -> (B, V)."""
        vector = dropped(join_vectors(list(features.values())), self.design)
        made: Tensor = layers.Dense(_size(self.field), activation="sigmoid")(vector)
        return made

    def scores(self, actual: Any, answers: Any) -> dict[str, float]:
        """Micro-F1 over all labels, and the share of rows that are wholly right."""
        true, found = [set(row) for row in actual], [set(row) for row in answers]
        hits = sum(len(a & b) for a, b in zip(true, found, strict=True))
        total = sum(map(len, true)) + sum(map(len, found))
        return {
            "micro-F1": 2 * hits / max(1, total),
            "whole rows": float(np.mean([a == b for a, b in zip(true, found, strict=True)])),
        }

    def learn(self, columns: Mapping[str, Any]) -> None:
        """The most frequent set of labels."""
        sets = Counter(tuple(sorted(set(row), key=str)) for row in self.truth(columns))
        self.naive = {"most frequent": list(sets.most_common(1)[0][0])}

    def guesses(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """That set for every row."""
        return {"most frequent set": [self.naive["most frequent"]] * len(columns[self.name])}


class Numbers(Head):
    """Numbers by how far they are off."""

    loss = "mean_squared_error"

    def truth(self, columns: Mapping[str, Any]) -> Any:
        """Numbers as they were given. Raises: DataError, ShapeError: none, or others than those that were learned."""
        with naming(self.name):
            self.field.encode(columns[self.name])
        return columns[self.name]


class Regress(Numbers):
    """Numbers of a whole row: a dense layer over a vector."""

    def decodes(self) -> str:
        """What the dense layer gives."""
        return "the number, its scaling undone"

    def output(self, features: Mapping[str, Features], inputs: Mapping[str, Tensor]) -> Tensor:
        """Shapes: -> (B, F)."""
        vector = dropped(join_vectors(list(features.values())), self.design)
        made: Tensor = layers.Dense(_width(self.field))(vector)
        return made

    def scores(self, actual: Any, answers: Any) -> dict[str, float]:
        """Root mean squared error, mean absolute error, and R²."""
        return _errors(np.asarray(actual, "float64"), np.asarray(answers, "float64"))

    def learn(self, columns: Mapping[str, Any]) -> None:
        """The mean."""
        self.naive = {"mean": np.asarray(columns[self.name], "float64").mean(axis=0).tolist()}

    def guesses(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The mean for every row."""
        return {"mean": np.broadcast_to(self.naive["mean"], np.shape(columns[self.name]))}


class Aligned(Head):
    """An answer for each step of the source."""

    def check(self, x: Mapping[str, Any], y: Any) -> None:
        """Raises: ShapeError: a row with more or fewer targets than steps."""
        for row, (steps, targets) in enumerate(zip(x[self.choice.source], y, strict=True)):
            if len(steps) != len(targets):
                rule, received = f"have one for each step of {self.choice.source!r}", f"{len(targets)} for {len(steps)}"
                cure = "What runs in the same order without lining up comes out as text."
                raise ShapeError.at("SequenceModel", repr(self.name), rule, received, cure, because=f"row {row}")


class Tag(Aligned):
    """A tag for each step: softmax at every step, or a CRF over all of them."""

    monitor: ClassVar[tuple[str, float]] = ("accuracy", 1.0)
    smooths = True
    field: Tags
    crf: layers.CRF
    """The last layer, where neighbours decide together."""

    def __init__(self, choice: Choice, field: Field[Any], design: Design) -> None:
        super().__init__(choice, field, design)
        self.loss = losses.CRF() if design.crf else classes_loss(design)
        self.metrics = [SparseCategoricalAccuracy("accuracy")]

    def describe(self) -> str:
        """The tags, and what a CRF makes of their order."""
        free = self.field.order() is None
        may = "any tag may follow any, for they have no scheme" if free else "only tags that may follow each other"
        return super().describe() + (f"; chosen together by a CRF: {may}" if self.design.crf else "")

    def decodes(self) -> str:
        """Step by step, or together."""
        return "the likeliest tags together, by Viterbi" if self.design.crf else "the likeliest tag of each step"

    def output(self, features: Mapping[str, Features], inputs: Mapping[str, Tensor]) -> Tensor:
        """Softmax at each step of the source, or scores for the CRF. Shapes: -> (B, T, V)."""
        steps = _steps(features, self.choice.source)
        if not self.design.crf:
            return _softmax(self.field, steps)
        self.crf = layers.CRF()
        made: Tensor = self.crf(layers.Dense(_size(self.field))(steps))
        return made

    def answers(self, run: Run) -> Any:
        """The likeliest tag of each step, or the likeliest tags of all steps together."""
        raw = run.raw(self.name)
        if self.design.crf:
            order = self.field.order()
            parts = [raw[part] for part in neighbours([len(row) for row in raw], run.batch_size)]
            raw = [np.asarray(row, np.int32) for part in parts for row in viterbi(self.crf, part, order=order).rows()]
        return self.field.decode(raw)

    def weights(self, column: Any, class_weight: Any) -> Any:
        """A weight for each step. Shapes: -> (N, T).

        Raises: ArgumentError: a CRF, which has no loss of single steps.
        """
        if self.design.crf:
            cure = "Choose one: a CRF learns whole rows of tags, of which no step counts by itself."
            raise ArgumentError.at("SequenceModel", "class_weight", "None beside crf=True", class_weight, cure)
        rows = [listed(row) for row in column]
        flat = class_weights(self.name, [tag for row in rows for tag in row], class_weight)
        return padded(np.split(flat, np.cumsum([len(row) for row in rows])[:-1]))[0]

    def scores(self, actual: Any, answers: Any) -> dict[str, float]:
        """F1 of spans where tags mark spans, and the share of steps that are right."""
        steps = {"accuracy": accuracy([t for row in actual for t in row], [t for row in answers for t in row])}
        spans = self.field.scheme is not None or (len(self.field.classes) > 1 and marks_spans([self.field.classes]))
        return {"span F1": span_f1(actual, answers)["f1"], **steps} if spans else steps

    def learn(self, columns: Mapping[str, Any]) -> None:
        """The most frequent tag of each token, and of all. Warns of one that all steps have."""
        seen: dict[str, Counter[str]] = {}
        for row, tags in zip(columns[self.choice.source], columns[self.name], strict=True):
            for token, tag in zip(_tokens(row), tags, strict=False):
                seen.setdefault(token, Counter())[tag] += 1
        total = sum(seen.values(), Counter())
        warn_of_one_class(self.name, total)
        common = total.most_common(1)[0][0] if total else ""
        self.naive = {"tag": common, "of": {t: c.most_common(1)[0][0] for t, c in seen.items()} if seen else {}}

    def guesses(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The most frequent tag of each token."""
        of, common = self.naive["of"], self.naive["tag"]
        rows = zip(columns[self.choice.source], columns[self.name], strict=True)
        found = [[of.get(t, common) for t in _tokens(row)] for row, _ in rows]
        if any(len(a) != len(b) for a, b in zip(found, columns[self.name], strict=True)):
            return {"most frequent tag": [[common] * len(tags) for tags in columns[self.name]]}
        return {"most frequent tag of each token": found}


class Follow(Aligned, Numbers):
    """Numbers at each step: a dense layer at every step."""

    def decodes(self) -> str:
        """What the dense layer gives."""
        return "the numbers of each step, their scaling undone"

    def output(self, features: Mapping[str, Features], inputs: Mapping[str, Tensor]) -> Tensor:
        """Shapes: -> (B, T, C)."""
        made: Tensor = layers.Dense(_width(self.field))(_steps(features, self.choice.source))
        return made

    def scores(self, actual: Any, answers: Any) -> dict[str, float]:
        """Errors over all steps of all rows."""
        return _errors(_flat(actual), _flat(answers))

    def learn(self, columns: Mapping[str, Any]) -> None:
        """The mean step."""
        self.naive = {"mean": _flat(columns[self.name]).mean(axis=0).tolist()}

    def guesses(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The mean at every step."""
        return {"mean": [np.broadcast_to(self.naive["mean"], _steps_of(row).shape) for row in columns[self.name]]}


def _softmax(field: Field[Any], x: Tensor) -> Tensor:
    made: Tensor = layers.Dense(_size(field), activation="softmax")(x)
    return made


def classes_loss(design: Design) -> Any:
    """The cross-entropy of classes, smoothed where asked for."""
    if not design.label_smoothing:
        return "sparse_categorical_crossentropy"
    return losses.SparseCategoricalCrossentropy(label_smoothing=design.label_smoothing)


def _size(field: Field[Any]) -> int:
    assert field.size is not None
    return field.size


def _width(field: Field[Any]) -> int:
    width = field.shape[-1]
    assert width is not None
    return width


def _steps(features: Mapping[str, Features], source: str) -> Tensor:
    return join_steps(features[source], [part for name, part in features.items() if name != source])


def _tokens(row: Any) -> Sequence[str]:
    """The tokens of a row as text; those of numbers have no name."""
    if isinstance(row, str):
        return row.split()
    return [str(token) if np.ndim(token) == 0 else "" for token in row]


def _steps_of(row: Any) -> np.ndarray:
    array = np.asarray(row, "float64")
    return array[:, None] if array.ndim == 1 else array


def _flat(rows: Any) -> np.ndarray:
    return np.concatenate([_steps_of(row) for row in rows])


def _errors(actual: np.ndarray, answers: np.ndarray) -> dict[str, float]:
    error = np.asarray(answers).reshape(actual.shape) - actual
    root, mean = float(np.sqrt(np.square(error).mean())), float(np.abs(error).mean())
    return {"RMSE": root, "MAE": mean, "R²": r_squared(actual, answers)}
