"""How near a text comes to another: ROUGE-L here, BLEU and chrF through sacrebleu."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from elman.errors import missing_extra

__all__ = ["bleu", "chrf", "rouge_l"]


def bleu(actual: Sequence[str | Sequence[str]], predicted: Sequence[str], order: int = 4) -> float:
    """Corpus BLEU from 0 to 100, tokenised by sacrebleu's "13a".

    Args:
        actual: one text for each prediction, or several that all are right.
        predicted: what the model wrote.
        order: longest n-gram that counts; 4 is what "BLEU" means.

    Raises:
        MissingExtraError: sacrebleu is not installed.

    Source: Papineni et al. 2002; Post 2018, "A Call for Clarity in Reporting BLEU Scores".

    Example:
        >>> round(bleu(["the cat sat on the mat"], ["the cat sat on the mat"]), 6)
        100.0
    """
    return float(_sacrebleu().BLEU(max_ngram_order=order).corpus_score(list(predicted), _columns(actual)).score)


def chrf(actual: Sequence[str | Sequence[str]], predicted: Sequence[str]) -> float:
    """Character F-score (chrF2) from 0 to 100: kinder to languages with many endings. Arguments as `bleu`.

    Source: Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation".

    Example:
        >>> round(chrf(["la casa"], ["la casa"]), 6)
        100.0
    """
    return float(_sacrebleu().CHRF().corpus_score(list(predicted), _columns(actual)).score)


def rouge_l(actual: Sequence[str], predicted: Sequence[str]) -> float:
    """Mean F1 of the longest common subsequence of words, lower-cased: what summaries are compared by.

    Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", §3, with beta = 1.

    Example:
        >>> rouge_l(["police killed the gunman"], ["police kill the gunman"])
        0.75
    """
    scores = [_rouge(a.lower().split(), p.lower().split()) for a, p in zip(actual, predicted, strict=True)]
    return float(np.mean(scores)) if scores else float("nan")


def _rouge(actual: list[str], predicted: list[str]) -> float:
    common = _longest_common(actual, predicted)
    return 2 * common / (len(actual) + len(predicted)) if common else 0.0


def _longest_common(a: list[str], b: list[str]) -> int:
    """Length of the longest common subsequence, a row of the table at a time."""
    row = [0] * (len(b) + 1)
    for x in a:
        diagonal = 0
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], diagonal + 1 if x == y else max(row[j], row[j - 1])
    return row[-1]


def _columns(actual: Sequence[str | Sequence[str]]) -> list[list[str | None]]:
    """References as sacrebleu wants them: the first of every row, the second of every row, ..."""
    rows = [[text] if isinstance(text, str) else list(text) for text in actual]
    return [[row[k] if k < len(row) else None for row in rows] for k in range(max(map(len, rows), default=1))]


def _sacrebleu() -> Any:
    try:
        from sacrebleu import metrics
    except ImportError:
        raise missing_extra("scoring", "sacrebleu", "text") from None
    return metrics
