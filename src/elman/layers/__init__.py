"""Layers: the parts of a network. They trace operators onto symbolic tensors and never compute."""

from elman.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from elman.layers.attention import AdditiveAttention, Attention
from elman.layers.base import Call, Layer, Mask, Tracing, current, reset_names, set_seed, tracing
from elman.layers.batch_normalization import BatchNormalization
from elman.layers.convolution import Conv1D, Conv2D
from elman.layers.core import Dense, Input, InputLayer, Lambda
from elman.layers.crf import CRF
from elman.layers.depthwise import DepthwiseConv1D, DepthwiseConv2D, SeparableConv1D, SeparableConv2D
from elman.layers.embedding import Embedding, Masking, ReversibleEmbedding
from elman.layers.global_pooling import (
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
)
from elman.layers.highway import Highway
from elman.layers.merging import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract
from elman.layers.mixture_of_experts import MixtureOfExperts
from elman.layers.multi_head_attention import MultiHeadAttention
from elman.layers.noise import AlphaDropout, GaussianDropout, GaussianNoise
from elman.layers.normalization import LayerNormalization
from elman.layers.other_names import (
    AvgPool1D,
    AvgPool2D,
    Convolution1D,
    Convolution2D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    MaxPool1D,
    MaxPool2D,
    SeparableConvolution1D,
    SeparableConvolution2D,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from elman.layers.pooling import AveragePooling1D, AveragePooling2D, MaxPooling1D, MaxPooling2D
from elman.layers.rbf import RBF
from elman.layers.registry import deserialize, register, serialize
from elman.layers.regularization import ActivityRegularization, Dropout, SpatialDropout1D, SpatialDropout2D
from elman.layers.reshaping import (
    Cropping1D,
    Cropping2D,
    Flatten,
    Permute,
    RepeatVector,
    Reshape,
    ZeroPadding1D,
    ZeroPadding2D,
)
from elman.layers.rnn import (
    CIFG,
    GRU,
    JANET,
    LEM,
    LRU,
    LSTM,
    MGU,
    MUT1,
    QRNN,
    RNN,
    SLSTM,
    SRU,
    UGRNN,
    AntisymmetricRNN,
    AntisymmetricRNNCell,
    AttentiveCell,
    AttentiveRNN,
    Bidirectional,
    Cell,
    CIFGCell,
    ConvLSTM1D,
    ConvLSTM2D,
    CoRNN,
    CoRNNCell,
    DilatedCell,
    DilatedRNN,
    EchoState,
    EchoStateCell,
    FastGRNN,
    FastGRNNCell,
    FastRNN,
    FastRNNCell,
    GRUCell,
    HighwayWrapper,
    IndRNN,
    IndRNNCell,
    JANETCell,
    JordanRNN,
    JordanRNNCell,
    LEMCell,
    LiGRU,
    LiGRUCell,
    LRUCell,
    LSTMCell,
    MGUCell,
    MinGRU,
    MinGRUCell,
    MinLSTM,
    MinLSTMCell,
    MUT1Cell,
    PeepholeLSTM,
    PeepholeLSTMCell,
    ProjectionLSTM,
    ProjectionLSTMCell,
    QRNNCell,
    ResidualWrapper,
    SimpleRNN,
    SimpleRNNCell,
    SLSTMCell,
    SRUCell,
    StackedRNNCells,
    TimeDistributed,
    UGRNNCell,
    ridge_readout,
)
from elman.layers.up_sampling import UpSampling1D, UpSampling2D

__all__ = [
    "CIFG", "CRF", "ELU", "GRU", "JANET", "LEM", "LRU", "LSTM", "MGU", "MUT1", "QRNN", "RBF", "RNN", "SLSTM", "SRU",
    "UGRNN", "Activation", "ActivityRegularization", "Add", "AdditiveAttention", "AlphaDropout", "AntisymmetricRNN",
    "AntisymmetricRNNCell", "Attention", "AttentiveCell", "AttentiveRNN", "Average", "AveragePooling1D",
    "AveragePooling2D", "AvgPool1D", "AvgPool2D", "BatchNormalization", "Bidirectional", "CIFGCell", "Call", "Cell",
    "CoRNN", "CoRNNCell", "Concatenate", "Conv1D", "Conv2D", "ConvLSTM1D", "ConvLSTM2D", "Convolution1D",
    "Convolution2D", "Cropping1D", "Cropping2D", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "DilatedCell",
    "DilatedRNN", "Dot", "Dropout", "EchoState", "EchoStateCell", "Embedding", "FastGRNN", "FastGRNNCell", "FastRNN",
    "FastRNNCell", "Flatten", "GRUCell", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling1D",
    "GlobalAveragePooling2D", "GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalMaxPool1D", "GlobalMaxPool2D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "Highway", "HighwayWrapper", "IndRNN", "IndRNNCell", "Input",
    "InputLayer", "JANETCell", "JordanRNN", "JordanRNNCell", "LEMCell", "LRUCell", "LSTMCell", "Lambda", "Layer",
    "LayerNormalization", "LeakyReLU", "LiGRU", "LiGRUCell", "MGUCell", "MUT1Cell", "Mask", "Masking", "MaxPool1D",
    "MaxPool2D", "MaxPooling1D", "MaxPooling2D", "Maximum", "MinGRU", "MinGRUCell", "MinLSTM", "MinLSTMCell", "Minimum",
    "MixtureOfExperts", "MultiHeadAttention", "Multiply", "PReLU", "PeepholeLSTM", "PeepholeLSTMCell", "Permute",
    "ProjectionLSTM", "ProjectionLSTMCell", "QRNNCell", "ReLU", "RepeatVector", "Reshape", "ResidualWrapper",
    "ReversibleEmbedding", "SLSTMCell", "SRUCell", "SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D",
    "SeparableConvolution2D", "SimpleRNN", "SimpleRNNCell", "Softmax", "SpatialDropout1D", "SpatialDropout2D",
    "StackedRNNCells", "Subtract", "TimeDistributed", "Tracing", "UGRNNCell", "UpSampling1D", "UpSampling2D",
    "ZeroPadding1D", "ZeroPadding2D", "add", "average", "concatenate", "current", "deserialize", "dot", "maximum",
    "minimum", "multiply", "register", "reset_names", "ridge_readout", "serialize", "set_seed", "subtract",
    "tracing",
]  # fmt: skip
