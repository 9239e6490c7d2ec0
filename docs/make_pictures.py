"""Make the pictures of the documentation again, with the code that the pages show: `python -m docs.make_pictures`.

Every page that shows a picture of `docs/pictures/` which its own code saves is run, and the picture is put there.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from tests.docs.pages import PAGES, ROOT, blocks_of, run_page

PICTURES = ROOT / "docs" / "pictures"


def made_by(page: Path) -> list[str]:
    """Pictures of a page that its own code saves."""
    code = "\n".join(b.text for b in blocks_of(page) if b.language == "python")
    shown = re.findall(r"!\[[^]]*\]\([./\w]*pictures/([\w.]+)\)", page.read_text())
    return [name for name in shown if f'savefig("{name}"' in code]


def main() -> None:
    """Run the pages and move what they draw."""
    os.environ["MPLBACKEND"] = "Agg"
    for page in PAGES:
        if names := made_by(page):
            with tempfile.TemporaryDirectory() as folder:
                run_page(page, Path(folder))
                for name in names:
                    shutil.move(Path(folder) / name, PICTURES / name)
                    print(f"{page.relative_to(ROOT)}: {name}")


if __name__ == "__main__":
    main()
