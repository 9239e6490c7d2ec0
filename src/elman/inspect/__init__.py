"""Looking at what was learned: pictures of training and forecasts."""

from elman.inspect.plots import plot_history, plot_split

__all__ = ["plot_history", "plot_split"]
