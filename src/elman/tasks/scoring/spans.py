"""Tags of steps read as spans: names, slots, chunks. A span counts only as a whole.

Source: Tjong Kim Sang and De Meulder 2003, "Introduction to the CoNLL-2003 Shared Task", §2.3; the reading of tags is
that of their `conlleval`: a span ends where its kind ends or another begins.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["span_f1", "spans"]


def spans(tags: Sequence[str]) -> list[tuple[str, int, int]]:
    """The spans that IOB1, IOB2, IOBES, BILOU or plain tags mean: (kind, first, behind the last).

    Tags that break the rules are read as the shared task does: an I- after another kind begins a span.

    Example:
        >>> spans(["B-PER", "I-PER", "O", "I-LOC", "B-LOC"])
        [('PER', 0, 2), ('LOC', 3, 4), ('LOC', 4, 5)]
    """
    found: list[tuple[str, int, int]] = []
    kind, start, before = "", 0, "O"
    for at, tag in enumerate([*tags, "O"]):
        mark, this = _parts(tag)
        opens = this and (mark in "BSU" or before in "ESLUO" or this != kind)
        if kind and (opens or not this):
            found.append((kind, start, at))
        if opens:
            start = at
        kind, before = this, mark if this else "O"
    return found


def span_f1(actual: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, float]:
    """Precision, recall and F1 over the spans of all sequences; 0 where there is nothing to divide by.

    Example:
        >>> span_f1([["B-PER", "I-PER", "O"]], [["B-PER", "O", "B-LOC"]])
        {'precision': 0.0, 'recall': 0.0, 'f1': 0.0}
    """
    hits = truths = guesses = 0
    for true, guess in zip(actual, predicted, strict=True):
        one, other = set(spans(true)), set(spans(guess))
        hits, truths, guesses = hits + len(one & other), truths + len(one), guesses + len(other)
    precision, recall = hits / max(1, guesses), hits / max(1, truths)
    return {"precision": precision, "recall": recall, "f1": 2 * hits / max(1, truths + guesses)}


def _parts(tag: str) -> tuple[str, str]:
    """Mark and kind: ("B", "PER"); a tag without a mark is inside a span of its own kind."""
    if tag in ("O", ""):
        return "O", ""
    mark, dash, kind = tag.partition("-")
    return (mark, kind) if dash and mark in tuple("BIESULM") else ("I", tag)
