"""Tasks: from a table to a result in the words of the task, with scikit-learn's contract."""

from elman.tasks.forecaster import Forecaster
from elman.tasks.scores import Report
from elman.tasks.sequence import (
    MLP,
    Captioner,
    ConvNet,
    FaceDetector,
    LanguageModel,
    ModularNetwork,
    Perceptron,
    RBFNetwork,
    SequenceClassifier,
    SequenceModel,
    SequenceRegressor,
    SequenceTagger,
    Transcriber,
    Translator,
    VideoTagger,
)

__all__ = [
    "MLP",
    "Captioner",
    "ConvNet",
    "FaceDetector",
    "Forecaster",
    "LanguageModel",
    "ModularNetwork",
    "Perceptron",
    "RBFNetwork",
    "Report",
    "SequenceClassifier",
    "SequenceModel",
    "SequenceRegressor",
    "SequenceTagger",
    "Transcriber",
    "Translator",
    "VideoTagger",
]
