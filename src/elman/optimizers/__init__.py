"""Optimizers: how gradients change the weights. Graphs on one flat vector, so every executor runs them in one pass."""

from elman.optimizers import schedules
from elman.optimizers.adadelta import Adadelta
from elman.optimizers.adagrad import Adagrad
from elman.optimizers.adam import Adam, Adamax, AdamW, Nadam
from elman.optimizers.lion import Lion
from elman.optimizers.lookup import get, serialize
from elman.optimizers.optimizer import Optimizer
from elman.optimizers.rmsprop import RMSprop
from elman.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "get",
    "schedules",
    "serialize",
]
