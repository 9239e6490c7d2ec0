"""Decoding: answers from what a trained model says: generation, beams, labels of CTC."""

from elman.decoding.ctc import ctc_beam, ctc_greedy
from elman.decoding.decoder import Decoded, Decoder

__all__ = ["Decoded", "Decoder", "ctc_beam", "ctc_greedy"]
