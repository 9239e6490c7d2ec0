"""Recurrent layers: cells, what walks them along time, and what wraps them."""

from elman.layers.rnn.antisymmetric_rnn import AntisymmetricRNN, AntisymmetricRNNCell
from elman.layers.rnn.attentive_rnn import AttentiveCell, AttentiveRNN
from elman.layers.rnn.bidirectional import Bidirectional
from elman.layers.rnn.cell import Cell
from elman.layers.rnn.cifg import CIFG, CIFGCell
from elman.layers.rnn.co_rnn import CoRNN, CoRNNCell
from elman.layers.rnn.conv_lstm import ConvLSTM1D, ConvLSTM2D
from elman.layers.rnn.dilated_rnn import DilatedCell, DilatedRNN
from elman.layers.rnn.echo_state import EchoState, EchoStateCell, ridge_readout
from elman.layers.rnn.fast_grnn import FastGRNN, FastGRNNCell
from elman.layers.rnn.fast_rnn import FastRNN, FastRNNCell
from elman.layers.rnn.gates import CoupledGate, GRUGate, LSTMGate, UpdateGate
from elman.layers.rnn.gru import GRU, GRUCell
from elman.layers.rnn.ind_rnn import IndRNN, IndRNNCell
from elman.layers.rnn.janet import JANET, JANETCell
from elman.layers.rnn.jordan_rnn import JordanRNN, JordanRNNCell
from elman.layers.rnn.lem import LEM, LEMCell
from elman.layers.rnn.li_gru import LiGRU, LiGRUCell
from elman.layers.rnn.lru import LRU, LRUCell
from elman.layers.rnn.lstm import LSTM, LSTMCell
from elman.layers.rnn.mgu import MGU, MGUCell
from elman.layers.rnn.min_gru import MinGRU, MinGRUCell
from elman.layers.rnn.min_lstm import MinLSTM, MinLSTMCell
from elman.layers.rnn.mut1 import MUT1, MUT1Cell
from elman.layers.rnn.peephole_lstm import PeepholeLSTM, PeepholeLSTMCell
from elman.layers.rnn.projection_lstm import ProjectionLSTM, ProjectionLSTMCell
from elman.layers.rnn.qrnn import QRNN, QRNNCell
from elman.layers.rnn.rnn import RNN, StackedRNNCells
from elman.layers.rnn.simple_rnn import SimpleRNN, SimpleRNNCell
from elman.layers.rnn.skip_wrappers import HighwayWrapper, ResidualWrapper
from elman.layers.rnn.slstm import SLSTM, SLSTMCell
from elman.layers.rnn.sru import SRU, SRUCell
from elman.layers.rnn.time_distributed import TimeDistributed
from elman.layers.rnn.ugrnn import UGRNN, UGRNNCell

__all__ = [
    "CIFG", "GRU", "JANET", "LEM", "LRU", "LSTM", "MGU", "MUT1", "QRNN", "RNN", "SLSTM", "SRU", "UGRNN",
    "AntisymmetricRNN", "AntisymmetricRNNCell", "AttentiveCell", "AttentiveRNN", "Bidirectional", "CIFGCell",
    "Cell", "CoRNN", "CoRNNCell", "ConvLSTM1D", "ConvLSTM2D", "CoupledGate", "DilatedCell", "DilatedRNN",
    "EchoState", "EchoStateCell", "FastGRNN", "FastGRNNCell", "FastRNN", "FastRNNCell", "GRUCell", "GRUGate",
    "HighwayWrapper", "IndRNN", "IndRNNCell", "JANETCell", "JordanRNN", "JordanRNNCell", "LEMCell", "LRUCell",
    "LSTMCell", "LSTMGate", "LiGRU", "LiGRUCell", "MGUCell", "MUT1Cell", "MinGRU", "MinGRUCell", "MinLSTM",
    "MinLSTMCell", "PeepholeLSTM", "PeepholeLSTMCell", "ProjectionLSTM", "ProjectionLSTMCell", "QRNNCell",
    "ResidualWrapper", "SLSTMCell", "SRUCell", "SimpleRNN", "SimpleRNNCell", "StackedRNNCells", "TimeDistributed",
    "UGRNNCell", "UpdateGate", "ridge_readout",
]  # fmt: skip
