"""Sequence models: declare what goes in and what comes out, and the topology follows from the types."""

from elman.tasks.sequence.estimators import (
    MLP,
    ConvNet,
    FaceDetector,
    ModularNetwork,
    Perceptron,
    RBFNetwork,
    SequenceClassifier,
    SequenceRegressor,
    SequenceTagger,
)
from elman.tasks.sequence.language_model import LanguageModel
from elman.tasks.sequence.model import SequenceModel
from elman.tasks.sequence.rate_finder import RateSearch
from elman.tasks.sequence.topology import Choice, choose
from elman.tasks.sequence.writers import Captioner, Transcriber, Translator, VideoTagger

__all__ = [
    "MLP",
    "Captioner",
    "Choice",
    "ConvNet",
    "FaceDetector",
    "LanguageModel",
    "ModularNetwork",
    "Perceptron",
    "RBFNetwork",
    "RateSearch",
    "SequenceClassifier",
    "SequenceModel",
    "SequenceRegressor",
    "SequenceTagger",
    "Transcriber",
    "Translator",
    "VideoTagger",
    "choose",
]
