"""Sound as log-mel energies, ten milliseconds a step. The only file that knows soundfile and kaldi-native-fbank.

The features are Kaldi's (Povey et al. 2011), without dither, so the same sound gives the same numbers.
"""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from elman import settings
from elman.errors import ArgumentError, DataError, DTypeError, missing_extra
from elman.fields.base import MAX_LENGTH, Encoded, Field
from elman.fields.samples import rows_of, samples_of, together, truncated
from elman.fields.scaling import Moments, as_numbers

__all__ = ["SOUND_FILES", "Audio", "resample"]

_Sound = npt.NDArray[np.float32]
_SHIFT = 0.01
_FULL_SCALE = 32768.0
_LOUDEST = 10.0
"""Of floats, whose full scale is 1: what is mixed may be above it, what is far above was never scaled."""
_UNKNOWN_SIZE = 0x7FFF0000
"""Programs that write into a pipe leave such sizes, or larger ones, in the header of a wav."""

SOUND_FILES = (".wav", ".flac", ".ogg", ".mp3", ".aiff", ".aif", ".au", ".opus")


class Audio(Field[Any]):
    """Sound as a sequence of log-mel energies, each band scaled by the training part (extra `audio`).

    A sample is the path of a file, the bytes of one, a pair (array, rate), or an array where `rate` is given. Several
    channels are averaged; another rate is resampled.

    Args:
        rate: samples a second that sounds are brought to; None: the most frequent of the training part.
        mels: bands of frequency.
        stack: neighbouring steps that become one: 3 makes steps of 30 ms, which speech to text learns from sooner.
        max_length: steps, of 10 ms, beyond which a sound is cut, with a warning; None: never. No more is read.

    Shapes:
        encode: N sounds -> (N, T, mels * stack) or N arrays (T_i, mels * stack); decode: such -> log-mel energies
        before scaling, (T_i * stack, mels). A last step that is not full repeats its end; a sound without samples has
        no steps.

    Raises:
        ArgumentError: mels, rate or stack out of range.
        DataError: no samples, no such file, one damaged or cut off, NaN; the row is named. An array without a rate, or
            with one that is none.
        DTypeError: no sounds, or whole numbers of 64 bits, which nobody records: their full scale is not known.
        MissingExtraError: without soundfile (files) or kaldi-native-fbank.

    Example:
        >>> wave = np.sin(np.arange(4000) * 0.3).astype("float32")
        >>> field = Audio(rate=8000, mels=20).fit([wave])
        >>> field.shape, field.encode([wave, wave[:800]])[1].shape
        ((None, 20), (10, 20))
        >>> print(field.describe())
        audio: 20 log-mel bands, 10 ms a step, 8000 samples a second
    """

    kind: ClassVar[str] = "audio"
    sequence: ClassVar[bool] = True

    def __init__(
        self, rate: int | None = None, mels: int = 40, max_length: int | None = MAX_LENGTH, stack: int = 1
    ) -> None:
        lowest = {"rate": (rate, 1000), "mels": (mels, 3), "max_length": (max_length, 1), "stack": (stack, 1)}
        for name, (value, low) in lowest.items():
            if value is not None and value < low:
                raise ArgumentError.at("Audio", name, f"at least {low}", value)
        self.rate, self.mels, self.max_length, self.stack = rate, mels, max_length, stack
        self._rate = rate or 0
        self._center, self._scale = np.zeros(mels), np.ones(mels)

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None, mels * stack)."""
        return (None, self.mels * self.stack)

    def fit(self, values: Any) -> Self:
        """Learn the rate, and center and scale of each band, from the training part."""
        samples = samples_of("Audio.fit", values, fitting=True)
        if self.rate is None:
            rates = Counter(self._read("Audio.fit", row, sample, seconds=0.0)[1] for row, sample in enumerate(samples))
            self._rate = rates.most_common(1)[0][0]
        moments = Moments(self.mels)
        for row, sample in enumerate(samples):
            moments.add(self._mels("Audio.fit", row, sample))
        self._center, self._scale = moments.center_and_scale()
        self.fitted = True
        return self

    def encode(self, values: Any) -> Encoded:
        """Sounds -> sequences of scaled log-mel energies."""
        self._check_fitted("encode")
        samples = samples_of("Audio.encode", values)
        mels = [self._mels("Audio.encode", row, sample) for row, sample in enumerate(samples)]
        scaled = [
            _stacked((steps - self._center) / self._scale, self.stack).astype(settings.floatx())
            for steps in truncated("Audio.encode", mels, self.max_length)
        ]
        return together(scaled) if scaled else np.zeros((0, 0, self.mels * self.stack), settings.floatx())

    def decode(self, batch: Any, lengths: Any = None) -> list[npt.NDArray[np.float64]]:
        """Scaled energies -> log-mel energies; the sound itself does not come back."""
        self._check_fitted("decode")
        rows = (np.asarray(row, "float64").reshape(-1, self.mels) for row in rows_of(batch, lengths))
        return [row * self._scale + self._center for row in rows]

    def describe(self) -> str:
        """One line on bands and rate."""
        if not self.fitted:
            return f"audio: {self.mels} log-mel bands, not fitted"
        return f"audio: {self.mels} log-mel bands, {10 * self.stack} ms a step, {self._rate} samples a second"

    def learned(self) -> dict[str, Any]:
        """The rate, and center and scale of each band."""
        return {"rate": self._rate, "center": self._center.tolist(), "scale": self._scale.tolist()}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        self._rate = learned["rate"]
        self._center, self._scale = np.asarray(learned["center"]), np.asarray(learned["scale"])

    def _mels(self, where: str, row: int, sample: Any) -> _Sound:
        """(T, mels) before scaling; at most one step more than is kept."""
        seconds = None if self.max_length is None else (self.max_length + 1) * _SHIFT
        sound, rate = self._read(where, row, sample, seconds)
        return _log_mels(where, resample(sound, rate, self._rate), self._rate, self.mels)

    def _read(self, where: str, row: int, sample: Any, seconds: float | None) -> tuple[_Sound, int]:
        """A sound in one channel, (S,), and its rate."""
        if isinstance(sample, str | Path | bytes):
            sound: npt.NDArray[Any]
            sound, rate = _of_file(where, row, sample, seconds)
        elif isinstance(sample, tuple) and len(sample) == 2 and np.ndim(sample[1]) == 0:
            sound, rate = _of_pair(where, row, *sample)
        elif isinstance(sample, np.ndarray):
            if self.rate is None:
                cure = "Pass Audio(rate=8000), or pairs (array, rate)."
                raise DataError.at(where, "values", "have a rate", "an array", cure, because=f"row {row}")
            sound, rate = sample, self.rate
        else:
            rule = "be paths, bytes, pairs (array, rate) or arrays"
            kind = DataError if sample is None else DTypeError
            raise kind.at(where, "values", rule, type(sample).__name__, because=f"row {row}")
        if sound.ndim not in (1, 2) or rate < 1:
            rule = "be sounds (samples,) or (samples, channels)"
            raise DataError.at(where, "values", rule, sound.shape, because=f"row {row}, rate {rate}")
        if sound.ndim == 2 and 0 < len(sound) < sound.shape[1]:
            rule, cure = "be sounds (samples,) or (samples, channels)", "Pass array.T: its channels stand first."
            because = f"row {row}: more channels than samples"
            raise DataError.at(where, "values", rule, sound.shape, cure, because=because)
        if sound.dtype.kind not in "fiu":
            raise DTypeError.at(where, "values", "be sounds of numbers", sound.dtype, because=f"row {row}")
        if sound.dtype.kind in "iu" and sound.dtype.itemsize > 4:
            rule = "be floats, or whole numbers of the type that was recorded: that says how loud the loudest can be"
            cure = "Convert it as it was recorded, say with .astype('int16')."
            raise DTypeError.at(where, "values", rule, sound.dtype, cure, because=f"row {row}")
        if sound.dtype.kind == "f" and sound.size and (loudest := float(np.abs(sound).max())) > _LOUDEST:
            rule, cure = "be floats from -1 to 1, or whole numbers", "Divide by 32768 what was recorded in 16 bits."
            if math.isfinite(loudest):
                raise DataError.at(where, "values", rule, loudest, cure, because=f"row {row}")
        if seconds is not None:
            sound = sound[: int(seconds * rate)]
        mono = np.asarray(sound if sound.ndim == 1 else sound.mean(axis=1), "float64")
        if sound.dtype.kind in "iu":  # full scale is 1, and silence 0, which lies in the middle of unsigned numbers
            half = 2.0 ** (8 * sound.dtype.itemsize - 1)
            mono = mono / half - (sound.dtype.kind == "u")
        mono = mono.astype("float32")
        if not np.all(np.isfinite(mono)):
            raise DataError.at(where, "values", "be finite", "a sound with NaN or infinity", because=f"row {row}")
        return mono, rate


def resample(sound: npt.NDArray[Any], rate: int, wanted: int) -> _Sound:
    """A sound at another rate: its spectrum cut off or filled up with zeros (Oppenheim and Schafer, ch. 4).

    Shapes:
        (S,) -> (round(S * wanted / rate),).

    Example:
        >>> resample(np.ones(8), 8000, 4000).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    count = round(len(sound) * wanted / rate)
    if rate == wanted or not count:
        return np.asarray(sound[:count], "float32")
    spectrum = np.fft.rfft(sound)[: count // 2 + 1]
    return np.asarray(np.fft.irfft(spectrum, count) * (count / len(sound)), "float32")


def _stacked(steps: npt.NDArray[Any], stack: int) -> npt.NDArray[Any]:
    """(T, mels) -> (T / stack, mels * stack), rounded up: the last step is repeated until it is full."""
    missing = -len(steps) % stack
    full = np.concatenate([steps, np.repeat(steps[-1:], missing, axis=0)]) if missing else steps
    return full.reshape(-1, stack * steps.shape[1])


def _log_mels(where: str, sound: _Sound, rate: int, mels: int) -> _Sound:
    """(S,) -> (T, mels), T = the number of 10 ms in the sound."""
    try:
        import kaldi_native_fbank
    except ImportError:
        raise missing_extra(where, "kaldi_native_fbank", "audio") from None
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = rate
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = mels
    found = np.zeros((0, mels), "float32")
    if not len(sound):
        return found
    bank = kaldi_native_fbank.OnlineFbank(options)
    for begin in range(0, len(sound), rate):  # a second at a time: the library takes lists, eight times as large
        bank.accept_waveform(rate, (sound[begin : begin + rate] * _FULL_SCALE).tolist())
    bank.input_finished()
    return np.array([bank.get_frame(step) for step in range(bank.num_frames_ready)] or found, "float32")


def _of_pair(where: str, row: int, sound: Any, rate: Any) -> tuple[npt.NDArray[Any], int]:
    """A sound as an array, and a rate that is one."""
    if not isinstance(rate, int | float | np.number) or not 1 <= rate < math.inf:
        cure = "A pair is (array, rate)."
        raise DataError.at(where, "values", "have a rate: samples a second", rate, cure, because=f"row {row}")
    if not isinstance(sound, np.ndarray):
        as_numbers(f"{where}, row {row}", sound)  # says which are none
    return np.asarray(sound), int(rate)


def _of_file(where: str, row: int, sample: Any, seconds: float | None) -> tuple[_Sound, int]:
    try:
        import soundfile
    except ImportError:
        raise missing_extra(where, "soundfile", "audio") from None
    if not isinstance(sample, bytes) and not Path(sample).is_file():
        because = f"row {row}: " + ("it is a folder" if Path(sample).is_dir() else "there is no such file")
        raise DataError.at(where, "values", "be files of sound", str(sample), "Check the path.", because=because)
    try:
        with soundfile.SoundFile(io.BytesIO(sample) if isinstance(sample, bytes) else str(sample)) as file:
            rate, frames = int(file.samplerate), int(file.frames)
            asked = frames if seconds is None else min(int(seconds * rate), frames)
            sound = file.read(asked, dtype="float32")
            damage = _damage(file, rate) or (asked - len(sound) and _cut_off(f"{frames} samples", len(sound)))
    except Exception as error:  # noqa: BLE001 - a damaged file may raise anything
        raise _not_whole(where, row, sample, str(error).rstrip(".")) from None
    if damage:
        raise _not_whole(where, row, sample, damage)
    return sound, rate


def _not_whole(where: str, row: int, sample: Any, why: str) -> DataError:
    shown = f"{len(sample)} bytes" if isinstance(sample, bytes) else str(sample)
    cure = "Replace or drop the file."
    return DataError.at(where, "values", "be whole sounds", shown, cure, because=f"row {row}: {why}")


def _damage(file: Any, rate: int) -> str:
    """What is wrong where a header and what is there differ by more than a step, else "".

    libsndfile counts what is there and tells of the header in its log.
    """
    if not file.frames and "Unknown chunk" in file.extra_info:
        return "its header promises no sound, and something follows that is no part of it: it was never finished"
    sizes = re.search(r"(?:data|SSND|Data Size) *: (\d+) \(should be (\d+)\)", file.extra_info)
    promised, found = (int(size) for size in sizes.groups()) if sizes else (0, 0)
    step = _SHIFT * rate * found / file.frames if file.frames else 0
    return _cut_off(f"{promised} bytes of sound", found) if found + step < promised < _UNKNOWN_SIZE else ""


def _cut_off(promised: str, found: int) -> str:
    return f"it is cut off: its header promises {promised}, {found} are there"
