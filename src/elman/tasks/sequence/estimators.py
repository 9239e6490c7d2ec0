"""Friendly names for what a `SequenceModel` can do, each with scikit-learn's contract."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from elman.errors import DTypeError, unknown_name
from elman.fields import Boxes, Field, Image, Series, Tags, marks_spans
from elman.fields.samples import is_missing
from elman.tasks.estimator import settings
from elman.tasks.scoring import r_squared
from elman.tasks.sequence.columns import check_truths
from elman.tasks.sequence.tabular import targets
from elman.tasks.sequence.wrapping import Trained, Wrapped

__all__ = [
    "MLP",
    "ConvNet",
    "FaceDetector",
    "ModularNetwork",
    "Perceptron",
    "RBFNetwork",
    "SequenceClassifier",
    "SequenceRegressor",
    "SequenceTagger",
]

_TASKS = ("classify", "regress")


@settings
class _Recurrent(Trained):
    """Settings that all recurrent estimators share."""

    cell: str = "lstm"
    size: int = 64
    layers: int = 1
    bidirectional: bool | None = None
    embedding: int | None = None
    dropout: float = 0.2
    recurrent_dropout: float = 0.0
    pooling: str = "max+mean"
    subsampling: int = 1
    spelling: bool | None = None
    vectors: str = "random"
    input: Any = None


class _Classifier(Wrapped):
    """Classes out."""

    heads: ClassVar[tuple[str, ...]] = ("classify",)
    classes_: np.ndarray

    def __sklearn_tags__(self) -> Any:
        return classifier_tags()

    @property
    def _estimator_type(self) -> str:
        return "classifier"

    def _output(self, y: Any) -> Field[Any] | str:
        return "category"

    def _learned(self, model: Any, given: Any, asked: Any) -> None:
        super()._learned(model, given, asked)
        self._note(np.asarray(asked).dtype if not isinstance(asked, list) else None)

    def _restored(self, model: Any) -> None:
        super()._restored(model)
        self._note(None)

    def _note(self, dtype: Any) -> None:
        classes = self.model_.blueprint_.outputs["y"].classes  # type: ignore[attr-defined]
        mixed = len({isinstance(name, str) for name in classes}) > 1
        self.classes_ = np.array(classes, object if mixed else dtype)

    def predict(self, X: Any) -> np.ndarray:
        """The most likely class of each sample. Shapes: -> (N,)."""
        return np.asarray(super().predict(X), self.classes_.dtype)

    def predict_proba(self, X: Any) -> np.ndarray:
        """How likely each class is. Shapes: -> (N, classes), in the order of `classes_`."""
        given = self._samples("predict_proba", X)
        return np.asarray(self.model_.predict_proba({"x": given}))

    def score(self, X: Any, y: Any) -> float:
        """Accuracy."""
        answers = self.predict(X)
        true = targets("score", y, len(answers), numeric=False)
        check_truths("score", "y", true)
        return float(np.mean(answers == np.asarray(true)))


class _Regressor(Wrapped):
    """Numbers out."""

    heads: ClassVar[tuple[str, ...]] = ("regress",)

    def __sklearn_tags__(self) -> Any:
        return regressor_tags()

    @property
    def _estimator_type(self) -> str:
        return "regressor"

    @property
    def _numeric(self) -> bool:
        return True

    def _output(self, y: Any) -> Field[Any] | str:
        return "number"

    def predict(self, X: Any) -> np.ndarray:
        """The number, or numbers, of each sample. Shapes: -> (N,) or (N, F)."""
        return np.asarray(super().predict(X))

    def score(self, X: Any, y: Any) -> float:
        """R²: 1 is perfect, 0 as good as the mean."""
        return r_squared(y, self.predict(X))


@settings
class SequenceClassifier(_Classifier, _Recurrent):
    """Sequences or texts to classes: a recurrent network both ways, pooled, and a softmax.

    Args:
        cell: "lstm", "gru", "simple_rnn" ... size: units. layers: on top of each other.
        bidirectional: read both ways; None: yes. embedding: width of token vectors.
        dropout, recurrent_dropout: shares dropped while training. pooling: "max", "mean", "last", joined by "+".
        subsampling: steps that become one before the recurrence reads them, for long sequences; 1: each stays.
        spelling: show the parts of words; None: for lists of tokens.
        vectors: how those of words begin: "random"; "neighbours": from what stands beside them in X.
        epochs, batch_size, learning_rate, decay, clipnorm, patience, validation, seconds: of training, see
            `SequenceModel`.
        input: a field for X, where it should not be guessed.
        warm_start: `fit` goes on from what was learned before, also in a file.
        seed: of weights, split and order. verbose: 0 silent, 1 a live line, 2 a line an epoch.
        class_weight: "balanced", or class -> weight. label_smoothing: of the targets.

    Example:
        >>> import numpy as np
        >>> waves = [np.sin(np.arange(n) * f)[:, None] for n in (8, 9, 10, 11) for f in (0.2, 1.5)] * 4
        >>> model = SequenceClassifier(size=8, epochs=30, validation=0).fit(waves, ["slow", "fast"] * 16)
        >>> model.predict(waves[:2]).tolist()
        ['slow', 'fast']
    """

    class_weight: Any = None
    label_smoothing: float = 0.0


class SequenceRegressor(_Regressor, _Recurrent):
    """Sequences or texts to numbers: a recurrent network both ways, pooled, and a dense layer. Arguments as
    `SequenceClassifier`, without `class_weight` and `label_smoothing`.

    Example:
        >>> import numpy as np
        >>> lines = [np.linspace(0, slope, 6)[:, None] for slope in range(12)]
        >>> model = SequenceRegressor(size=8, epochs=60, validation=0).fit(lines, np.arange(12.0))
        >>> model.score(lines, np.arange(12.0)) > 0.8
        True
    """


@settings
class SequenceTagger(_Recurrent):
    """A tag, or numbers, for every step: a recurrent network both ways and an answer at each step.

    Tags that mark spans (O, B-, I-) are learned as IOBES, which says where a span ends, and given back as they came.

    Args:
        crf: let neighbouring tags decide together, by a CRF. Of tags that mark spans only those that may follow each
            other come out; others, such as parts of speech, have no scheme, and any may follow any.
        class_weight: "balanced", or tag -> weight of its steps; not beside `crf`. The others as `SequenceClassifier`.

    Source: Huang, Xu and Yu 2015, "Bidirectional LSTM-CRF Models for Sequence Tagging".

    Example:
        >>> words = [["fly", "to", "rome"], ["rome", "to", "oslo", "now"]] * 10
        >>> tags = [["B-CITY" if w in ("rome", "oslo") else "O" for w in row] for row in words]
        >>> model = SequenceTagger(size=8, epochs=60, validation=0).fit(words, tags)
        >>> model.predict([["oslo", "to", "rome"]])
        [['B-CITY', 'O', 'B-CITY']]
    """

    heads: ClassVar[tuple[str, ...]] = ("tag", "follow")

    crf: bool = False
    class_weight: Any = None
    label_smoothing: float = 0.0

    def _output(self, y: Any) -> Field[Any] | str:
        tagged = [row for row in y if not is_missing(row)]  # the field says which row has none
        first = next((row for row in tagged if len(row)), [""])
        if isinstance(first[0], bool | np.bool_):
            cure = "Write them as texts, 'yes' and 'no'; as numbers, 0 and 1, they are foretold as numbers."
            raise DTypeError.at("SequenceTagger.fit", "y", "of tags or numbers", "bool", cure)
        if not isinstance(first[0], str):
            return Series()
        return Tags("iobes" if marks_spans(tagged) else None, unknown="outside")


@settings
class _Layered(_Classifier, Trained):
    """Settings of networks without recurrence; a row of a table is one vector. `task` says what comes out."""

    vector = True
    heads: ClassVar[tuple[str, ...]] = ("classify", "regress")
    hidden: ClassVar[str] = "dense"

    task: str = "classify"
    size: int = 64
    layers: int = 1
    dropout: float = 0.0
    epochs: int = 200
    learning_rate: float = 0.01
    patience: int = 20
    class_weight: Any = None

    def __sklearn_tags__(self) -> Any:
        return regressor_tags() if self._numeric else classifier_tags()

    @property
    def _estimator_type(self) -> str:
        return "regressor" if self._numeric else "classifier"

    @property
    def _numeric(self) -> bool:
        """Whether `task` asks for numbers. Raises: UnknownNameError: neither of both."""
        if self.task not in _TASKS:
            raise unknown_name(type(self).__name__, "task", self.task, _TASKS)
        return self.task == "regress"

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "cell": "none", "hidden": self.hidden}

    def _output(self, y: Any) -> Field[Any] | str:
        return "number" if self._numeric else "category"

    def _note(self, dtype: Any) -> None:
        if not self._numeric:
            super()._note(dtype)

    def _restored(self, model: Any) -> None:
        self.task = "regress" if model.blueprint_.outputs["y"].kind == "number" else "classify"
        super()._restored(model)

    def predict(self, X: Any) -> np.ndarray:
        """The class, or the number, of each row. Shapes: -> (N,)."""
        return np.asarray(Wrapped.predict(self, X)) if self._numeric else super().predict(X)

    @property
    def predict_proba(self) -> Any:
        """How likely each class is, where classes come out. Shapes: X -> (N, classes)."""
        if self._numeric:
            raise AttributeError("numbers have no probabilities")
        return super().predict_proba

    def score(self, X: Any, y: Any) -> float:
        """Accuracy, or R²."""
        return r_squared(y, self.predict(X)) if self._numeric else super().score(X, y)


class MLP(_Layered):
    """Vectors to classes or numbers: dense layers with ReLU between.

    Args:
        task: "classify" or "regress".
        size: units of each hidden layer. layers: how many.
        class_weight: "balanced", or class -> weight, where classes come out.
        dropout, epochs, batch_size, learning_rate, decay, clipnorm, patience, validation, seconds, warm_start, seed,
            verbose: as `SequenceClassifier`.

    Example:
        >>> corners = [[0, 0], [0, 1], [1, 0], [1, 1]] * 8
        >>> MLP(validation=0).fit(corners, [0, 1, 1, 0] * 8).predict(corners[:4]).tolist()
        [0, 1, 1, 0]
    """


class Perceptron(_Layered):
    """Vectors to classes or numbers without a hidden layer: a line between two classes. Arguments as `MLP`.

    Source: Rosenblatt 1958, "The perceptron"; trained here by gradients of the cross-entropy, not by his rule.

    Example:
        >>> corners = [[0, 0], [0, 1], [1, 0], [1, 1]] * 8
        >>> Perceptron(validation=0).fit(corners, [0, 0, 0, 1] * 8).predict(corners[:4]).tolist()
        [0, 0, 0, 1]
    """

    hidden: ClassVar[str] = "none"


class RBFNetwork(_Layered):
    """Vectors to classes or numbers: units that answer near their centres, and a sum over them. Arguments as `MLP`.

    Source: Broomhead and Lowe 1988; here centres and widths are learned by gradients, too.

    Example:
        >>> import numpy as np
        >>> points = np.random.default_rng(0).normal(size=(80, 2))
        >>> inside = np.hypot(*points.T) < 1
        >>> RBFNetwork(validation=0, epochs=60).fit(points, inside).score(points, inside) > 0.9
        True
    """

    hidden: ClassVar[str] = "rbf"


class ModularNetwork(_Layered):
    """Vectors to classes or numbers: each layer is four dense experts, among which a gate divides the rows. Arguments
    as `MLP`.

    Source: Jacobs, Jordan, Nowlan and Hinton 1991, "Adaptive mixtures of local experts".

    Example:
        >>> import numpy as np
        >>> x = np.linspace(-2, 2, 64)[:, None]
        >>> model = ModularNetwork(task="regress", size=8, validation=0, epochs=60).fit(x, np.abs(x[:, 0]))
        >>> model.score(x, np.abs(x[:, 0])) > 0.9
        True
    """

    hidden: ClassVar[str] = "modular"


@settings
class ConvNet(_Layered):
    """Pictures to classes or numbers: convolutions, each followed by pooling, and dense layers.

    X are pictures as `elman.fields.Image` takes them: an array (N, H, W) or (N, H, W, C) of bytes or of fractions
    0 ... 1, a list of such of different sizes, or of paths.

    Args:
        task: "classify" or "regress".
        size: units of each dense layer. layers: how many stand behind the convolutions.
        class_weight: "balanced", or class -> weight, where classes come out.
        dropout, epochs, batch_size, learning_rate, decay, clipnorm, patience, validation, seconds, warm_start, seed,
            verbose: as `SequenceClassifier`.

    Source: LeCun et al. 1989, "Backpropagation applied to handwritten zip code recognition".

    Example:
        >>> import numpy as np
        >>> pictures = np.random.default_rng(0).random((32, 8, 8)) * 0.5
        >>> pictures[::2, :4] += 0.5
        >>> model = ConvNet(size=8, epochs=20, validation=0).fit(pictures, ["sky", "sea"] * 16)
        >>> model.predict(pictures[:2]).tolist()
        ['sky', 'sea']
    """

    input: ClassVar[Field[Any]] = Image()

    dropout: float = 0.2
    epochs: int = 60
    learning_rate: float = 0.002
    patience: int = 10

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags


@settings
class FaceDetector(Trained):
    """Pictures to boxes, around faces or whatever the training boxes are around: convolutions, and a recurrent decoder
    that gives a box at each step, the largest first, and decides when to stop. For "face or not" take `ConvNet`.

    X are pictures as for `ConvNet`. y has for each a list of boxes (left, top, width, height) in fractions of the
    picture, or a pair of such in pixels and the picture's (height, width). Answers are arrays (boxes, 4) in fractions.

    Args:
        cell: of the decoder. size: its units, and those of the dense layers. layers: how many of both.
        dropout, epochs, batch_size, learning_rate, decay, clipnorm, patience, validation, seconds, warm_start, seed,
            verbose: as `SequenceClassifier`.

    Source: Stewart and Andriluka 2016, "End-to-end people detection in crowded scenes".

    Example:
        >>> import numpy as np
        >>> pictures, boxes = np.zeros((32, 8, 8)), [[[0.0, 0.0, 0.5, 0.5]], []] * 16
        >>> pictures[::2, :4, :4] = 1
        >>> model = FaceDetector(size=16, epochs=60, learning_rate=0.01, validation=0).fit(pictures, boxes)
        >>> [len(found) for found in model.predict(pictures[:4])]
        [1, 0, 1, 0]
    """

    vector = True
    heads: ClassVar[tuple[str, ...]] = ("detect",)
    input: ClassVar[Field[Any]] = Image()

    cell: str = "lstm"
    size: int = 128
    layers: int = 1
    dropout: float = 0.2
    epochs: int = 100
    learning_rate: float = 0.002
    patience: int = 15

    def _output(self, y: Any) -> Field[Any] | str:
        return Boxes()


def classifier_tags() -> Any:
    """What scikit-learn, which asks, wants to know of a classifier."""
    from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

    return Tags("classifier", TargetTags(required=True), None, ClassifierTags(), None, input_tags=InputTags())


def regressor_tags() -> Any:
    """What scikit-learn, which asks, wants to know of a regressor."""
    from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

    return Tags("regressor", TargetTags(required=True), None, None, RegressorTags(), input_tags=InputTags())
