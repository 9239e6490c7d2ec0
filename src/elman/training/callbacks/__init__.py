"""Callbacks: what is told how training goes, and may act on it. One file a purpose."""

from elman.training.callbacks.base import Callback, CallbackList, LambdaCallback, callbacks_of
from elman.training.callbacks.logs import CSVLogger, TensorBoard
from elman.training.callbacks.progress import ProgressBar
from elman.training.callbacks.rates import LearningRateScheduler, ReduceLROnPlateau
from elman.training.callbacks.saving import BackupAndRestore, ModelCheckpoint
from elman.training.callbacks.stopping import EarlyStopping, TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgressBar",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
    "callbacks_of",
]
