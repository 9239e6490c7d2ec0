"""Forecast a year of airline passengers, compare with the year that came, draw the picture of the README.

Run it from anywhere: python examples/airline.py [picture.png]
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

from elman.tasks import Forecaster


def main(picture: str = "airline.png") -> None:
    table = pd.read_csv(Path(__file__).with_name("airline.csv"))
    past, year = table[:-12], table[-12:]

    model = Forecaster(horizon=12, cell="lstm", seed=0).fit(past, time="month", target="passengers")

    print(model.predict().assign(really=year.passengers.to_numpy()).round(1).to_string(index=False))
    print()
    print(model.evaluate(year))

    figure = model.plot()
    axes = figure.axes[0]
    axes.plot(pd.to_datetime(year.month), year.passengers, "o", color="#d62828", markersize=4, label="what came")
    axes.legend(frameon=False)
    figure.savefig(picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
