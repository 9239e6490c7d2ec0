"""Every kind of column that goes in, with every kind that comes out: learned, scored and saved, or refused."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import pytest

from elman import SequenceModel, fields
from elman.errors import ArgumentError
from elman.tasks.sequence.blueprint import HEADS
from elman.tasks.sequence.heads import Aligned
from elman.tasks.sequence.language import Next
from elman.tasks.sequence.write import Write
from tests.tolerances import assert_close

ROWS = 8
CHANCE = np.random.default_rng(0)
INPUTS = {
    "audio": [(CHANCE.normal(size=800) / 4, 8000) for _ in range(ROWS)],
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


HEAD_CASES = {
    "classify": ("tokens", "category", {}),
    "detect": ("tokens", "boxes", {}),
    "follow": ("series", "series", {}),
    "label": ("tokens", "labels", {}),
    "next": ("text", "text", {}),
    "regress": ("series", "number", {}),
    "tag": ("tokens", "tags", {}),
    "tag crf": ("tokens", "tags", {"crf": True}),
    "transcribe": ("series", "text", {}),
    "write": ("tokens", "text", {}),
    "write copying": ("text", "text", {"copying": True}),
    "write image": ("image", "text", {}),
    "write tied": ("text", "text", {"tie_weights": True}),
    "write of steps": ("image", "tokens", {}),
}
"""For each head what goes in and what comes out."""


def test_every_head_has_a_case():
    assert {name.split()[0] for name in HEAD_CASES} == set(HEADS)


@pytest.mark.parametrize("case", HEAD_CASES)
def test_padding_is_not_learned(case):
    """The loss and the metrics of rows of different lengths are those of each row alone."""
    given, asked, settings = HEAD_CASES[case]
    source = INPUTS[given]
    kinds = fields.Text("word") if given == "text" else given, fields.Text("word") if asked == "text" else asked
    if asked == "series":
        target = [row[:, :1] for row in source]
    elif asked == "tags":
        target = [["N", "V", "N"][: len(row)] for row in source]
    else:
        target = {**OUTPUTS, "text": ["a b", "b"] * 4}[asked]
    same = case == "next"
    outputs, data = ({"given": kinds[0]}, {"given": source}) if same else ({"asked": kinds[1]}, {"asked": target})
    fitted = SequenceModel({"given": kinds[0]}, outputs, size=4, epochs=1, validation=0, dropout=0.0, **settings)
    fitted.fit({"given": source} | data)
    x, y = fitted.blueprint_.arrays({"given": source} | data)
    ((name, head),) = fitted.blueprint_.heads.items()
    assert type(head) is HEADS[case.split()[0]]

    def measured(rows):
        taken = {key: value[rows] for key, value in x.items()}
        found = fitted.network_.evaluate(taken, {name: y[name][rows]}, return_dict=True, verbose=0)
        return np.array([found[key] for key in ("loss", *(metric.name for metric in head.metrics))])

    steps = np.array([len(row) if isinstance(head, (Aligned, Next, Write)) else 1 for row in y[name][:2]])
    weights = np.stack([steps] * (1 + len(head.metrics)), 1)
    weights[:, 0] = 1 if settings.get("crf") else steps  # a CRF knows rows, no steps
    whole = np.average([measured(slice(0, 1)), measured(slice(1, 2))], axis=0, weights=weights)
    assert_close(measured(slice(0, 2)).astype("float32"), whole, 100, steps=10)
