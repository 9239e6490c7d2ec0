"""The README's table of extras is that of pyproject.toml, and every error that asks for one names what brings it."""

from __future__ import annotations

import re
import tomllib

from tests.docs.pages import ROOT

FOR_DEVELOPERS = {"dev", "docs", "oracle", "test"}
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
PACKAGES = {name: {re.split(r"[>=<]", need)[0] for need in needs} for name, needs in EXTRAS.items()}


def test_the_readme_names_every_extra_and_what_it_brings():
    rows = re.findall(
        r'^\| `pip install "elman\[(\w+)\]"` \| ([^|]+) \| ([^|]+) \|$', (ROOT / "README.md").read_text(), re.MULTILINE
    )
    told = {name: set(re.findall(r"`([^`]+)`", brings)) for name, _, brings in rows}
    assert told == {name: packages for name, packages in PACKAGES.items() if name not in FOR_DEVELOPERS}
    assert [name for name, *_ in rows] == sorted(told)


def test_errors_ask_for_extras_that_bring_what_is_missing():
    asked = set()
    for path in (ROOT / "src").rglob("*.py"):
        asked |= set(re.findall(r'raise missing_extra\([^"\n]*(?:"\w+", )?"(\w+)", "(\w+)"\)', path.read_text()))
    assert {extra for _, extra in asked} == set(PACKAGES) - FOR_DEVELOPERS
    for module, extra in asked:
        assert module.replace("_", "-") in PACKAGES[extra] or module in PACKAGES[extra]
