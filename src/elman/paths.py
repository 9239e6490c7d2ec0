"""Paths among arguments: whether there is a file to read, and whether one can be written."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

from elman.errors import ArgumentError, FolderError, MissingFileError

__all__ = ["check_readable", "check_writable"]


def check_writable(where: str, argument: str, path: Any, example: str = "") -> Path:
    """The path of a file that can be written.

    Args:
        where, argument: who asks and how it is called, for errors.
        path: of the file; it may exist.
        example: a name such files have; "": none is told.

    Raises:
        FolderError: it is a folder. MissingFileError: there is no folder for it. ArgumentError: no path.

    Example:
        >>> check_writable("save", "filepath", "nowhere/model.safetensors")
        Traceback (most recent call last):
            ...
        elman.errors.MissingFileError: save: filepath must be in an existing folder. \
Received filepath='nowhere/model.safetensors': there is no folder 'nowhere'. Create it first.
    """
    target = _as_path(where, argument, path, example)
    if target.is_dir():
        cure = f"Add a file name, as {example}." if example else "Add a file name."
        raise FolderError.at(where, argument, "a file", str(target), cure, because="it is a folder")
    if not target.parent.is_dir():
        because, cure = f"there is no folder {str(target.parent)!r}", "Create it first."
        raise MissingFileError.at(where, argument, "in an existing folder", str(target), cure, because=because)
    return target


def check_readable(where: str, argument: str, path: Any, cure: str, example: str = "model.safetensors") -> Path:
    """The path of a file that exists.

    Args:
        where, argument: who asks and how it is called, for errors.
        path: of the file.
        cure: what to name instead of a folder.
        example: a name such files have.

    Raises:
        FolderError: it is a folder. MissingFileError: there is none; what has a like name is told. ArgumentError: no
            path.
    """
    target = _as_path(where, argument, path, example)
    if target.is_dir():
        raise FolderError.at(where, argument, "a file", str(target), cure, because="it is a folder")
    if not target.exists():
        because, cure = _beside(target)
        raise MissingFileError.at(where, argument, "an existing file", str(target), cure, because=because)
    return target


def _as_path(where: str, argument: str, path: Any, example: str) -> Path:
    """Raises: ArgumentError: no path."""
    if not isinstance(path, str | os.PathLike):
        raise ArgumentError.at(where, argument, "a path", path, f"For example {example!r}." if example else "")
    return Path(path)


def _beside(target: Path) -> tuple[str, str]:
    """Where a file is not, and what is there instead of it."""
    if not target.parent.is_dir():
        cure = f"Paths begin in the working folder, {str(Path.cwd())!r}."
        return f"there is no folder {str(target.parent)!r}", cure
    near = difflib.get_close_matches(target.name, [p.name for p in target.parent.iterdir() if p.is_file()], n=3)
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else "Check the name."
    return f"there is none in {str(target.parent.resolve())!r}", hint
