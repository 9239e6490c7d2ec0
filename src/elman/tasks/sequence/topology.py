"""Which network follows from the types of inputs and outputs: one table, read from the top.

output              input                     head                         shape
text, tokens        the same column           next token                   many to many, shifted by one
text, tokens        audio, line, video        transcribe (CTC)             many to many, monotonic
text, tokens        image, number, category   write (decoder)              one to many
text, tokens        anything else             write (decoder)              many to many, unequal
boxes               anything                  detect (decoder)             one to many
tags                a sequence                tag                          many to many, aligned
series              a sequence                follow                       many to many, aligned
category, labels,   a sequence                classify, label, regress     many to one
number              no sequence               classify, label, regress     one to one
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from elman.errors import ArgumentError
from elman.fields import Field

__all__ = ["Choice", "choose"]

_SYMBOLS = ("text", "tokens")
_SHORTER = ("line",)
_MONOTONIC = ("audio", "line", "video", "series")
_WHOLE = {"category": "classify", "labels": "label", "number": "regress"}
_STEPS = {"tags": "tag", "series": "follow"}


@dataclasses.dataclass(frozen=True)
class Choice:
    """How one output is made.

    Args:
        output: its name.
        head: which head makes it.
        shape: "one to one", "many to one" ...
        source: the input it follows step by step or reads from; "" where all are read as one.
        reason: why, as a sentence.
    """

    output: str
    head: str
    shape: str
    source: str
    reason: str


def choose(inputs: Mapping[str, Field[Any]], outputs: Mapping[str, Field[Any]]) -> list[Choice]:
    """A choice for each output.

    Raises:
        ArgumentError: nothing goes in or comes out; tags or a series without a sequence to follow; a column that
            cannot come out, or not from itself.

    Example:
        >>> from elman.fields import Category, Text
        >>> print(choose({"review": Text()}, {"stars": Category()})[0].reason)
        'review' is a sequence and 'stars' is one class: the steps are pooled, and a softmax chooses.
    """
    for argument, given in (("inputs", inputs), ("outputs", outputs)):
        if not given:
            raise ArgumentError.at("SequenceModel", argument, "at least one column", [], "For example ['text'].")
    return [_choice(inputs, name, field) for name, field in outputs.items()]


def _choice(inputs: Mapping[str, Field[Any]], name: str, field: Field[Any]) -> Choice:
    sequences = [key for key, value in inputs.items() if value.sequence and key != name]
    source = sequences[0] if sequences else ""
    if field.kind in _SYMBOLS:
        return _symbols(inputs, name, source)
    if name in inputs:
        cure = "Give what it should be told from; only text and tokens are foretold from what is before them."
        received = f"{name}:{field.kind}"
        raise ArgumentError.at("SequenceModel", "outputs", "no column that goes in, too", received, cure)
    if field.kind in _STEPS:
        whole = [key for key in sequences if inputs[key].kind not in _SHORTER]
        return _aligned(name, field, whole[0] if whole else "", source)
    if field.kind in _WHOLE:
        return _whole(inputs, name, field, source)
    if field.kind == "boxes":
        reason = f"all that goes in is one vector: a decoder gives {name!r} one by one, until it says there is no more."
        return Choice(name, "detect", "one to many", "", reason)
    cure = "Outputs are boxes, category, labels, number, tags, series, text or tokens."
    raise ArgumentError.at("SequenceModel", "outputs", "of a kind that can be made", f"{name}:{field.kind}", cure)


def _symbols(inputs: Mapping[str, Field[Any]], name: str, source: str) -> Choice:
    if name in inputs:
        reason = f"{name!r} goes in and comes out: the next token is foretold from those before it."
        return Choice(name, "next", "many to many, shifted by one", "", reason)
    if source and inputs[source].kind in _MONOTONIC:
        reason = (
            f"{source!r} ({inputs[source].kind}) and {name!r} run in the same order without being aligned: "
            "CTC finds the alignment."
        )
        return Choice(name, "transcribe", "many to many, monotonic", source, reason)
    if not source:
        picture = next((key for key, value in inputs.items() if value.kind == "image"), "")
        look = f", with a look at the parts of {picture!r} at each." if picture else " from one vector."
        reason = f"nothing that goes in is a sequence: {name!r} is written token by token{look}"
        return Choice(name, "write", "one to many", picture, reason)
    reason = (
        f"{source!r} and {name!r} differ in length and order: a decoder writes {name!r} and looks back at each step."
    )
    return Choice(name, "write", "many to many, unequal", source, reason)


def _aligned(name: str, field: Field[Any], source: str, shorter: str) -> Choice:
    if shorter and not source:
        cure = "Give a column whose steps stay as many, or let a text, a category or a number come out."
        because = f"{shorter!r} is a line, of which four columns become one step"
        raise ArgumentError.at("SequenceModel", "outputs", "along steps that stay", name, cure, because=because)
    if not source:
        cure = "Give the sequence its steps belong to, or choose category or number."
        raise ArgumentError.at("SequenceModel", "outputs", "along a sequence that goes in", name, cure)
    if getattr(field, "missing", "error") == "indicate":
        cure = "Pass Series(missing='interpolate'): only what goes in may have gaps."
        raise ArgumentError.at("SequenceModel", "outputs", "a series without gaps", f"{name}: missing='indicate'", cure)
    what = "a tag" if field.kind == "tags" else "numbers"
    reason = f"{name!r} has {what} for each step of {source!r}: every step gets its own answer."
    return Choice(name, _STEPS[field.kind], "many to many, aligned", source, reason)


def _whole(inputs: Mapping[str, Field[Any]], name: str, field: Field[Any], source: str) -> Choice:
    if getattr(field, "missing", "error") != "error":
        cure = "Leave out rows without a number: only what goes in may have gaps."
        raise ArgumentError.at("SequenceModel", "outputs", "numbers without gaps", f"{name}: missing='mean'", cure)
    what, how = {
        "category": ("one class", "a softmax chooses"),
        "labels": ("any number of labels", "a sigmoid for each decides"),
        "number": ("a number", "a dense layer gives it"),
    }[field.kind]
    if source:
        reason = f"{source!r} is a sequence and {name!r} is {what}: the steps are pooled, and {how}."
        return Choice(name, _WHOLE[field.kind], "many to one", source, reason)
    given = ", ".join(map(repr, inputs))
    reason = f"{given} {'is' if len(inputs) == 1 else 'are'} no sequence and {name!r} is {what}: {how}."
    return Choice(name, _WHOLE[field.kind], "one to one", "", reason)
