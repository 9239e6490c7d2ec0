"""What every estimator promises: scikit-learn's conventions. A new one is a row; no row is exempt from a check."""

from __future__ import annotations

import copy
import inspect
import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from elman import tasks
from elman.errors import ElmanError, ElmanWarning, NotBuiltError, OverwriteError, UnknownNameError
from elman.tasks import (
    MLP,
    Captioner,
    ConvNet,
    FaceDetector,
    Forecaster,
    LanguageModel,
    ModularNetwork,
    Perceptron,
    RBFNetwork,
    SequenceClassifier,
    SequenceModel,
    SequenceRegressor,
    SequenceTagger,
    Transcriber,
    Translator,
    VideoTagger,
)
from elman.tasks.estimator import Estimator

try:  # here, for its import changes the environment, which a test may not
    from sklearn import base, exceptions
    from sklearn.utils import validation
except ImportError:
    base = None

T = np.arange(72)
SALES = {"month": [f"{2015 + t // 12}-{t % 12 + 1:02d}" for t in T], "sales": 50 + T + 10 * np.sin(T * np.pi / 6)}
MOODS = {"text": ["good film", "bad film", "so good", "so bad"] * 8, "mood": ["+", "-", "+", "-"] * 8}


class Case(NamedTuple):
    """An estimator, small settings, what it learns from, and how it is asked."""

    name: str
    kind: type[Estimator]
    settings: dict[str, Any]
    data: Any
    fit_options: dict[str, Any]
    question: Any

    def make(self, **more: Any) -> Any:
        return self.kind(**{**self.settings, **more})

    def fitted(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ElmanWarning)  # so little training seldom beats a baseline, and says so
            return self.make().fit(copy.deepcopy(self.data), **self.fit_options)


QUICK = {"horizon": 4, "window": 8, "cell": "simple_rnn", "units": 4, "epochs": 4}
SMALL = {"inputs": {"text": "text"}, "outputs": {"mood": "category"}, "size": 4, "epochs": 3, "validation": 0.25}
TINY = {"size": 4, "epochs": 3, "validation": 0.25}
TABLE = np.random.default_rng(0).normal(size=(24, 3))
PICTURES = np.random.default_rng(0).random((24, 8, 8))
FACES = [[[0.1, 0.2, 0.5, 0.5]], [], [[0.5, 0.0, 0.2, 0.2], [0.0, 0.5, 0.4, 0.4]]] * 8
WORDS = [["fly", "to", "rome"], ["rome", "to", "oslo"], ["to", "oslo", "now"]] * 8
TAGS = [["B-CITY" if word in ("rome", "oslo") else "O" for word in row] for row in WORDS]
WAVES = [np.repeat(np.eye(2)[[ord(c) - 97 for c in text]], 3, axis=0) for text in ("ab", "ba", "b", "aba")] * 6
FILMS = list(np.random.default_rng(0).integers(0, 255, (24, 4, 5, 6), "uint8"))
CASES = [
    Case("forecaster", Forecaster, QUICK, SALES["sales"], {}, None),
    Case("forecaster_table", Forecaster, QUICK, pd.DataFrame(SALES), {"target": "sales", "time": "month"}, None),
    Case("sequence_model", SequenceModel, SMALL, MOODS, {}, {"text": ["good", "so bad"]}),
    Case("sequence_classifier", SequenceClassifier, TINY, MOODS["text"], {"y": MOODS["mood"]}, ["good", "so bad"]),
    Case("sequence_regressor", SequenceRegressor, TINY, TABLE, {"y": TABLE.sum(axis=1)}, TABLE[:3]),
    Case("sequence_tagger", SequenceTagger, TINY, WORDS, {"y": TAGS}, WORDS[:2]),
    Case("sequence_tagger_crf", SequenceTagger, TINY | {"crf": True}, WORDS, {"y": TAGS}, WORDS[:2]),
    Case("language_model", LanguageModel, TINY, MOODS["text"], {}, ["good", "so b"]),
    Case("captioner", Captioner, TINY, [film[0] for film in FILMS], {"y": MOODS["text"][:24]}, [FILMS[0][0]]),
    Case("transcriber", Transcriber, TINY, WAVES, {"y": ["ab", "ba", "b", "aba"] * 6}, WAVES[:3]),
    Case("translator", Translator, TINY, MOODS["text"], {"y": MOODS["text"][::-1]}, ["good", "so bad"]),
    Case("video_tagger", VideoTagger, TINY, FILMS, {"y": MOODS["mood"][:24]}, FILMS[:3]),
    Case("mlp", MLP, TINY, TABLE, {"y": TABLE[:, 0] > 0}, TABLE[:3]),
    Case("mlp_regress", MLP, TINY | {"task": "regress"}, TABLE, {"y": TABLE.sum(axis=1)}, TABLE[:3]),
    Case("perceptron", Perceptron, TINY, TABLE, {"y": TABLE[:, 0] > 0}, TABLE[:3]),
    Case("rbf_network", RBFNetwork, TINY, TABLE, {"y": TABLE[:, 0] > 0}, TABLE[:3]),
    Case("modular_network", ModularNetwork, TINY, TABLE, {"y": TABLE[:, 0] > 0}, TABLE[:3]),
    Case("conv_net", ConvNet, TINY, PICTURES, {"y": TABLE[:, 0] > 0}, PICTURES[:3]),
    Case("face_detector", FaceDetector, TINY, PICTURES, {"y": FACES}, PICTURES[:3]),
    Case("conv_net_regress", ConvNet, TINY | {"task": "regress"}, PICTURES, {"y": TABLE[:, 0]}, PICTURES[:3]),
]

