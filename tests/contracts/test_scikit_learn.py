"""scikit-learn's own checks on every estimator that takes a table, and its tools with what no table holds."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from elman.errors import DataError
from elman.tasks import (
    MLP,
    ConvNet,
    Forecaster,
    ModularNetwork,
    Perceptron,
    RBFNetwork,
    SequenceClassifier,
    SequenceModel,
    SequenceRegressor,
    SequenceTagger,
)
from tests.contracts.test_estimators import CASES

QUICK = {"size": 16, "epochs": 25, "learning_rate": 0.03, "validation": 0}


CHECKED = [
    SequenceClassifier(**QUICK),
    SequenceRegressor(**QUICK | {"epochs": 60}),
    MLP(**QUICK),
    Perceptron(**QUICK),
    MLP(task="regress", **QUICK),
    RBFNetwork(**QUICK),
    RBFNetwork(task="regress", **QUICK),
    ModularNetwork(**QUICK),
    ModularNetwork(task="regress", **QUICK),
]
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # that they are not scikit-learn's own classes
    checks = parametrize_with_checks(CHECKED)


@pytest.mark.filterwarnings("ignore")
@checks
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def _waves(rng, rows=40):
    speeds = rng.choice([0.3, 1.5], rows)
    waves = [np.sin(np.arange(n) * s)[:, None] for n, s in zip(rng.integers(6, 12, rows), speeds, strict=True)]
    return waves, np.where(speeds > 1, "fast", "slow")


def test_searches_and_pipelines_take_ragged_sequences(rng):
    waves, names = _waves(rng)
    louder = FunctionTransformer(lambda rows: [2 * row for row in rows])
    pipeline = make_pipeline(louder, SequenceClassifier(**QUICK))
    assert cross_val_score(pipeline, waves, names, cv=2).min() > 0.9
    search = GridSearchCV(SequenceClassifier(**QUICK), {"cell": ["gru", "simple_rnn"]}, cv=2).fit(waves, names)
    assert search.best_score_ > 0.9


EVERY = [case for case in CASES if case.kind not in (Forecaster, SequenceModel)]


@pytest.mark.filterwarnings("ignore::elman.errors.ElmanWarning")  # a fold may have one class alone
@pytest.mark.parametrize("case", EVERY, ids=[case.name for case in EVERY])
def test_every_estimator_stands_in_pipelines_searches_and_cross_validation(case):
    """Whatever its samples are: texts, lists of words, arrays that differ in length, pictures, films."""
    x, y = case.data, case.fit_options.get("y")
    pipeline = Pipeline([("same", FunctionTransformer()), ("model", case.make(epochs=1))])
    search = GridSearchCV(pipeline, {"model__size": [4]}, cv=2, refit=False, error_score="raise").fit(x, y)
    assert search.best_score_ == np.mean(cross_val_score(pipeline, x, y, cv=2, error_score="raise"))


def test_taggers_take_lists_of_words(rng):
    words = [rng.choice(["to", "rome", "oslo"], rng.integers(1, 5)).tolist() for _ in range(40)]
    tags = [["B-CITY" if word != "to" else "O" for word in row] for row in words]
    assert cross_val_score(SequenceTagger(**QUICK), words, tags, cv=2).min() > 0.95


def test_pictures_are_bytes_fractions_or_a_list_of_several_sizes(rng):
    pictures = rng.integers(0, 128, (40, 8, 8), dtype="uint8")
    pictures[::2, :4] += 127
    names = ["sky", "sea"] * 20
    quick = ConvNet(**{**QUICK, "learning_rate": 0.005})
    assert cross_val_score(quick, pictures, names, cv=2).min() > 0.9
    assert quick.fit(pictures / 255, names).score(pictures / 255, names) > 0.9
    several = [picture[:, : 6 + i % 3] for i, picture in enumerate(pictures)]
    assert quick.fit(several, names).score(several, names) > 0.9


def test_a_table_is_no_picture(rng):
    with pytest.raises(DataError, match=r"pictures \(H, W\), \(H, W, 1\) or \(H, W, 3\)"):
        ConvNet(**QUICK).fit(rng.random((8, 3)), [0, 1] * 4)


@pytest.mark.parametrize("kind", [MLP, Perceptron, RBFNetwork, ModularNetwork, SequenceClassifier])
def test_classes_count_as_much_as_they_are_told(kind, rng, tmp_path):
    x = np.repeat([[0.0, 0.0], [0.0, 1.0]], [60, 20], axis=0)
    y = np.array([0] * 60 + [0] * 12 + [1] * 8)
    assert kind(**QUICK).fit(x, y).predict([[0.0, 1.0]]) == [0]
    for weights in ("balanced", {np.int64(0): np.float32(1), np.int64(1): 4}):
        model = kind(class_weight=weights, **QUICK).fit(x, y)
        assert model.predict([[0.0, 1.0]]) == [1]
        model.save(tmp_path / "m.safetensors")
        assert kind.load(tmp_path / "m.safetensors").class_weight == weights


def test_searches_draw_numbers_of_numpy(rng):
    x, y = rng.normal(size=(20, 4)), [0, 1] * 10
    grid = {"size": np.arange(4, 6), "dropout": np.linspace(0, 0.5, 2, dtype="float32")}
    found = GridSearchCV(MLP(epochs=1), grid, cv=2).fit(x, y)
    assert found.best_params_["size"] in (4, 5)


@pytest.mark.parametrize("estimator", [SequenceClassifier(**QUICK), SequenceRegressor(**QUICK), MLP(**QUICK)])
def test_a_file_gives_the_same_answers(estimator, rng, tmp_path):
    x, y = rng.normal(size=(20, 4)), rng.integers(0, 2, 20)
    fitted = clone(estimator).fit(x, y)
    fitted.save(tmp_path / "m.safetensors")
    again = type(estimator).load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict(x), fitted.predict(x))
    assert again.size == estimator.size
