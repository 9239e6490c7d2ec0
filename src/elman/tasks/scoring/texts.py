"""How near a text comes to another: ROUGE-L here, BLEU and chrF through sacrebleu."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elman.errors import ElmanWarning, missing_extra
from elman.tasks.scoring.edits import character_error_rate

__all__ = ["bleu", "chrf", "rouge_l", "text_notes", "text_scores"]


def bleu(
    actual: Sequence[str | Sequence[str]], predicted: Sequence[str], order: int = 4, effective_order: bool = False
) -> float:
    """Corpus BLEU from 0 to 100, tokenised by sacrebleu's "13a"; NaN of no texts.

    Texts of fewer words than `order` have no n-gram of that length: where all are so short BLEU is 0, with a warning.

    Args:
        actual: one text for each prediction, or several that all are right.
        predicted: what the model wrote.
        order: longest n-gram that counts; 4 is what "BLEU" means.
        effective_order: count n-grams up to the longest there are, as sacrebleu does for single sentences. Such numbers
            cannot be compared with BLEU of longer texts.

    Raises:
        MissingExtraError: sacrebleu is not installed.
        ElmanWarning: as a warning, nothing that was written has `order` words.

    Source: Papineni et al. 2002; Post 2018, "A Call for Clarity in Reporting BLEU Scores".

    Example:
        >>> round(bleu(["the cat sat on the mat"], ["the cat sat on the mat"]), 6)
        100.0
        >>> round(bleu(["la casa"], ["la casa"], effective_order=True), 6)
        100.0
    """
    if not len(predicted):
        return float("nan")
    found = _bleu(actual, predicted, order, effective_order)
    if not effective_order and not found.totals[order - 1]:
        cure = "Pass effective_order=True, or take chrf: it counts characters."
        text = f"bleu: nothing that was written has {order} words, so BLEU counts no n-gram of that length. {cure}"
        warnings.warn(text, ElmanWarning, stacklevel=2)
    return float(found.score)


def chrf(actual: Sequence[str | Sequence[str]], predicted: Sequence[str]) -> float:
    """Character F-score (chrF2) from 0 to 100: kinder to languages with many endings. Arguments as `bleu`.

    Source: Popović 2015, "chrF: character n-gram F-score for automatic MT evaluation".

    Example:
        >>> round(chrf(["la casa"], ["la casa"]), 6)
        100.0
    """
    if not len(predicted):
        return float("nan")
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


def text_scores(actual: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """What texts that were written are worth: BLEU and chrF (where sacrebleu is installed), ROUGE-L, CER, exact ones.

    Example:
        >>> scores = text_scores(["the cat sat on the mat"], ["the cat sat on the mat"])
        >>> scores["ROUGE-L"], scores["CER"], scores["whole"]
        (1.0, 0.0, 1.0)
    """
    scores = {}
    if importlib.util.find_spec("sacrebleu"):
        scores = {"BLEU": float(_bleu(actual, predicted).score), "chrF": chrf(actual, predicted)}
    whole = float(np.mean([a == b for a, b in zip(actual, predicted, strict=True)]))
    cer = character_error_rate(actual, predicted)
    return {**scores, "ROUGE-L": rouge_l(actual, predicted), "CER": cer, "whole": whole}


def text_notes(scores: Mapping[str, float]) -> list[str]:
    """What should be known of `text_scores`: why BLEU is 0, or is not there.

    Example:
        >>> text_notes({"BLEU": 31.2, "chrF": 40.0})
        []
    """
    if "BLEU" not in scores:
        return ['BLEU and chrF need sacrebleu: pip install "elman[text]"']
    if scores["BLEU"] == 0:
        return [
            "BLEU is 0 where no word is right, or where nothing that was written has four words, the longest n-grams "
            "it counts: read chrF and ROUGE-L, or elman.tasks.scoring.bleu(..., effective_order=True)"
        ]
    return []


def _bleu(actual: Any, predicted: Sequence[str], order: int = 4, effective: bool = False) -> Any:
    """sacrebleu's own answer: the score and how many n-grams there were."""
    metric = _sacrebleu().BLEU(max_ngram_order=order, effective_order=effective)
    return metric.corpus_score(list(predicted), _columns(actual))


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
