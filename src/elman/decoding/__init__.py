"""Decoding: answers from what a trained model says: generation, beams, labels of CTC, tags of a CRF."""

from elman.decoding.ctc import ctc_greedy
from elman.decoding.decoder import Decoded, Decoder
from elman.decoding.next_tokens import NextTokens
from elman.decoding.prefix_beam import ctc_beam
from elman.decoding.viterbi import viterbi

__all__ = ["Decoded", "Decoder", "NextTokens", "ctc_beam", "ctc_greedy", "viterbi"]
