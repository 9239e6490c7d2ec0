"""What `explain()` says of every estimator: the topology and why, layers with their sizes, the loss, the decoder."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from elman import tasks
from elman.tasks import SequenceModel

S = {"epochs": 1, "validation": 0, "size": 8}
ROWS = np.arange(24.0).reshape(12, 2)
CLASSES = ["a", "b", "c"] * 4
PICTURES = np.arange(12 * 256).reshape(12, 16, 16) % 255 / 255
TEXTS = ["a good film", "a bad film", "a film"] * 4
WRITES = "1 x lstm(8) writes token by token, with a look back at 'x' (attention) at each: the likeliest, or the best of"

EXPLAINED = {
    "Perceptron": (
        lambda: tasks.Perceptron(**S).fit(ROWS, CLASSES),
        [
            "y: one to one",
            "'x' is no sequence and 'y' is one class",
            ", without a hidden layer: what comes out is",
            "layers: Dense(3, softmax); 9 weights",
            "loss y: sparse_categorical_crossentropy",
            "the likeliest class",
        ],
    ),
    "MLP": (
        lambda: tasks.MLP(task="regress", layers=2, **S).fit(ROWS, ROWS[:, 0]),
        [
            "y: one to one",
            "a dense layer gives it",
            ", through 2 x dense(8)",
            "loss y: mean_squared_error",
            "layers: Dense(8, relu), Dense(8, relu), Dense(1); 105 weights",
            "decoder y: the number, its scaling undone",
        ],
    ),
    "RBFNetwork": (
        lambda: tasks.RBFNetwork(**S).fit(ROWS, CLASSES),
        [
            ", through 1 x rbf(8): units that answer near their centres",
            "layers: RBF(8), Dense(3, softmax); 51 we",
        ],
    ),
    "ModularNetwork": (
        lambda: tasks.ModularNetwork(**S).fit(ROWS, CLASSES),
        [
            ", through 1 x 4 dense(8), experts among which a gate divides the rows",
            "layers: MixtureOfExperts(4 x Dense(8, relu)), Dense(3, softmax); 135 weights",
        ],
    ),
    "ConvNet": (
        lambda: tasks.ConvNet(**S).fit(PICTURES, CLASSES),
        [
            "y: one to one",
            "in  x: image: 16 x 16, grey",
            "through convolutions and 1 x dense(8)",
            "Conv2D(16, 3x3, relu), MaxPooling2D(2x2), Conv2D(32, 3x3, relu), MaxPooling2D(2x2), Dense(8, relu)",
        ],
    ),
    "LanguageModel": (
        lambda: tasks.LanguageModel(**S).fit(TEXTS),
        [
            "y: many to many, shifted by one",
            "the next token is foretold from those before it",
            "LSTM(8), Dense(",
            "read forwards by 1 x lstm(8), in pieces of 128 tokens; the likeliest next token, or one that is drawn",
        ],
    ),
    "Translator": (
        lambda: tasks.Translator(**S, label_smoothing=0.1).fit(TEXTS, TEXTS),
        [
            "y: many to many, unequal",
            "looks back at each step",
            "LSTM(8), Dense(8), Attention, Dense(8, tanh), Dense(",
            WRITES,
            "at most 8 tokens",
            "loss y: sparse_categorical_crossentropy, targets smoothed by 0.1",
        ],
    ),
    "Captioner": (
        lambda: tasks.Captioner(**S).fit(PICTURES, TEXTS),
        [
            "y: one to many",
            "with a look at the parts of 'x'",
            "through convolutions and 1 x dense(8)",
            "LSTM(8)",
            WRITES,
        ],
    ),
    "Transcriber": (
        lambda: tasks.Transcriber(**S).fit([ROWS] * 12, ["ab", "ba", "aa"] * 4),
        [
            "y: many to many, monotonic",
            "CTC finds the alignment",
            "loss y: ctc",
            "decoder y: CTC: the likeliest symbol of",
        ],
    ),
    "SequenceTagger": (
        lambda: tasks.SequenceTagger(**S, crf=True).fit([["a", "b"]] * 4, [["O", "B-X"]] * 4),
        [
            "y: many to many, aligned",
            "SpelledEmbedding(6, 8)",
            "Dense(5), CRF;",
            "decoder y: the likeliest tags together",
        ],
    ),
    "FaceDetector": (
        lambda: tasks.FaceDetector(**S).fit(PICTURES, [[[0, 0, 0.5, 0.5]] * 2, [], []] * 4),
        [
            "y: one to many",
            "RepeatVector(2), LSTM(8), Dense(5, sigmoid)",
            "loss y: box_loss",
            "gives a box a step, 2 at most",
        ],
    ),
    "VideoTagger": (
        lambda: tasks.VideoTagger(**S).fit(np.zeros((6, 3, 16, 16)), CLASSES[:6]),
        ["y: many to one", "TimeDistributed(Conv2D(16, 3x3, relu)), TimeDistributed(MaxPooling2D(2x2))"],
    ),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_every_estimator_explains_its_network(name):
    fit, expected = EXPLAINED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = fit()
    said: list[str] = []
    model.explain(said.append)
    for text in expected:
        assert text in said[0]


def test_labels_numbers_and_series_explain_their_answers(tmp_path):
    data = {"x": [[1.0, 2.0], [3.0]] * 4, "l": [["a"], ["a", "b"]] * 4, "s": [[1.0, 2.0], [3.0]] * 4}
    model = SequenceModel({"x": "series"}, {"l": "labels", "s": "series"}, **S).fit(data)
    said: list[str] = []
    model.explain(said.append)
    SequenceModel.load(model.save(tmp_path / "m.safetensors")).explain(said.append)
    assert said[0] == said[1]
    for text in (
        "loss l: binary_crossentropy",
        "decoder l: each label that has 0.5 or more",
        "s: the numbers of each step",
    ):
        assert text in said[0]
