"""Fields: columns <-> arrays. They know no graph and no layer."""

from elman.fields.base import Field
from elman.fields.calendar import Calendar
from elman.fields.frames import Table
from elman.fields.series import Series
from elman.fields.timeline import Timeline
from elman.fields.windows import horizons, origins, windows

__all__ = ["Calendar", "Field", "Series", "Table", "Timeline", "horizons", "origins", "windows"]
