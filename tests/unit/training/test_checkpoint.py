"""A model file is read whole and right, or refused: truncated, flipped, hostile, foreign, too new."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from elman.errors import ArgumentError, ElmanWarning, FileFormatError, FolderError, MissingFileError, OverwriteError
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


def test_a_missing_file_is_not_a_damaged_one(file: Path, tmp_path: Path) -> None:
    near = file.with_name(f"{file.stem}s.safetensors")
    with pytest.raises(FileNotFoundError, match=r"load: path must be an existing file\. Received path='") as error:
        read(near)
    assert re.search(rf"there is none in '.*'\. Did you mean '{file.name}'\?$", str(error.value))
    with pytest.raises(MissingFileError, match=r"there is none in '.*'\. Check the name\."):
        read(tmp_path / "0")
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*new'\. Paths begin in the working folder, '"):
        read(tmp_path / "new" / "m.safetensors")
    with pytest.raises(FolderError, match=r"load: path must be a file\. .*: it is a folder\. Name the"):
        read(tmp_path)


def test_what_is_no_path_is_refused() -> None:
    for wrong in (None, 3, b"m", ["m"]):
        with pytest.raises(ArgumentError, match=r"load: path must be a path\. Received path=.* For example 'model"):
            read(wrong)  # type: ignore[arg-type]
        with pytest.raises(ArgumentError, match=r"save: filepath must be a path\. Received filepath="):
            write(wrong, {}, {})  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5", ".HDF5", ".pt"])
def test_a_name_of_another_format_is_taken_and_warned_of(tmp_path: Path, suffix: str) -> None:
    rule = rf"filepath must end in \.safetensors, .*m{suffix}', a name of \w+\. It is written, and elman reads it"
    with pytest.warns(ElmanWarning, match=rule) as seen:
        write(tmp_path / f"m{suffix}", TENSORS, METADATA)
    assert seen[0].filename == __file__
    assert set(read(tmp_path / f"m{suffix}").tensors) == set(TENSORS)


@pytest.mark.parametrize("name", ["m", "m.1", "m.bin"])
def test_a_name_of_no_format_is_as_good(tmp_path: Path, name: str) -> None:
    assert set(read(write(tmp_path / name, TENSORS, METADATA)).tensors) == set(TENSORS)


@pytest.mark.parametrize(("start", "kind"), [(b"PK\x03\x04", "a zip file"), (b"\x89HDF\r\n\x1a\n", "an HDF5 file")])
def test_files_of_keras_are_known(file: Path, start: bytes, kind: str) -> None:
    file.write_bytes(start + bytes(range(200)))
    rule = rf"path must be a safetensors file\. .*: it is {kind}.*model\.set_weights\(keras_model\.get_weights\(\)\)"
    with pytest.raises(FileFormatError, match=rule):
        read(file)


def test_an_empty_file_is_said_to_be_empty(file: Path) -> None:
    file.write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"': it is empty\. It is truncated, damaged or no model file"):
        read(file)


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
        FileFormatError, match=r"a file that elman wrote\. .* Build the model and give it the arrays with set_weights\."
    ):
        read(tmp_path / "other.safetensors")
