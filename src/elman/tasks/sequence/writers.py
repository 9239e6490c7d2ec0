"""Friendly names for what comes out as text: each a `SequenceModel` with scikit-learn's contract around it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from elman.fields import Field, Image, Line, Text, Video, guess
from elman.tasks.estimator import settings
from elman.tasks.scores import Report
from elman.tasks.sequence.estimators import _Classifier, _Recurrent

__all__ = ["Captioner", "Transcriber", "Translator", "VideoTagger"]


@settings
class _Writer(_Recurrent):
    """Texts out."""

    beam: int = 1

    def predict(self, X: Any, **search: Any) -> Any:
        """The best text for each sample.

        Args:
            X: samples. search: how it is looked for, as in `SequenceModel.predict`; `beam` is a setting, too.

        Raises:
            UnknownNameError: no such setting. ArgumentError: one that says nothing here.
        """
        given = self._samples("predict", X)
        return self.model_.predict({"x": given}, **{"beam": self.beam, **search})

    def n_best(self, X: Any, n: int = 5, **search: Any) -> Any:
        """The n best texts for each sample as pairs (text, score), best first. Arguments as `predict`."""
        given = self._samples("n_best", X)
        return self.model_.n_best({"x": given}, n, **{"beam": self.beam, **search})

    def _output(self, y: Any) -> Field[Any] | str:
        return Text()

    def evaluate(self, X: Any = None, y: Any = None, **search: Any) -> Report:
        """Scores beside the simplest guess; without arguments those on the validation part. `search` as in `predict`.

        What is written token by token is scored by BLEU and chrF (with the extra `text`; a note says where it is
        missing), ROUGE-L, CER and the share of wholly right texts; what CTC reads by CER, WER and that share.
        """
        return self._evaluated(X, y, {"beam": self.beam, **search})


@settings
class _Decoder(_Writer):
    """Texts out, token by token."""

    heads: ClassVar[tuple[str, ...]] = ("write",)

    label_smoothing: float = 0.0
    scheduled_sampling: float = 0.0
    tie_weights: bool = False

    def score(self, X: Any, y: Any) -> float:
        """ROUGE-L: the mean share of words in the right order, 0 ... 1."""
        return self.evaluate(X, y).model["ROUGE-L"]


@settings
class Translator(_Decoder):
    """A text to another: translation, summary, chat. One network reads, another writes and looks back at each word.

    Args:
        beam: texts that are kept at every step of writing one; 1: the likeliest token, one after another.
        label_smoothing: of the tokens that are to be written. scheduled_sampling: share of tokens that it reads of its
            own while training. tie_weights: the vectors of tokens that are read score those that are written, too.
        copying: it may copy tokens of what it reads (names, numbers of a summary); both sides share one vocabulary.
        input: a field for both sides; None: words. The others as `SequenceClassifier`, without `class_weight`.

    Source: Sutskever, Vinyals and Le 2014 (two networks, beam search); Luong, Pham and Manning 2015 (the look back).

    Example:
        >>> source, target = ["red house", "house", "red car", "car"], ["casa roja", "casa", "coche rojo", "coche"]
        >>> settings = {"size": 16, "epochs": 40, "learning_rate": 0.03, "dropout": 0.0, "validation": 0}
        >>> Translator(**settings).fit(source * 8, target * 8).predict(["red house", "car"])
        ['casa roja', 'coche']
    """

    copying: bool = False

    def _input(self, given: Any) -> Any:
        return Text() if self.input is None else self.input

    def _output(self, y: Any) -> Field[Any] | str:
        both = self._input(y)
        return type(both)(**both.settings()) if isinstance(both, Field) else both


class Captioner(_Decoder):
    """Pictures to texts: convolutions read, a recurrent network writes and looks at parts of the picture for each word.
    Arguments as `Translator`.

    Source: Xu et al. 2015, "Show, Attend and Tell" (soft attention).

    X: arrays (H, W) or (H, W, C), or paths of files (extra `image`).

    Example:
        >>> dark, bright = np.zeros((8, 8), "uint8"), np.full((8, 8), 255, "uint8")
        >>> settings = {"size": 16, "epochs": 30, "learning_rate": 0.03, "dropout": 0.0, "validation": 0}
        >>> model = Captioner(**settings).fit([dark, bright] * 8, ["a dark night", "a day"] * 8)
        >>> model.predict([bright, dark])
        ['a day', 'a dark night']
    """

    def _input(self, given: Any) -> Any:
        return Image() if self.input is None else self.input


@settings
class Transcriber(_Writer):
    """Speech, lines of writing or series to characters that come in the same order (CTC).

    Arguments as `SequenceClassifier`, without `class_weight` and `label_smoothing`, and `beam`: one of several adds up
    all ways to say a text, and may hear a language model of such texts:
    `predict(X, language_model=LanguageModel().fit(texts))`.

    X: pairs (sound, rate) or paths of sound (extra `audio`); lines as bytes (H, W) or paths of pictures (extra
    `image`); arrays (T, C) of numbers. Each sample needs more steps than its text letters.

    Example:
        >>> marks = {"a": [1.0, 0.0], "b": [0.0, 1.0]}
        >>> texts = ["ab", "ba", "a", "b", "aba", "bab"] * 6
        >>> waves = [np.array([marks[c] for c in text for _ in range(3)]) for text in texts]
        >>> settings = {"size": 16, "epochs": 60, "learning_rate": 0.03, "dropout": 0.0, "validation": 0}
        >>> Transcriber(**settings).fit(waves, texts).predict(waves[:3])
        ['ab', 'ba', 'a']
    """

    heads: ClassVar[tuple[str, ...]] = ("transcribe",)

    epochs: int = 200
    patience: int = 40

    def _input(self, given: Any) -> Any:
        if self.input is not None:
            return self.input
        found = guess(given, "x").field
        return Line() if found.kind == "image" else found

    def _output(self, y: Any) -> Field[Any] | str:
        return Text("char")

    def score(self, X: Any, y: Any) -> float:
        """1 less the share of wrong characters."""
        return 1 - self.evaluate(X, y).model["CER"]


@settings
class VideoTagger(_Classifier, _Recurrent):
    """Films to classes: each frame through convolutions, and a recurrent network over them. Arguments as
    `SequenceClassifier`.

    X: arrays (T, H, W) or (T, H, W, C), folders of pictures, or paths of films (extra `video`).

    Example:
        >>> film = np.eye(6, dtype="uint8")[:, None, :] * 255  # a dot that goes to the right
        >>> model = VideoTagger(size=8, epochs=30, validation=0).fit([film, film[::-1]] * 8, ["right", "left"] * 8)
        >>> model.predict([film[::-1], film[:4]]).tolist()
        ['left', 'right']
    """

    class_weight: Any = None
    label_smoothing: float = 0.0

    def _input(self, given: Any) -> Any:
        colours = np.shape(given[0])[3:] == (3,)
        return Video(channels=3 if colours else 1) if self.input is None else self.input
