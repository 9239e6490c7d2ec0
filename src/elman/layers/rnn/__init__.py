"""Recurrent layers: cells, what walks them along time, and what wraps them."""

from elman.layers.rnn.bidirectional import Bidirectional
from elman.layers.rnn.cell import Cell
from elman.layers.rnn.gates import GRUGate, LSTMGate
from elman.layers.rnn.gru import GRU, GRUCell
from elman.layers.rnn.lstm import LSTM, LSTMCell
from elman.layers.rnn.rnn import RNN, StackedRNNCells
from elman.layers.rnn.simple_rnn import SimpleRNN, SimpleRNNCell
from elman.layers.rnn.time_distributed import TimeDistributed

__all__ = [
    "GRU", "LSTM", "RNN", "Bidirectional", "Cell", "GRUCell", "GRUGate", "LSTMCell", "LSTMGate", "SimpleRNN",
    "SimpleRNNCell", "StackedRNNCells", "TimeDistributed",
]  # fmt: skip
