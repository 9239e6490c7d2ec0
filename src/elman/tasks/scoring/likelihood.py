"""How surprised a model is by what came: the mean negative log-likelihood in the units people compare."""

from __future__ import annotations

import math

__all__ = ["bits_per_character", "perplexity"]


def perplexity(nats: float) -> float:
    """Among how many equally likely tokens the model in effect chooses: e to its mean loss.

    Args:
        nats: mean negative log-likelihood of a token, natural logarithm.

    Example:
        >>> round(perplexity(math.log(50)), 6)
        50.0
    """
    return math.exp(nats) if nats < 700 else math.inf


def bits_per_character(nats: float, characters: float = 1.0) -> float:
    """Bits needed for each character: the size of a file compressed with the model.

    Args:
        nats: mean negative log-likelihood of a token, natural logarithm.
        characters: mean characters of a token; 1 for a model of characters.

    Example:
        >>> bits_per_character(math.log(2))
        1.0
    """
    return nats / math.log(2) / characters
