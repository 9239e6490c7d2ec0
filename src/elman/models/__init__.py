"""Models: networks with Keras's words for training, measuring, predicting and saving them."""

from elman.models.model import Model
from elman.models.quantizing import Quantization
from elman.models.saving import clone_model, load_model, model_from_json
from elman.models.sequential import Sequential
from elman.models.stream import Stream

__all__ = ["Model", "Quantization", "Sequential", "Stream", "clone_model", "load_model", "model_from_json"]
