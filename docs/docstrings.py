"""The house's docstrings as the API pages show them: headings of their own (Shapes, Source), examples as code.

A Griffe extension, named in `mkdocs.yml`. Griffe knows Google's sections when they stand on lines of their own; the
house writes `Raises:   ShapeError: x is not of rank 3.` on one, has `Shapes`, `Source` and `Call`, and says `Example`
for one example.
"""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

HEADINGS = ("Args", "Attributes", "Raises", "Shapes", "Source", "Sources", "Call", "Example", "Returns", "Cost")
HEADING = re.compile(rf"^({'|'.join(HEADINGS)}): *(.*)$")


def shown(text: str) -> str:
    """A docstring with one paragraph for each part that stands beside its heading, and examples fenced."""
    made: list[str] = []
    example = beside = False
    for line in text.splitlines():
        found = HEADING.match(line)
        if found is not None:
            example, beside = found[1] == "Example", bool(found[2])
            made += ["", "Examples:"] if example else ["", f"**{found[1]}:** {found[2]}"] if beside else [line]
        elif example or not beside:
            made.append(line)
        else:  # goes on with what began beside a heading
            made.append(line.strip())
    return "\n".join(made)


class House(Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Called by Griffe for each module, class, function and attribute."""
        if obj.docstring is not None:
            obj.docstring.value = shown(obj.docstring.value)