every_case = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])


@pytest.fixture(scope="module", params=CASES, ids=[case.name for case in CASES])
def learned(request: pytest.FixtureRequest) -> tuple[Case, Any]:
    """A case and its fitted estimator, which the checks that share it only read."""
    return request.param, request.param.fitted()


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one == other
    if isinstance(one, list) and one and isinstance(one[0], np.ndarray):
        return all(map(np.array_equal, one, other))
    return bool(np.all(np.asarray(one) == np.asarray(other)))


def settings_of(estimator: Any) -> dict[str, Any]:
    return estimator.get_params(deep=False)


def test_the_table_has_every_estimator() -> None:
    public = {getattr(tasks, name) for name in tasks.__all__}
    assert {k for k in public if inspect.isclass(k) and issubclass(k, Estimator)} == {case.kind for case in CASES}


@every_case
def test_the_constructor_only_stores(case) -> None:
    """Nonsense is kept as it is, by identity: `fit` judges, so that a search may set what it likes."""
    names = list(inspect.signature(case.kind.__init__).parameters)[1:]
    nonsense = {name: object() for name in names}
    estimator = case.kind(**nonsense)
    assert all(getattr(estimator, name) is value for name, value in nonsense.items())
    assert set(vars(estimator)) == set(names)
    parameters = inspect.signature(case.kind.__init__).parameters.values()
    assert all(p.default is not p.empty for p in parameters if p.name != "self")
    assert not any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)


@every_case
def test_settings_are_read_and_set_by_name(case) -> None:
    estimator = case.make()
    settings = settings_of(estimator)
    assert settings_of(case.kind(**settings)) == settings
    assert estimator.set_params(**settings) is estimator
    assert estimator.set_params(epochs=7).epochs == 7
    with pytest.raises(UnknownNameError, match=rf"{case.kind.__name__}: parameter must be a known name.*'epochs'\?"):
        estimator.set_params(epoch=7)


@every_case
def test_it_shows_what_differs_from_the_defaults(case) -> None:
    assert repr(case.kind()) == f"{case.kind.__name__}()"
    again = eval(repr(case.make()), {case.kind.__name__: case.kind})
    assert settings_of(again) == settings_of(case.make())


@every_case
def test_an_unfitted_one_says_so(case, tmp_path) -> None:
    estimator = case.make()
    assert not estimator.__sklearn_is_fitted__()
    calls = {
        "predict": lambda: estimator.predict(case.question),
        "evaluate": estimator.evaluate,
        "summary": estimator.summary,
        "plot": estimator.plot,
        "save": lambda: estimator.save(tmp_path / "model.safetensors"),
    }
    for name, call in calls.items():
        with pytest.raises(NotBuiltError, match=rf"{case.kind.__name__}: \w+ needs a fitted model\. Call fit\(\) or"):
            call()
        assert not estimator.__sklearn_is_fitted__(), name


def test_fit_learns_and_leaves_settings_alone(learned) -> None:
    case, estimator = learned
    assert isinstance(estimator, case.kind)
    assert estimator.__sklearn_is_fitted__()
    assert settings_of(estimator) == settings_of(case.make())
    for name in set(vars(estimator)) - set(settings_of(estimator)):
        assert name.endswith("_") or name.startswith("_"), f"{name} is learned: its name must end in _"


