"""CTC from `fit`: lists of labels, frames counted from the mask, and errors that teach."""

from __future__ import annotations

import numpy as np
import pytest

import elman
from elman.errors import DataError, ShapeError
from elman.graph import placeholder
from elman.layers import LSTM, Dense, Input
from elman.losses import CTC, ctc
from tests.tolerances import nearly


def model(classes: int = 5, **loss) -> elman.Sequential:
    made = elman.Sequential([Input((None, 3)), LSTM(4, return_sequences=True), Dense(classes, activation="softmax")])
    made.compile(loss=CTC(**loss))
    return made


@pytest.mark.parametrize("y", [[[1, 2], [3]], [[1, 2], []], np.array([[1, 2], [3, 0]]), np.array([[1, 2], [3, -1]])])
def test_labels_have_steps_of_their_own(y, rng):
    x = [rng.normal(size=(t, 3)).astype("float32") for t in (6, 4)]
    history = model().fit(x, y, epochs=3, batch_size=2, verbose=0, shuffle=False)
    assert history.history["loss"][2] < history.history["loss"][0]


def test_padding_is_no_frame(rng):
    m, x = model(), [rng.normal(size=(t, 3)).astype("float32") for t in (6, 4)]
    together = m.evaluate(x, [[1], [2]], verbose=0)
    alone = [m.evaluate(x[i][None], [[i + 1]], verbose=0) for i in range(2)]
    assert together == nearly(np.mean(alone), dtype=np.float32)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([[1, 1, 1, 1, 2, 3, 2, 3, 2], [1]], r"y must be no longer than the frames. Received y='row 0': target of "
         r"length 9 with 3 repeats needs 12 frames, the model gives 7\. Shorten the target, or let the model keep"),
        ([[1], [1, 2, 2, 1]], r"'row 1': target of length 4 with 1 repeats needs 5 frames, the model gives 4"),
        ([[1], [5]], r"y must be labels between 0 and 4. Received y=5: row 1\. Give the last layer one output"),
        (np.array([[1, 0, 2], [1, 2, 0]]), r"y must be labels without a gap. Received y=\[1, 0, 2\]: row 0\. 0 is"),
    ],
)  # fmt: skip
def test_what_cannot_be_spelled_is_told_before_the_first_step(y, message, rng):
    x = [rng.normal(size=(t, 3)).astype("float32") for t in (7, 4)]
    with pytest.raises(DataError, match=message):
        model().fit(x, y, verbose=0)


def test_the_blank_may_be_any_class(rng):
    x = rng.normal(size=(2, 4, 3)).astype("float32")
    assert np.isfinite(model(blank=4).fit(x, [[0, 1], [0]], verbose=0).history["loss"]).all()


def test_shapes_are_told():
    with pytest.raises(ShapeError, match=r"ctc: y_true and y_pred must have shapes \(B, L\) and \(B, T, V\). Received"):
        ctc(placeholder("y", (3,), "int32"), placeholder("p", (3, 4, 5)))
