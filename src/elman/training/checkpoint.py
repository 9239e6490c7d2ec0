"""Model files: one safetensors file, tensors by name, everything else as JSON in its metadata. Nothing in it is run.

A file is written beside its place and moved there whole, so a crash leaves the old one. Its SHA-256 covers names,
types, shapes, numbers and metadata; reading checks it all before anything is believed, so a damaged file is an error
and never a wrong model.

Source: https://github.com/huggingface/safetensors (format, header limits); the digest and the version are ours.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from elman.arguments import as_plain
from elman.errors import FileFormatError, OverwriteError, warn
from elman.paths import check_readable, check_writable

__all__ = ["FORMAT", "Contents", "packed", "read", "unpacked", "write"]

FORMAT = 1
"""Version of the layout; a reader refuses what is newer than itself."""

_KINDS = {
    ".keras": "Keras", ".h5": "HDF5", ".hdf5": "HDF5", ".tf": "TensorFlow", ".pb": "TensorFlow",
    ".tflite": "TensorFlow", ".pt": "PyTorch", ".pth": "PyTorch", ".onnx": "ONNX", ".pkl": "pickle", ".npz": "NumPy",
}  # fmt: skip
"""Whose files names end so."""

_STARTS = {b"PK\x03\x04": "a zip file, as those of Keras are", b"\x89HDF\r\n": "an HDF5 file"}
"""How files of other formats begin."""


class Contents(NamedTuple):
    """What a file holds. Shapes: tensors by name; metadata JSON values by key."""

    tensors: dict[str, np.ndarray]
    metadata: dict[str, Any]


def write(
    path: str | os.PathLike[str], tensors: Mapping[str, np.ndarray], metadata: Mapping[str, Any], overwrite: bool = True
) -> Path:
    """Write a file, whole or not at all.

    Args: metadata: anything JSON can hold; keys beside "elman" and "sha256".
    A name of another format is taken, and warned of: what is written is safetensors under any name.

    Raises: OverwriteError: the file exists and overwrite is false. MissingFileError: its folder does not.
            FolderError: it is a folder. ArgumentError: no path.
    """
    target = check_writable("save", "filepath", path, "model.safetensors")
    if target.exists() and not overwrite:
        raise OverwriteError.at(
            "save", "filepath", "not exist yet", str(target), "Choose another name or pass overwrite=True."
        )
    kind = _KINDS.get(target.suffix.lower())
    if kind is not None:
        told = f"save: filepath must end in .safetensors, the format of the file. Received filepath={str(target)!r}"
        warn(f"{told}, a name of {kind}. It is written, and elman reads it under this name; other programs do not.")
    _replace(target, packed(tensors, metadata))
    return target


def packed(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, Any]) -> bytes:
    """What `write` puts into a file."""
    from safetensors.numpy import save

    arrays = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    texts = {key: json.dumps(value, sort_keys=True, allow_nan=False, default=_plain) for key, value in metadata.items()}
    texts["elman"] = json.dumps({"format": FORMAT})
    texts["sha256"] = json.dumps(_digest(arrays, texts))
    return save(arrays, texts)


def _plain(value: object) -> Any:
    """NumPy's numbers among settings, which JSON does not know, as Python's."""
    plain = as_plain(value)
    if plain is value:
        raise TypeError(f"{type(value).__name__} is not known to JSON")
    return plain


def _replace(target: Path, data: bytes) -> None:
    """Put data in place of a file in one move, on the disk before the old one is gone."""
    # In the same folder: a move from another file system would be a copy, which can stop half-way.
    # Named at random: other threads, and other machines at the same disk, may write to the same place.
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def read(path: str | os.PathLike[str]) -> Contents:
    """Read a file and check it.

    Raises: FileFormatError: truncated, damaged, hostile, of another program or a later version. MissingFileError: no
        such file. FolderError: it is a folder. ArgumentError: no path.
    """
    target = check_readable("load", "path", path, "Name the .safetensors file that save wrote.")
    return unpacked(target.read_bytes(), path)


def unpacked(data: bytes, path: str | os.PathLike[str]) -> Contents:
    """What the bytes of a file hold, checked. path: what errors call them."""
    tensors, texts = _parse(path, data)
    if "elman" not in texts or "sha256" not in texts:
        cure = "Build the model and give it the arrays with set_weights."
        raise FileFormatError.at(
            "load", "path", "a file that elman wrote", str(path), cure, because="it has no elman metadata"
        )
    try:
        metadata = {key: json.loads(value) for key, value in texts.items()}
        version = int(metadata["elman"]["format"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise _damaged(path, f"its metadata cannot be read ({type(error).__name__})") from None
    if version > FORMAT:
        because = f"it has format {version}"
        raise FileFormatError.at(
            "load", "path", f"of format {FORMAT} or older", str(path), "Install a newer elman.", because=because
        )
    if metadata.pop("sha256") != _digest(tensors, texts):
        raise _damaged(path, "its checksum does not fit its contents")
    return Contents(tensors, metadata)


def _parse(path: str | os.PathLike[str], data: bytes) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Tensors and metadata texts; the library checks lengths and offsets before any number is read."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors = load(data)
        size = int.from_bytes(data[:8], "little")
        texts = json.loads(data[8 : 8 + size]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        for start, kind in _STARTS.items():
            if data.startswith(start):
                cure = "Build a model of Keras here again; model.set_weights(keras_model.get_weights()) fills it."
                because = f"it is {kind}"
                raise FileFormatError.at(
                    "load", "path", "a safetensors file", str(path), cure, because=because
                ) from None
        raise _damaged(path, "it is empty" if not data else str(error) or type(error).__name__) from None
    return tensors, texts


def _damaged(path: str | os.PathLike[str], because: str) -> FileFormatError:
    cure = "It is truncated, damaged or no model file: copy or save it again."
    return FileFormatError.at("load", "path", "a whole safetensors file", str(path), cure, because=because)


def _digest(tensors: Mapping[str, np.ndarray], texts: Mapping[str, str]) -> str:
    """SHA-256 over everything a file says, in the order of names."""
    total = hashlib.sha256()
    for key in sorted(texts):
        if key != "sha256":
            total.update(f"{key}\0{texts[key]}\0".encode())
    for name in sorted(tensors):
        array = tensors[name]
        total.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        total.update(array.tobytes())
    return total.hexdigest()
