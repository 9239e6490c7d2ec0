"""Recurrent layers: cells, what walks them along time, and what wraps them."""

from elman.layers.rnn.cell import Cell
from elman.layers.rnn.simple_rnn import SimpleRNN, SimpleRNNCell

__all__ = ["Cell", "SimpleRNN", "SimpleRNNCell"]
