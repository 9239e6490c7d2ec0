"""Intervals of several series: each as wide as its own errors, whatever the others are."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from elman.errors import ElmanWarning
from elman.tasks import Forecaster
from elman.tasks.intervals import Intervals, error_quantiles, half_width
from tests.tolerances import nearly

NOISE = {"north": np.array([0.3]), "south": np.array([15.0])}


def draw(rng, count, steps=3):
    return {key: size * rng.normal(size=(count, steps, 1)) for key, size in NOISE.items()}


def test_every_series_has_the_coverage_it_was_promised(rng):
    learned = Intervals.learn(draw(rng, 300), NOISE)
    for key, errors in draw(rng, 20_000).items():
        inside = np.abs(errors) < learned.half_width(key, NOISE[key], 0.8, 3)
        assert 0.75 < inside.mean() < 0.86


def test_a_series_of_few_windows_is_as_hard_as_the_others_in_naive_errors(rng):
    errors = draw(rng, 300)
    few = Intervals.learn({**errors, "new": errors["south"][:3]}, {**NOISE, "new": np.array([2.0])})
    assert few.spreads["new"] == nearly(2.0 * few.typical)
    assert few.half_width("unseen", np.array([2.0]), 0.8, 4) == nearly(few.half_width("new", NOISE["south"], 0.8, 4))
    assert 0.7 < few.typical[0] < 0.9  # the mean size of normal numbers is 0.8


def test_series_without_errors_and_rows_without_a_truth(rng):
    errors = draw(rng, 40)
    errors["south"][::2, 1] = np.nan
    learned = Intervals.learn({**errors, "flat": np.zeros((40, 3, 1))}, {**NOISE, "flat": np.zeros(1)})
    assert (learned.half_width("flat", np.zeros(1), 0.9, 3) == 0).all()
    south = learned.half_width("south", NOISE["south"], 0.9, 3)
    assert (south > 15).all()
    assert (south < 45).all()
    short = Intervals.learn(
        {key: np.zeros((0, 3, 1)) for key in NOISE} | {"one": np.ones((2, 3, 1))}, {**NOISE, "one": np.ones(1)}
    )
    assert short.half_width("one", np.ones(1), 0.9, 3) == nearly(np.ones((3, 1)))
    assert short.half_width("south", NOISE["south"], 0.9, 3) == nearly(np.full((3, 1), 15.0))


def test_a_single_series_has_the_quantiles_of_its_errors(rng):
    errors = draw(rng, 50)["south"]
    learned = Intervals.learn({"south": errors}, NOISE)
    assert (learned.quantiles == error_quantiles(errors)).all()
    assert (learned.half_width("other", NOISE["north"], 0.9, 3) == half_width(error_quantiles(errors), 0.9, 3)).all()


def test_a_large_shop_has_wider_intervals_than_a_small_one(rng, tmp_path):
    t = np.arange(90)
    table = pd.concat(
        pd.DataFrame({"shop": shop, "t": t, "sales": size * (10 + np.sin(t / 2) + 0.3 * rng.normal(size=90))})
        for shop, size in [("north", 1), ("south", 50)]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ElmanWarning)
        fitted = Forecaster(horizon=3, window=8, units=4, epochs=5).fit(table, id="shop", time="t", target="sales")
    for model in (fitted, Forecaster.load(fitted.save(tmp_path / "model.safetensors"))):
        forecast = model.predict(level=0.8).groupby("shop")
        north, south = ((part.sales_high - part.sales_low).mean() for _, part in forecast)
        assert 20 < south / north < 120
    assert len(fitted.plot().axes) == 2
    alone = table[table.shop == "south"].assign(shop="west")
    west = fitted.predict(alone, level=0.8)
    assert 0.5 < (west.sales_high - west.sales_low).mean() / south < 1.5
