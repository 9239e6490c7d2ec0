"""Fields by the name of their kind: in a model file, in a config, on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from elman.errors import unknown_name
from elman.fields.audio import Audio
from elman.fields.base import Field
from elman.fields.boxes import Boxes
from elman.fields.category import Category, Labels
from elman.fields.image import Image, Line
from elman.fields.number import Number
from elman.fields.series import Series
from elman.fields.tags import Tags
from elman.fields.text import Text
from elman.fields.tokens import Tokens
from elman.fields.video import Video

__all__ = ["FIELDS", "by_kind", "restore"]

FIELDS: dict[str, type[Field[Any]]] = {
    field.kind: field
    for field in (Audio, Boxes, Category, Image, Labels, Line, Number, Series, Tags, Text, Tokens, Video)
}
"""Every kind of field."""


def by_kind(kind: str, where: str = "by_kind") -> type[Field[Any]]:
    """The class of a kind of field.

    Raises:
        UnknownNameError: no such kind.

    Example:
        >>> by_kind("text").__name__
        'Text'
    """
    if kind not in FIELDS:
        raise unknown_name(where, "kind", kind, FIELDS)
    return FIELDS[kind]


def restore(state: Mapping[str, Any]) -> Field[Any]:
    """The field whose `state()` this is.

    Example:
        >>> restore(Category().fit(["a", "b"]).state()).describe()
        "category: 2 classes: 'a', 'b'"
    """
    return by_kind(state["kind"], "restore").from_state(state)