@pytest.mark.parametrize("rows", [1, 6], ids=["one row", "rows that are all equal"])
@every_case
def test_the_poorest_data_make_a_model_that_answers(case, rows, tmp_path) -> None:
    """One row, or the same again and again: answers, a picture and a file, for a forecaster an error in words."""

    def first(values):
        if isinstance(values, dict):
            return {name: first(column) for name, column in values.items()}
        return np.array([values[0]] * rows) if isinstance(values, np.ndarray) else [values[0]] * rows

    data = case.data.iloc[:1] if isinstance(case.data, pd.DataFrame) else first(case.data)
    options = {name: first(value) if name == "y" else value for name, value in case.fit_options.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)  # of a single class
        if case.kind is Forecaster:
            with pytest.raises(ElmanError, match="Received"):
                case.make().fit(data, **options)
            return
        estimator = case.make().fit(data, **options)
    answers = estimator.predict(case.question)
    again = case.kind.load(estimator.save(tmp_path / "model.safetensors"))
    assert same(again.predict(case.question), answers)
    assert np.asarray(estimator.predict(data)).dtype.kind != "f" or np.isfinite(estimator.predict(data)).all()


def test_fit_leaves_the_data_alone(learned) -> None:
    case, _ = learned
    data = copy.deepcopy(case.data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)
        assert case.make(epochs=1).fit(data, **case.fit_options) is not None
    assert same(data, case.data)


def test_one_seed_is_one_answer(learned) -> None:
    case, estimator = learned
    assert same(case.fitted().predict(case.question), estimator.predict(case.question))


def test_fitting_again_forgets(learned) -> None:
    case, estimator = learned
    again = case.fitted()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)
        assert again.fit(copy.deepcopy(case.data), **case.fit_options) is again
    assert same(again.predict(case.question), estimator.predict(case.question))


def test_a_clone_has_the_settings_and_learned_nothing(learned) -> None:
    case, estimator = learned
    clone = estimator.__sklearn_clone__()
    assert type(clone) is case.kind
    assert settings_of(clone) == settings_of(estimator)
    assert not clone.__sklearn_is_fitted__()


@pytest.mark.skipif(base is None, reason="scikit-learn is not installed")
def test_scikit_learn_agrees(learned) -> None:
    """Its own functions: what pipelines and searches call."""
    case, estimator = learned
    clone = base.clone(estimator)
    assert settings_of(clone) == settings_of(estimator)
    validation.check_is_fitted(estimator)
    with pytest.raises(exceptions.NotFittedError, match="fit"):
        validation.check_is_fitted(clone)
    with pytest.raises(exceptions.NotFittedError, match="needs a fitted model"):
        clone.predict(case.question)


def test_a_file_gives_it_back(learned, tmp_path) -> None:
    case, estimator = learned
    path = estimator.save(tmp_path / "model.safetensors")
    again = case.kind.load(path)
    assert again.__sklearn_is_fitted__()
    assert same(again.predict(case.question), estimator.predict(case.question))
    with pytest.raises(OverwriteError, match=r"model\.safetensors"):
        estimator.save(path, overwrite=False)


def test_a_rate_is_looked_for_on_fresh_weights(learned) -> None:
    case, _ = learned
    made = case.make()
    assert hasattr(made, "find_learning_rate") is not isinstance(made, Forecaster)
    if isinstance(made, Forecaster):
        return
    found = made.find_learning_rate(case.data, **case.fit_options, steps=3)
    assert found.rates[0] / 3 <= found.suggestion <= 1
    assert not made.__sklearn_is_fitted__()


def test_it_tells_what_it_learned(learned, capsys) -> None:
    _, estimator = learned
    estimator.summary()
    assert "Total params" in capsys.readouterr().out
    assert "baseline" in str(estimator.evaluate()).lower() or len(estimator.evaluate().rows) > 1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_settings_may_be_numbers_of_numpy(case, tmp_path) -> None:
    kinds = {bool: np.bool_, int: np.int64, float: np.float32}
    settings = case.make().get_params()
    given = {name: kinds[type(value)](value) for name, value in settings.items() if type(value) in kinds}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)
        fitted = case.make(**given).fit(copy.deepcopy(case.data), **case.fit_options)
    again = case.kind.load(fitted.save(tmp_path / "model.safetensors"))
    assert {name: again.get_params()[name] for name in given} == {name: value.item() for name, value in given.items()}


@pytest.mark.parametrize("bad", ["x", [1], np.nan, {"a": 1}], ids=str)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_settings_that_are_no_numbers_are_refused_by_name(case, bad) -> None:
    for name, value in case.make().get_params().items():
        if isinstance(value, int | float):
            with pytest.raises(ElmanError, match=rf"\b{name} must "):
                case.make(**{name: bad}).fit(copy.deepcopy(case.data), **case.fit_options)
