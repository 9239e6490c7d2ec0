"""Fields: columns <-> arrays. They know no graph and no layer."""

from elman.fields.audio import Audio
from elman.fields.base import BOS, EOS, MAX_LENGTH, PAD, UNK, Field
from elman.fields.boxes import Boxes
from elman.fields.calendar import Calendar
from elman.fields.category import Category, Labels
from elman.fields.frames import Table
from elman.fields.guessing import Guess, guess
from elman.fields.image import Image, Line
from elman.fields.number import Number
from elman.fields.registry import FIELDS, by_kind, restore
from elman.fields.series import Series
from elman.fields.spans import Span, convert_tags, marks_spans, tag_spans
from elman.fields.tags import Tags
from elman.fields.text import Text
from elman.fields.timeline import Timeline
from elman.fields.tokens import Tokens
from elman.fields.video import Video
from elman.fields.windows import horizons, origins, windows

__all__ = [
    "BOS",
    "EOS",
    "FIELDS",
    "MAX_LENGTH",
    "PAD",
    "UNK",
    "Audio",
    "Boxes",
    "Calendar",
    "Category",
    "Field",
    "Guess",
    "Image",
    "Labels",
    "Line",
    "Number",
    "Series",
    "Span",
    "Table",
    "Tags",
    "Text",
    "Timeline",
    "Tokens",
    "Video",
    "by_kind",
    "convert_tags",
    "guess",
    "horizons",
    "marks_spans",
    "origins",
    "restore",
    "tag_spans",
    "windows",
]
