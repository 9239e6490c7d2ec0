"""Every kind of column that goes in, with every kind that comes out: learned, scored and saved, or refused."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

from elman import SequenceModel, fields
from elman.errors import ArgumentError

ROWS = 8
CHANCE = np.random.default_rng(0)
INPUTS = {
    "audio": [(CHANCE.normal(size=800) * 1000, 8000) for _ in range(ROWS)],
    "boxes": [[[0.0, 0.0, 0.5, 0.5]], []] * 4,
    "category": ["p", "q"] * 4,
    "image": list(CHANCE.integers(0, 255, (ROWS, 8, 8), "uint8")),
    "labels": [["u"], ["u", "v"]] * 4,
    "line": list(CHANCE.integers(0, 255, (ROWS, 8, 20), "uint8")),
    "number": CHANCE.normal(size=ROWS),
    "series": [CHANCE.normal(size=(n, 2)) for n in (3, 9) * 4],
    "tags": [["B-X", "O", "O"], ["O"]] * 4,
    "text": ["good day to you", "bye"] * 4,
    "tokens": [["a", "b", "c"], ["d"]] * 4,
    "video": list(CHANCE.integers(0, 255, (ROWS, 5, 8, 8), "uint8")),
}
OUTPUTS = {
    "boxes": INPUTS["boxes"],
    "category": INPUTS["category"],
    "labels": INPUTS["labels"],
    "number": INPUTS["number"],
    "text": ["ab", "c"] * 4,
    "tokens": [["x"], ["y", "z"]] * 4,
}
STEPS = {"audio": [10] * ROWS, "boxes": [1, 0] * 4, "text": [4, 1] * 4, "video": [5] * ROWS}
STEPS |= {kind: [len(row) for row in INPUTS[kind]] for kind in ("series", "tags", "tokens")}


def model(given, asked):
    fields_in = fields.Text("word") if given == "text" else given
    fields_out = fields.Text("char") if asked == "text" else asked
    return SequenceModel({"given": fields_in}, {"asked": fields_out}, size=4, epochs=1, validation=0.25)


def answered(given, asked, column, tmp_path):
    if given == "audio":
        pytest.importorskip("kaldi_native_fbank")
    data = {"given": INPUTS[given], "asked": column}
    fitted = model(given, asked).fit(data)
    found = fitted.predict(data)
    assert len(found) == ROWS
    assert np.isfinite(list(fitted.evaluate().model.values())[:1]).all()
    again = SequenceModel.load(fitted.save(tmp_path / "m.safetensors"))
    assert str(again.predict(data)) == str(found)
    return found


def test_every_kind_has_a_column():
    assert set(INPUTS) == set(fields.FIELDS)
    assert {*OUTPUTS, "tags", "series"} == set(fields.FIELDS) - {"image", "line", "audio", "video"}


@pytest.mark.parametrize("asked", OUTPUTS)
@pytest.mark.parametrize("given", INPUTS)
def test_anything_that_comes_out_comes_from_anything(given, asked, tmp_path):
    answered(given, asked, OUTPUTS[asked], tmp_path)


@pytest.mark.parametrize("asked", ["tags", "series"])
@pytest.mark.parametrize("given", STEPS)
def test_every_step_has_its_answer(given, asked, tmp_path):
    column = [["N"] * n if asked == "tags" else np.arange(n, dtype="float64") for n in STEPS[given]]
    with pytest.warns(UserWarning, match="nothing is learned") if asked == "tags" else nullcontext():
        found = answered(given, asked, column, tmp_path)
    assert [len(row) for row in found] == STEPS[given]


@pytest.mark.parametrize("asked", ["tags", "series"])
@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("line", "outputs must be along steps that stay. Received outputs='asked': 'given' is a line, of which four"),
        *(
            (kind, "outputs must be along a sequence that goes in")
            for kind in ("category", "image", "labels", "number")
        ),
    ],
)
def test_what_has_no_steps_has_no_answer_at_each(given, asked, text):
    data = {"given": INPUTS[given], "asked": [["N"]] * ROWS if asked == "tags" else [np.ones(1)] * ROWS}
    with pytest.raises(ArgumentError, match=text):
        model(given, asked).fit(data)


@pytest.mark.parametrize("asked", ["image", "line", "video"])
def test_what_cannot_come_out_is_refused(asked):
    with pytest.raises(ArgumentError, match=f"outputs must be of a kind that can be made. Received .*'asked:{asked}'"):
        model("category", asked).fit({"given": INPUTS["category"], "asked": INPUTS[asked]})
