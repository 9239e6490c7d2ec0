"""A model file is read whole and right, or refused: truncated, flipped, hostile, foreign, too new."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from elman.errors import FileFormatError, OverwriteError
from elman.training.checkpoint import FORMAT, read, write

TENSORS = {
    "dense/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "dense/bias": np.zeros(4, np.float64),
    "count": np.asarray(7, np.int32),
    "empty": np.zeros((0, 3), np.float32),
}
METADATA = {"kind": "model", "note": {"words": ["ü", 1, None]}}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "m.safetensors", TENSORS, METADATA)


def header_of(data: bytes) -> tuple[dict, bytes]:
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def with_header(header: dict, rest: bytes) -> bytes:
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + rest


def test_what_is_written_is_read(file: Path) -> None:
    found = read(file)
    assert set(found.tensors) == set(TENSORS)
    for name, array in TENSORS.items():
        assert found.tensors[name].dtype == array.dtype
        assert found.tensors[name].shape == array.shape
        np.testing.assert_array_equal(found.tensors[name], array)
    assert found.metadata == {**METADATA, "elman": {"format": FORMAT}}


def test_an_old_file_is_replaced_whole_and_nothing_is_left_beside_it(file: Path) -> None:
    write(file, {"x": np.ones(2, np.float32)}, {})
    assert list(read(file).tensors) == ["x"]
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_an_old_file_is_not_lost(file: Path) -> None:
    with pytest.raises(OverwriteError, match=r"save: filepath must not exist yet\. .* pass overwrite=True\."):
        write(file, {}, {}, overwrite=False)
    assert set(read(file).tensors) == set(TENSORS)


def test_a_failed_write_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write(file, {"x": np.ones(2, np.float32)}, {})
    assert set(read(file).tensors) == set(TENSORS)
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_a_missing_file_is_not_a_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "none.safetensors")


def test_every_truncation_is_refused(file: Path) -> None:
    data = file.read_bytes()
    for length in range(len(data)):
        file.write_bytes(data[:length])
        with pytest.raises(FileFormatError, match=r"load: path must be a "):
            read(file)


def test_every_flipped_bit_is_refused(file: Path) -> None:
    data = file.read_bytes()
    for at in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            file.write_bytes(damaged)
            try:
                found = read(file)
            except FileFormatError:
                continue
            # A flipped bit in the padding of the header changes nothing a reader sees.
            assert found.metadata == {**METADATA, "elman": {"format": FORMAT}}
            for name, array in TENSORS.items():
                np.testing.assert_array_equal(found.tensors[name], array)


def test_random_bytes_are_refused(file: Path, rng: np.random.Generator) -> None:
    for size in (0, 1, 7, 8, 9, 100, 5000):
        file.write_bytes(rng.bytes(size))
        with pytest.raises(FileFormatError, match="It is truncated, damaged or no model file"):
            read(file)


@pytest.mark.parametrize("length", [0, 1 << 20, 1 << 40, (1 << 64) - 1])
def test_a_hostile_header_length_is_refused(file: Path, length: int) -> None:
    data = file.read_bytes()
    file.write_bytes(length.to_bytes(8, "little") + data[8:])
    with pytest.raises(FileFormatError, match="It is truncated, damaged or no model file"):
        read(file)


@pytest.mark.parametrize(
    "entry",
    [
        {"data_offsets": [0, 1 << 50]},
        {"data_offsets": [-8, 40]},
        {"data_offsets": [8, 0]},
        {"data_offsets": [0, 8]},
        {"shape": [1 << 62, 1 << 62]},
        {"shape": [-3, 4]},
        {"dtype": "OBJECT"},
        {"dtype": 5},
        {"shape": "three"},
    ],
)
def test_hostile_tensors_are_refused(file: Path, entry: dict) -> None:
    header, rest = header_of(file.read_bytes())
    header["dense/kernel"].update(entry)
    file.write_bytes(with_header(header, rest))
    with pytest.raises(FileFormatError, match="It is truncated, damaged or no model file"):
        read(file)


def test_overlapping_tensors_are_refused(file: Path) -> None:
    header, rest = header_of(file.read_bytes())
    header["dense/bias"]["data_offsets"] = header["dense/kernel"]["data_offsets"]
    file.write_bytes(with_header(header, rest))
    with pytest.raises(FileFormatError):
        read(file)


def test_deeply_nested_metadata_is_refused(file: Path) -> None:
    header, rest = header_of(file.read_bytes())
    header["__metadata__"]["note"] = "[" * 200_000
    file.write_bytes(with_header(header, rest))
    with pytest.raises(FileFormatError, match="its metadata cannot be read"):
        read(file)


@pytest.mark.parametrize("change", [{"kind": '"weights"'}, {"note": "1"}, {"more": "2"}])
def test_changed_metadata_are_refused(file: Path, change: dict) -> None:
    header, rest = header_of(file.read_bytes())
    header["__metadata__"].update(change)
    file.write_bytes(with_header(header, rest))
    with pytest.raises(FileFormatError, match="its checksum does not fit its contents"):
        read(file)


def test_a_renamed_tensor_is_refused(file: Path) -> None:
    header, rest = header_of(file.read_bytes())
    header["dense/kernel_"] = header.pop("dense/kernel")
    file.write_bytes(with_header(header, rest))
    with pytest.raises(FileFormatError, match="its checksum does not fit its contents"):
        read(file)


def test_a_later_version_is_refused(file: Path) -> None:
    header, rest = header_of(file.read_bytes())
    header["__metadata__"]["elman"] = json.dumps({"format": FORMAT + 1})
    file.write_bytes(with_header(header, rest))
    with pytest.raises(FileFormatError, match=r"of format 1 or older\. .*: it has format 2\. Install a newer elman\."):
        read(file)


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.ones(3, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(
        FileFormatError, match=r"a file that elman wrote\. .* Load foreign weights with elman\.interop\."
    ):
        read(tmp_path / "other.safetensors")
