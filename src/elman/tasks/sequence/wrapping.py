"""What every friendly estimator does: X and y in, a `SequenceModel` behind it, scikit-learn's contract around it."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from elman.arguments import check_flag
from elman.errors import DataError, DTypeError, FileFormatError
from elman.fields import Field
from elman.tasks.estimator import Estimator, settings
from elman.tasks.scores import Report
from elman.tasks.sequence.model import SequenceModel
from elman.tasks.sequence.rate_finder import RateSearch
from elman.tasks.sequence.tabular import features_of, field_for, has_gaps, samples, targets
from elman.training.callbacks import Callback

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Trained", "Wrapped", "rows_only"]


class Wrapped(Estimator):
    """An estimator whose work a `SequenceModel` does.

    X may be a list of texts, of token lists, of arrays (T, C) of different lengths, an array (N, T, C), or a table
    (N, F).
    """

    vector: ClassVar[bool] = False
    """Whether a row of a table is one vector, not a sequence."""
    heads: ClassVar[tuple[str, ...]] = ()
    """What y may be made by, see `topology`."""

    model_: SequenceModel
    n_features_in_: int

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn, which asks, wants to know: samples are sequences, texts or paths, each with a target."""
        from sklearn.utils import InputTags, Tags, TargetTags

        inputs = InputTags(two_d_array=False, three_d_array=True, string=True)
        return Tags(None, TargetTags(required=True), None, None, None, input_tags=inputs)

    def _output(self, y: Any) -> Field[Any] | str | None:
        """The field, or kind, of y; None: guessed."""
        return None

    def _input(self, given: Any) -> Any:
        """The field, or kind, of X."""
        return getattr(self, "input", None) or field_for(given, self.vector)

    @property
    def _numeric(self) -> bool:
        """Whether y are numbers."""
        return False

    def _settings(self) -> dict[str, Any]:
        """What the model behind is told."""
        known = inspect.signature(SequenceModel).parameters
        return {name: value for name, value in self.get_params().items() if name in known}

    def fit(self, X: Any, y: Any = None, callbacks: Sequence[Callback] = (), groups: Any = None) -> Self:
        """Learn from samples and their targets.

        Args:
            X: samples, ragged if need be. y: a target for each. callbacks: told how training goes.
            groups: a text or number for each sample that says whose it is, see `SequenceModel.fit`.

        Raises:
            DataError, ShapeError, DTypeError: what cannot be read, with the row.
        """
        model, given, asked = self._begun("fit", X, y)
        try:
            model.fit({"x": self._column(given), "y": asked}, callbacks=callbacks, groups=rows_only(groups))
        finally:
            if hasattr(model, "network_"):  # also what was learned before Ctrl-C
                self._learned(model, given, asked)
        return self

    def find_learning_rate(
        self, X: Any, y: Any = None, lowest: float = 1e-5, highest: float = 1.0, steps: int = 100
    ) -> RateSearch:
        """Try rates from the lowest to the highest on fresh weights, one step each; its `suggestion`, `plot()`.

        Args:
            X, y: as in `fit`. lowest, highest: rates. steps: how many are tried.
        """
        model, given, asked = self._begun("find_learning_rate", X, y)
        return model.find_learning_rate({"x": self._column(given), "y": asked}, lowest, highest, steps)

    def _begun(self, verb: str, x: Any, y: Any) -> tuple[SequenceModel, Any, Any]:
        """The model behind, not yet fitted; X and y as its columns."""
        where = f"{type(self).__name__}.{verb}"
        given = samples(where, x, gaps=has_gaps(getattr(self, "input", None)))
        asked = self._checked(where, targets(where, y, len(given), self._numeric))
        if verb == "fit" and self._goes_on:
            return self.model_.set_params(**self._settings()), given, asked
        return SequenceModel({"x": self._input(given)}, {"y": self._output(asked)}, **self._settings()), given, asked

    @property
    def _goes_on(self) -> bool:
        """Whether `fit` goes on from what was learned. Raises: ArgumentError: `warm_start` is no truth."""
        asked = getattr(self, "warm_start", False)
        return bool(check_flag(type(self).__name__, "warm_start", asked)) and hasattr(self, "model_")

    def _checked(self, where: str, y: Any) -> Any:
        """y as the task wants it."""
        return y

    def _learned(self, model: SequenceModel, given: Any, asked: Any) -> None:
        """Note what was learned."""
        self.model_ = model
        if features_of(given) is not None:
            self.n_features_in_ = given.shape[1]

    def predict(self, X: Any) -> Any:
        """Answers in the words of y, one for each sample."""
        given = self._samples("predict", X)
        return self.model_.predict({"x": given})

    def evaluate(self, X: Any = None, y: Any = None) -> Report:
        """Scores beside the simplest guesses; without arguments those on the validation part."""
        return self._evaluated(X, y, {})

    def _evaluated(self, X: Any, y: Any, search: Mapping[str, Any]) -> Report:
        self._check_fitted("evaluate")
        if X is None:
            found: Report = self.model_.evaluate()
            return found
        given = self._samples("evaluate", X)
        asked = targets("evaluate", y, len(given), self._numeric)
        report: Report = self.model_.evaluate({"x": given, "y": asked}, **search)
        return report

    def score(self, X: Any, y: Any) -> float:
        """The number that counts for this task; more is better."""
        return next(iter(self.evaluate(X, y).model.values()))

    def explain(self, print_fn: Callable[[str], object] = print) -> None:
        """Print which topology was chosen and why."""
        self._check_fitted("explain")
        self.model_.explain(print_fn)

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Print the explanation, the layers, and the scores on the validation part."""
        self._check_fitted("summary")
        self.model_.summary(print_fn)

    def plot(self, X: Any = None, y: Any = None, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the course of training, or, with data, answers beside the truth."""
        self._check_fitted("plot")
        data = None if X is None else {"x": self._samples("plot", X), "y": targets("plot", y, None, self._numeric)}
        return self.model_.plot(data, path)

    def save(self, path: str | os.PathLike[str], overwrite: bool = True) -> Path:
        """Write everything into one safetensors file, which `SequenceModel.load` reads, too."""
        self._check_fitted("save")
        return self.model_.save(path, overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read an estimator back.

        Raises:
            FileFormatError: damaged, foreign, or of another task.
        """
        return cls._around(SequenceModel.load(path), path)

    @classmethod
    def _around(cls, model: SequenceModel, path: Any) -> Self:
        """An estimator around a model that was read."""
        known, told = cls._parameters(), model.get_params()
        made = cls(**{name: value for name, value in told.items() if name in known})
        if [(one.output, one.head in cls.heads) for one in model.blueprint_.choices] != [("y", True)]:
            because = f"it gives {', '.join(f'{name!r} ({f.kind})' for name, f in model.blueprint_.outputs.items())}"
            cure = "Load it with elman.SequenceModel.load."
            raise FileFormatError.at("load", "path", f"a {cls.__name__}'s file", str(path), cure, because=because)
        made._restored(model)
        return made

    def _restored(self, model: SequenceModel) -> None:
        """Note what a file says."""
        self.model_ = model
        field = model.blueprint_.inputs["x"]
        if field.kind == "number" and field.shape[0]:
            self.n_features_in_ = field.shape[0]

    def _samples(self, verb: str, x: Any) -> Any:
        """X as in training.

        Raises:
            DataError: another number of features.
        """
        self._check_fitted(verb)
        gaps = has_gaps(self.model_.blueprint_.inputs["x"])
        given = samples(f"{type(self).__name__}.{verb}", x, gaps=gaps)
        known, found = getattr(self, "n_features_in_", None), features_of(given)
        if known is not None and found != known:
            name = type(self).__name__
            rule = f"X has {found} features, but {name} is expecting {known} features as input"
            raise DataError(f"{name}.{verb}: {rule}. Received {found}. Give it the columns it was fitted with.")
        return self._column(given)

    def _column(self, given: Any) -> Any:
        """Samples for the field: where rows of a table are no vectors, they are series of one channel."""
        return given if self.vector or features_of(given) is None else given[:, :, None]

    def __getstate__(self) -> dict[str, Any]:
        """Settings as they are, what was learned as the bytes of its file."""
        state = dict(vars(self))
        model = state.pop("model_", None)
        if model is not None:
            with tempfile.TemporaryDirectory() as folder:
                state["file"] = np.frombuffer(model.save(Path(folder) / "m.safetensors").read_bytes(), np.uint8)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = dict(state)
        file = kept.pop("file", None)
        vars(self).update(kept)
        if file is not None:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "m.safetensors"
                path.write_bytes(file.tobytes())
                self.model_ = SequenceModel.load(path)


def rows_only(groups: Any) -> Any:
    """Groups of X, which has no columns that a text could name. Raises: DTypeError: one text."""
    if isinstance(groups, str):
        cure = "Pass the column itself."
        raise DTypeError.at("fit", "groups", "a list with an entry for each sample", "str", cure)
    return groups


@settings
class Trained(Wrapped):
    """Settings of training that all friendly estimators share."""

    epochs: int = 60
    batch_size: int = 32
    learning_rate: float = 0.005
    decay: str | None = None
    clipnorm: float | None = 1.0
    patience: int = 10
    validation: float | None = 0.1
    seconds: float | None = None
    warm_start: bool = False
    seed: int = 0
    verbose: int = 0
