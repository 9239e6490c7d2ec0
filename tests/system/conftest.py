"""What the tests of the command line share."""

from __future__ import annotations

import io
import sys

import pytest

from elman.cli import main


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run `elman ...` in an empty folder, nothing on standard input: exit code, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    showwarning = __import__("warnings").showwarning

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["elman", *map(str, arguments)])
        monkeypatch.setattr("warnings.showwarning", showwarning)
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        else:
            code = 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
