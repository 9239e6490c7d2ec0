"""What belongs together is learned from or checked on, never both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from elman.errors import ArgumentError, DataError, DTypeError, UnknownColumnError
from elman.tasks import LanguageModel, SequenceClassifier, SequenceModel
from elman.tasks.sequence.splitting import groups_of, named_files, split_rows

ROWS = 60
WHOSE = [f"patient {row // 6}" for row in range(ROWS)]
COLUMNS = {"n": list(range(ROWS)), "y": ["a", "b"] * (ROWS // 2), "who": WHOSE}


@pytest.mark.parametrize("sizes", [[20] * 5, [99, 1], [30] * 4, [1, 2, 3, 4, 5] * 10, [40, 3, 3, 3, 3, 3]])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.9])
def test_a_group_is_on_one_side_and_each_side_has_one(sizes, share):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    for seed in range(10):
        learned, checked = split_rows("fit", len(groups), share, seed, groups)
        assert sorted([*learned, *checked]) == list(range(len(groups)))
        assert not {*groups[learned]} & {*groups[checked]}
        assert len(learned)
        assert len(checked) or round(share * len(groups)) == 0
        # As near to the share as half of the largest group, where that leaves both sides something.
        assert abs(len(checked) - share * len(groups)) <= max(sizes) / 2 + 1 or len({*groups[checked]}) in (
            1,
            len(sizes) - 1,
        )


@pytest.mark.parametrize("share", [0, None, 0.01, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("rows", [1, 2, 7, 100])
def test_rows_of_their_own_are_drawn_one_by_one(rows, share):
    order = np.random.Generator(np.random.Philox(3)).permutation(rows)
    kept = min(round((share or 0) * rows), rows - 1)
    learned, checked = split_rows("fit", rows, share, 3)
    assert (learned.tolist(), checked.tolist()) == (sorted(order[kept:]), sorted(order[:kept]))


def checked_on(monkeypatch, estimator, data, **how):
    """The rows that a training was checked on."""
    seen = []

    def stop(blueprint, training, learned, check, *more):
        seen.append((learned, check))
        raise InterruptedError

    monkeypatch.setattr("elman.tasks.sequence.model.train", stop)
    with pytest.raises(InterruptedError):
        estimator.fit(data, **how)
    return seen[0]


@pytest.mark.parametrize("groups", ["who", WHOSE, np.array(WHOSE), np.arange(ROWS) // 6])
def test_a_column_or_a_list_says_whose_rows_are(monkeypatch, groups):
    model = SequenceModel({"n": "number"}, {"y": "category"}, validation=0.3)
    learned, checked = checked_on(monkeypatch, model, COLUMNS, groups=groups)
    assert (len(learned["n"]), len(checked["n"])) == (42, 18)
    assert not {WHOSE[n] for n in learned["n"]} & {WHOSE[n] for n in checked["n"]}


def test_estimators_of_x_and_y_take_groups_too(monkeypatch):
    texts = [f"text {n}" for n in range(ROWS)]
    for estimator, more in (
        (SequenceClassifier(validation=0.3), {"y": COLUMNS["y"]}),
        (LanguageModel(validation=0.3), {}),
    ):
        learned, checked = checked_on(monkeypatch, estimator, texts, groups=WHOSE, **more)
        rows = [{int(text.split()[1]) // 6 for text in next(iter(part.values()))} for part in (learned, checked)]
        assert len(rows[1]) == 3
        assert not rows[0] & rows[1]
        monkeypatch.undo()
        with pytest.raises(DTypeError, match="fit: groups must be a list with an entry for each sample"):
            estimator.fit(texts, groups="who", **more)


@pytest.mark.parametrize("path", [str, Path])
def test_captions_of_one_picture_stand_on_one_side(path):
    photos = [path(f"{n // 5}.png") for n in range(40)]
    words = [f"caption {n}" for n in range(40)]
    assert named_files({"n": [1], "photo": photos}, ["n", "photo"]) == [str(photo) for photo in photos]
    assert named_files({"n": [1, 2], "text": ["a.png", "a text"]}, ["n", "text"]) is None
    model = SequenceModel({"photo": "image"}, {"caption": "text"}, validation=0.25)
    learned, checked = model._parts({"photo": photos, "caption": words}, None, None)
    assert (len(learned["photo"]), len(checked["photo"])) == (30, 10)
    assert not {*learned["photo"]} & {*checked["photo"]}


def test_groups_that_say_nothing_are_refused():
    model = SequenceModel({"n": "number"}, {"y": "category"})
    with pytest.raises(UnknownColumnError, match=r"Received data='whose'\. Did you mean 'who'"):
        model.fit(COLUMNS, groups="whose")
    with pytest.raises(DataError, match=r"groups must be of 60 rows, as the data. Received groups=1"):
        model.fit(COLUMNS, groups=["a"])
    with pytest.raises(DataError, match=r"groups must have a name in every row. Received groups=None: row 2"):
        groups_of("fit", ["a", "b", None], 3)
    with pytest.raises(DTypeError, match=r"groups must be texts or numbers. Received dtype list: row 0|list"):
        groups_of("fit", [["a"], ["b"]], 2)
    with pytest.raises(DataError, match=r"groups must be two or more, for some are checked on. .* validation=0"):
        model.fit(COLUMNS, groups=["a"] * ROWS)
    with pytest.raises(ArgumentError, match="groups must be left out beside validation_data"):
        model.fit(COLUMNS, validation_data=COLUMNS, groups="who")
