"""Tags of spans, IOB and its kin: read as spans, written in any of the schemes.

    words     Wolff  ,  a  journalist  in  Buenos  Aires
    iob1      I-PER  O  O  O           O   I-LOC   I-LOC     B- only where a span touches one of its own label
    iob2      B-PER  O  O  O           O   B-LOC   I-LOC     B- begins every span
    iobes     S-PER  O  O  O           O   B-LOC   E-LOC     S- is a span alone, E- ends one
    bilou     U-PER  O  O  O           O   B-LOC   L-LOC     the same in other letters

What begins and ends a span is decided as in the CoNLL-2000 evaluation, so tags that no scheme allows are read too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

from elman.errors import DataError, unknown_name

__all__ = ["Scheme", "Span", "check_scheme", "convert_tags", "marks_spans", "may_follow", "scheme_of", "tag_spans"]

Scheme = Literal["iob1", "iob2", "iobes", "bilou"]

_TAG = re.compile(r"([BILOESU])(?:-(.*))?", re.DOTALL)
_SAME = {"L": "E", "U": "S"}


class Span(NamedTuple):
    """A labelled stretch of a sequence: steps `start` ... `stop - 1`."""

    label: str
    start: int
    stop: int


def tag_spans(tags: Sequence[str], where: str = "tag_spans") -> list[Span]:
    """The spans that the tags of one sequence say.

    Raises:
        DataError: a tag is not O and has no prefix.

    Example:
        >>> tag_spans(["B-PER", "I-PER", "O", "S-LOC"])
        [Span(label='PER', start=0, stop=2), Span(label='LOC', start=3, stop=4)]
    """
    spans = []
    before, label, start = "O", "", 0
    for place, tag in enumerate([*tags, "O"]):
        prefix, new = _parts(where, tag, place)
        inside = before != "O" and prefix in ("I", "E") and new == label and before not in ("E", "S")
        if before != "O" and not inside:
            spans.append(Span(label, start, place))
        if prefix != "O" and not inside:
            start = place
        before, label = prefix, new
    return spans


def convert_tags(tags: Sequence[str], scheme: Scheme, where: str = "convert_tags") -> list[str]:
    """The same spans in another scheme.

    Raises:
        DataError: a tag is not O and has no prefix.
        UnknownNameError: no such scheme.

    Example:
        >>> convert_tags(["I-LOC", "I-LOC", "O", "I-PER"], "iobes")
        ['B-LOC', 'E-LOC', 'O', 'S-PER']
    """
    check_scheme(where, scheme)
    written = ["O"] * len(tags)
    before = Span("", 0, -1)
    for span in tag_spans(tags, where):
        touches = span.start == before.stop and span.label == before.label
        prefixes = _prefixes(scheme, span.stop - span.start, touches=touches)
        for place, prefix in enumerate(prefixes, span.start):
            written[place] = f"{prefix}-{span.label}" if span.label else prefix
        before = span
    return written


def scheme_of(rows: Sequence[Sequence[str]]) -> Scheme:
    """The scheme that these tags are written in; iob2 where it cannot be told.

    Example:
        >>> scheme_of([["I-LOC", "O"]]), scheme_of([["B-LOC", "I-LOC"]]), scheme_of([["S-LOC"]]), scheme_of([["U-LOC"]])
        ('iob1', 'iob2', 'iobes', 'bilou')
    """
    letters = {tag[:1] for row in rows for tag in row}
    if letters & set("ESLU"):
        return "iobes" if letters & set("ES") else "bilou"
    return "iob2" if all(list(row) == convert_tags(row, "iob2") for row in rows) else "iob1"


def marks_spans(rows: Sequence[Sequence[Any]]) -> bool:
    """Whether all that stands in these rows are tags of spans.

    Example:
        >>> marks_spans([["O", "B-LOC"], []]), marks_spans([["NOUN", "O"]]), marks_spans([["O"]])
        (True, False, True)
    """
    found = {tag for row in rows for tag in row}
    return bool(found) and all(
        isinstance(tag, str) and (tag == "O" or (tag[1:2] == "-" and tag[0] in "BIESLU")) for tag in found
    )


def may_follow(before: str, tag: str, scheme: Scheme) -> bool:
    """Whether a tag may stand behind another; "" is what stands before the first and behind the last.

    Example:
        >>> may_follow("B-PER", "I-PER", "iob2"), may_follow("B-PER", "I-LOC", "iob2"), may_follow("", "E-LOC", "iobes")
        (True, False, False)
    """
    (last, label), (prefix, new) = (_parts("may_follow", name or "O", 0) for name in (before, tag))
    inside = last in ("B", "I") and prefix in ("I", "E") and new == label
    if scheme in ("iobes", "bilou"):
        return inside or (last not in ("B", "I") and prefix not in ("I", "E"))
    if scheme == "iob2":
        return inside or prefix not in ("I", "E")
    return prefix != "B" or (last in ("B", "I") and new == label)


def check_scheme(where: str, scheme: object) -> None:
    """Refuse a scheme there is not.

    Raises:
        UnknownNameError: none of iob1, iob2, iobes and bilou.
    """
    if scheme not in get_args(Scheme):
        raise unknown_name(where, "scheme", scheme, get_args(Scheme))


def _parts(where: str, tag: str, place: int) -> tuple[str, str]:
    """Prefix and label of a tag."""
    found = _TAG.fullmatch(tag)
    if not found:
        cure = "Tags of spans are O, B-LABEL, I-LABEL, E-LABEL and S-LABEL; other tags need no scheme."
        raise DataError.at(where, "tags", "have a prefix", tag, cure, because=f"step {place}")
    return _SAME.get(found[1], found[1]), found[2] or ""


def _prefixes(scheme: Scheme, length: int, *, touches: bool) -> str:
    """A letter for each step of a span."""
    if scheme == "iob1":
        return ("B" if touches else "I") + "I" * (length - 1)
    if scheme == "iob2" or length == 0:
        return "B" + "I" * (length - 1)
    alone, last = "SE" if scheme == "iobes" else "UL"
    return alone if length == 1 else "B" + "I" * (length - 2) + last
