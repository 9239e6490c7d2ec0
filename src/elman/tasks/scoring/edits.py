"""Errors counted in edits: what must be put in, taken out or changed to get the truth.

Source: Levenshtein 1966; Wagner and Fischer 1974, "The String-to-String Correction Problem".
Cost: O(n m) for sequences of n and m, one row of the table in NumPy at a time. An alignment keeps all rows.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["align", "character_error_rate", "edit_distance", "word_error_rate"]


def edit_distance(actual: Sequence[Hashable], predicted: Sequence[Hashable]) -> int:
    """The least number of insertions, deletions and substitutions from one sequence to the other.

    Example:
        >>> edit_distance("kitten", "sitting")
        3
    """
    last = np.zeros(1, np.int32)
    for row in _rows(actual, predicted):
        last = row
    return int(last[-1])


def character_error_rate(actual: Sequence[str], predicted: Sequence[str]) -> float:
    """Edits over all texts for each character of the truth; above 1 where more was invented than there is.

    Example:
        >>> character_error_rate(["abcd"], ["abxd"])
        0.25
    """
    return _rate([list(text) for text in actual], [list(text) for text in predicted])


def word_error_rate(actual: Sequence[str], predicted: Sequence[str]) -> float:
    """Edits of words over all texts for each word of the truth.

    Example:
        >>> word_error_rate(["the cat sat"], ["the cat"])
        0.3333333333333333
    """
    return _rate([text.split() for text in actual], [text.split() for text in predicted])


def align(actual: Sequence[Hashable], predicted: Sequence[Hashable]) -> list[tuple[Hashable | None, Hashable | None]]:
    """The two sequences side by side with the fewest edits; None where one has nothing.

    Example:
        >>> align("cart", "cat")
        [('c', 'c'), ('a', 'a'), ('r', None), ('t', 't')]
    """
    table = np.stack(list(_rows(actual, predicted)))
    i, j = len(actual), len(predicted)
    pairs: list[tuple[Hashable | None, Hashable | None]] = []
    while i or j:
        here = table[i, j]
        if i and j and here == table[i - 1, j - 1] + (actual[i - 1] != predicted[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((actual[i], predicted[j]))
        elif i and here == table[i - 1, j] + 1:
            i -= 1
            pairs.append((actual[i], None))
        else:
            j -= 1
            pairs.append((None, predicted[j]))
    return pairs[::-1]


def _rate(actual: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> float:
    length = sum(map(len, actual))
    edits = sum(edit_distance(a, p) for a, p in zip(actual, predicted, strict=True))
    return edits / length if length else float("nan") if not edits else float("inf")


def _rows(actual: Sequence[Hashable], predicted: Sequence[Hashable]) -> Iterator[npt.NDArray[np.int32]]:
    """Edits between each beginning of one, in turn, and every beginning of the other: n + 1 times (m + 1,)."""
    numbers: dict[Hashable, int] = {}
    a = np.array([numbers.setdefault(x, len(numbers)) for x in actual], np.int32)
    b = np.array([numbers.setdefault(x, len(numbers)) for x in predicted], np.int32)
    steps = np.arange(len(b) + 1, dtype=np.int32)
    before = steps
    yield before
    for i, symbol in enumerate(a, 1):
        row = np.concatenate([[np.int32(i)], np.minimum(before[1:] + 1, before[:-1] + (b != symbol))])
        # A chain of insertions: row[j] = min over k <= j of row[k] + (j - k).
        before = np.minimum.accumulate(row - steps) + steps
        yield before
