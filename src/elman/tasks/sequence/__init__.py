"""Sequence models: declare what goes in and what comes out, and the topology follows from the types."""

from elman.tasks.sequence.model import SequenceModel
from elman.tasks.sequence.rate_finder import RateSearch
from elman.tasks.sequence.topology import Choice, choose

__all__ = ["Choice", "RateSearch", "SequenceModel", "choose"]
