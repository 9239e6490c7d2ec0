"""elman: recurrent neural networks and sequence modelling."""

__version__ = "0.1.0"
