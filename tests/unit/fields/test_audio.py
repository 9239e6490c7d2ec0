"""Sound: files, rates, steps of ten milliseconds; damaged files; what a tone looks like in bands of frequency."""

from __future__ import annotations

import io
import sys

import numpy as np
import pytest

from elman.errors import ArgumentError, DataError, DTypeError, MissingExtraError
from elman.fields import Audio
from elman.fields.audio import resample
from tests.tolerances import nearly

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("kaldi_native_fbank")


def tone(hertz: float, seconds: float = 0.5, rate: int = 8000) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate).astype("float32")


def wav(sound: np.ndarray, rate: int = 8000, **options) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, rate, format="wav", **options)
    return file.getvalue()


def energies(sample, **settings) -> np.ndarray:
    field = Audio(mels=20, **settings)
    return field.fit([sample]).decode(field.encode([sample]))[0]


def test_a_path_bytes_a_pair_and_an_array_are_one_sound(tmp_path):
    sound = tone(440)
    path = tmp_path / "tone.wav"
    path.write_bytes(wav(sound, subtype="FLOAT"))
    wanted = energies((sound, 8000))
    for sample in (path, str(path), path.read_bytes()):
        assert np.array_equal(energies(sample), wanted)
    assert np.array_equal(energies(sound, rate=8000), wanted)
    assert np.array_equal(energies((np.stack([sound, sound], axis=1), 8000)), wanted)


def test_whole_numbers_are_fractions_of_their_type():
    loud = np.rint(tone(440) * 32767).astype("int16")
    assert np.array_equal(energies((loud, 8000)), energies((loud / np.float32(32768), 8000)))


def test_a_higher_tone_lies_in_a_higher_band():
    bands = [int(energies((tone(hertz), 8000)).mean(axis=0).argmax()) for hertz in (200, 500, 1000, 3000)]
    assert bands == sorted(set(bands))


def test_a_step_is_ten_milliseconds():
    assert len(energies((tone(440, seconds=0.73), 8000))) == 73


def test_neighbouring_steps_become_one_and_their_energies_come_back():
    sound = (tone(440, seconds=0.5), 8000)
    field = Audio(mels=20, stack=3).fit([sound])
    (encoded,) = field.encode([sound])
    assert encoded.shape == (17, 60) == (17, field.shape[1])
    found = field.decode([encoded])[0]
    assert found[:50] == nearly(energies(sound), dtype=np.float32)
    assert np.array_equal(found[50], found[49])
    assert "30 ms a step" in field.describe()


def test_the_most_frequent_rate_wins_and_others_are_resampled():
    slow, fast = (tone(440), 8000), (tone(440, rate=16000), 16000)
    field = Audio(mels=20).fit([slow, slow, fast])
    assert field.learned()["rate"] == 8000
    one, other = field.decode(field.encode([slow, fast]))
    assert len(one) == len(other)
    loudest = one.mean(axis=0).argmax()
    assert np.all(np.abs(one[5:-5, loudest] - other[5:-5, loudest]) < 0.1)


@pytest.mark.parametrize(("rate", "wanted"), [(16000, 8000), (8000, 16000), (44100, 16000)])
def test_resampling_keeps_a_tone(rate, wanted):
    sound = resample(tone(440, rate=rate), rate, wanted)
    inside = slice(200, -200)
    assert np.abs(sound[inside] - tone(440, rate=wanted)[inside]).max() < 0.02


def test_no_sound_has_no_steps_and_silence_is_finite():
    field = Audio(8000, mels=20).fit([np.zeros(800), np.zeros(0)])
    assert [len(steps) for steps in field.encode([np.zeros(0), np.zeros(800)])] == [0, 10]
    assert np.all(np.isfinite(field.encode([np.zeros(800)])))


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all", wav(tone(440))[:30]])
def test_a_damaged_file_is_named_with_its_row(content, tmp_path):
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"Audio.fit: values must be whole sounds. .*bad.wav'?: row 1: "):
        Audio().fit([wav(tone(440)), path])


def written(format: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, tone(440), 8000, format=format)
    return file.getvalue()


@pytest.mark.parametrize("format", ["wav", "aiff", "au"])
@pytest.mark.parametrize("max_length", [None, 5])
def test_a_file_that_is_cut_off_is_named_with_what_is_missing(format, max_length, tmp_path):
    path, whole = tmp_path / f"cut.{format}", written(format)
    path.write_bytes(whole[:-3000])
    text = rf"be whole sounds. .*cut.{format}'?: row 1: .* cut off: its header promises 80\d\d bytes of sound, 50\d\d"
    with pytest.raises(DataError, match=text):
        Audio(max_length=max_length).fit([whole, path])
    field = Audio().fit([whole])
    with pytest.raises(DataError, match=r"Audio.encode: values must be whole sounds. .*: row 0: it is cut off"):
        field.encode([path.read_bytes()])


def unfinished(size: int) -> bytes:
    """A sound whose header tells of a size."""
    sound = written("wav")
    place = sound.index(b"data") + 4
    return sound[:place] + size.to_bytes(4, "little") + sound[place + 4 :]


def test_a_header_that_was_never_finished():
    with pytest.raises(DataError, match="row 0: its header promises no sound, and something follows that is no part"):
        Audio(mels=20).fit([unfinished(0)])
    endless = unfinished(0xFFFFFFFF)  # as programs write that do not know yet how long it will be
    assert len(Audio(mels=20).fit([endless]).encode([endless])[0]) == 50


