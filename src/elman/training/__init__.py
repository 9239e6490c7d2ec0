"""Training: graph, autodiff, optimizer and executor joined into steps, the loop over them, and the files they leave."""

from elman.training.batches import Adapter
from elman.training.buckets import neighbours
from elman.training.checkpoint import Contents, packed, read, unpacked, write
from elman.training.graphs import Counters, check_floats, predict_graph, trainable, weights_of
from elman.training.history import History
from elman.training.loop import Fit
from elman.training.measure import evaluate, predict
from elman.training.objective import Objective
from elman.training.parameters import Parameters, generation, release
from elman.training.program import Program, Signature
from elman.training.sampling import check_sampling, sampled
from elman.training.sources import DataSet, Stream, is_stream, split, stream_of
from elman.training.step import Steps
from elman.training.windows import Windows

__all__ = [
    "Adapter",
    "Contents",
    "Counters",
    "DataSet",
    "Fit",
    "History",
    "Objective",
    "Parameters",
    "Program",
    "Signature",
    "Steps",
    "Stream",
    "Windows",
    "check_floats",
    "check_sampling",
    "evaluate",
    "generation",
    "is_stream",
    "neighbours",
    "packed",
    "predict",
    "predict_graph",
    "read",
    "release",
    "sampled",
    "split",
    "stream_of",
    "trainable",
    "unpacked",
    "weights_of",
    "write",
]
