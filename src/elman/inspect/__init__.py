"""Looking at what was learned: pictures of training and forecasts, and of what happens inside a recurrent network."""

from elman.inspect.plots import plot_history, plot_split
from elman.inspect.unrolled import unroll
from elman.inspect.walks import GradientFlow, LayerFlow, gradient_flow, states

__all__ = ["GradientFlow", "LayerFlow", "gradient_flow", "plot_history", "plot_split", "states", "unroll"]