def test_a_header_without_a_sound_is_cut_off_and_a_few_samples_are_overlooked():
    with pytest.raises(DataError, match=r"row 0: .* promises 8000 bytes of sound, 0 are there"):
        Audio(mels=20).fit([wav(tone(440))[:44]])
    assert Audio(mels=20).fit([wav(tone(440))[:-20]]).fitted


@pytest.mark.parametrize("size", [2**32 - 1, 2**31 - 1])
def test_a_sound_written_into_a_pipe_does_not_know_its_length(size):
    whole, unknown = wav(tone(440)), size.to_bytes(4, "little")
    piped = whole[:4] + unknown + whole[8:40] + unknown + whole[44:]
    assert np.array_equal(energies(piped), energies(whole))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Audio(mels=2), ArgumentError, r"Audio: mels must be at least 3. Received mels=2"),
        (lambda: Audio(stack=0), ArgumentError, r"Audio: stack must be at least 1. Received stack=0"),
        (lambda: Audio(rate=8), ArgumentError, r"Audio: rate must be at least 1000"),
        (
            lambda: Audio().fit([tone(440)]),
            DataError,
            r"Audio.fit: values must have a rate. Received values='an array': row 0. Pass Audio\(rate=8000\)",
        ),
        (
            lambda: Audio().fit(["no.wav"]),
            DataError,
            r"files of sound. Received values='no.wav': row 0: there is no such",
        ),
        (lambda: Audio().fit([3]), DTypeError, r"be paths, bytes, pairs \(array, rate\) or arrays. .*: row 0"),
        (lambda: Audio(8000).fit([np.full(9, np.nan)]), DataError, r"Audio.fit: values must be finite. .*: row 0"),
        (lambda: Audio(8000).fit([np.zeros((2, 2, 2))]), DataError, r"\(samples,\) or \(samples, channels\)"),
    ],
)
def test_bad_input_is_named(call, error, text):
    with pytest.raises(error, match=text):
        call()


@pytest.mark.parametrize("library", ["soundfile", "kaldi_native_fbank"])
def test_without_the_libraries_it_says_what_to_install(library, monkeypatch):
    sample = wav(tone(440))
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf'{library} must be installed. .*pip install "elman\[audio\]"'):
        Audio().fit([sample])


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int8", "int16", "int32"])
def test_whole_numbers_are_centred_and_scaled_as_files_are(kind):
    sound = tone(440)
    half = 2.0 ** (np.iinfo(kind).bits - 1)
    center = half if kind.startswith("u") else 0.0
    whole = np.clip(np.rint(sound * half + center), np.iinfo(kind).min, np.iinfo(kind).max).astype(kind)
    again = ((whole - center) / half).astype("float32")
    field = Audio(mels=20).fit([(sound, 8000)])
    assert np.array_equal(field.encode([(whole, 8000)])[0], field.encode([(again, 8000)])[0])
    if kind == "uint8":
        assert np.array_equal(field.encode([wav(again, subtype="PCM_U8")])[0], field.encode([(whole, 8000)])[0])


@pytest.mark.parametrize("kind", ["int64", "uint64"])
def test_whole_numbers_of_64_bits_are_refused(kind):
    sound = (tone(440) * 1000).astype("int16")
    field = Audio(mels=20).fit([(sound, 8000)])
    rule = rf"be floats, or whole numbers of the type that was recorded.* Received dtype {kind}: row 1\. .*'int16'\)"
    with pytest.raises(DTypeError, match=rule):
        field.encode([(sound, 8000), (sound.astype(kind), 8000)])


def test_channels_that_stand_first_are_refused():
    rule = r"\(samples, channels\)\. Received values=\(2, 8000\): row 1: more channels than samples\. Pass array\.T"
    sound = tone(440, 1.0)
    with pytest.raises(DataError, match=rule):
        Audio().fit([(sound, 8000), (np.stack([sound, sound]), 8000)])
    both = Audio().fit([(np.stack([sound, sound], 1), 8000)])
    assert len(both.encode([(np.zeros((0, 2)), 8000)])[0]) == 0


@pytest.mark.parametrize(
    ("sample", "error", "text"),
    [
        (([0.0] * 800, np.nan), DataError, r"have a rate: samples a second. Received values=nan: row 0. A pair is"),
        (([0.0] * 800, "8k"), DataError, r"have a rate: samples a second. Received values='8k'"),
        (([0.0] * 800, None), DataError, r"have a rate: samples a second. Received values=None"),
        (([0.0, "loud"], 8000), DataError, r"row 0: values must be numbers. Received values='loud': row 1"),
        ((np.zeros(800, complex), 8000), DTypeError, r"be sounds of numbers. Received dtype complex128: row 0"),
        ((np.array(["a", "b"]), 8000), DTypeError, r"be sounds of numbers. Received dtype <U1: row 0"),
    ],
)
def test_pairs_that_are_no_sound_and_rate_are_named(sample, error, text):
    with pytest.raises(error, match=text):
        Audio().fit([sample])


def test_a_sound_may_be_a_list():
    sound = tone(440)
    field = Audio(mels=20).fit([(sound, 8000.0)])
    np.testing.assert_array_equal(field.encode([(sound.tolist(), 8000)]), field.encode([(sound, 8000)]))


@pytest.mark.parametrize("call", ["fit", "encode"])
def test_floats_that_were_never_scaled_are_refused(call):
    tone = np.sin(np.arange(1600) / 9)
    field = Audio().fit([(1.5 * tone, 16000)])  # a little too loud is a sound
    with pytest.raises(DataError, match=r"must be floats from -1 to 1, or whole numbers\. .*: row 1\. Divide by 32768"):
        getattr(field, call)([(tone, 16000), (20000 * tone, 16000)])
