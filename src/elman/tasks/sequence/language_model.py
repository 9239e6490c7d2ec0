"""A language model under scikit-learn's contract: learn texts, go on with them, and say how likely others are."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

from elman.errors import DataError
from elman.fields import Text, Tokens
from elman.fields.samples import is_missing
from elman.tasks.estimator import settings
from elman.tasks.scores import Report
from elman.tasks.sequence.model import SequenceModel
from elman.tasks.sequence.rate_finder import RateSearch
from elman.tasks.sequence.tabular import samples
from elman.tasks.sequence.wrapping import Trained, rows_only
from elman.training.callbacks import Callback

__all__ = ["LanguageModel"]


@settings
class LanguageModel(Trained):
    """The next character, word or token from those before it.

    X is one text, or a list of texts or of lists of tokens.

    Args:
        cell, size, layers, embedding, dropout, recurrent_dropout, tie_weights: of the network, see `SequenceModel`.
        window: tokens of a piece in which a long text is learned.
        label_smoothing, scheduled_sampling: of the tokens, see `SequenceModel`.
        epochs, batch_size, learning_rate, decay, clipnorm, patience, validation, seconds: of training.
        input: a field for the texts: `Text("word")`, `Text("bpe")` ...; None: characters, of lists their tokens.
        seed: of weights, split and order. verbose: 0 silent, 1 a live line, 2 a line an epoch.

    Example:
        >>> settings = {"size": 32, "epochs": 40, "learning_rate": 0.02, "dropout": 0.0, "validation": 0}
        >>> model = LanguageModel(**settings).fit(["welcome home"] * 8)
        >>> model.generate("wel", temperature=0)
        'welcome home'
        >>> model.perplexity("welcome home") < 1.5
        True
    """

    heads: ClassVar[tuple[str, ...]] = ("next",)

    cell: str = "lstm"
    size: int = 128
    layers: int = 1
    embedding: int | None = None
    dropout: float = 0.2
    recurrent_dropout: float = 0.0
    window: int = 128
    label_smoothing: float = 0.0
    scheduled_sampling: float = 0.0
    tie_weights: bool = False
    epochs: int = 40
    patience: int = 6
    input: Any = None

    def fit(self, X: Any, y: Any = None, callbacks: Sequence[Callback] = (), groups: Any = None) -> Self:
        """Learn texts.

        Args:
            X: one text, or several. y: not used. callbacks: told how training goes.
            groups: a text or number for each text that says whose it is, see `SequenceModel.fit`.

        Raises:
            DataError: nothing to read, or what is no text, with the row.
        """
        model, texts = self._over("fit", X)
        try:
            model.fit({"y": texts}, callbacks=callbacks, groups=rows_only(groups))
        finally:
            if hasattr(model, "network_"):  # also what was learned before Ctrl-C
                self.model_ = model
        return self

    def find_learning_rate(
        self, X: Any, y: Any = None, lowest: float = 1e-5, highest: float = 1.0, steps: int = 100
    ) -> RateSearch:
        """Try rates from the lowest to the highest on fresh weights, one step each; its `suggestion`, `plot()`.

        Args:
            X: texts. y: not used. lowest, highest: rates. steps: how many are tried.
        """
        model, texts = self._over("find_learning_rate", X)
        return model.find_learning_rate({"y": texts}, lowest, highest, steps)

    def _over(self, verb: str, x: Any) -> tuple[SequenceModel, Any]:
        """The model behind, not yet fitted, and its texts."""
        texts = _texts(f"LanguageModel.{verb}", x)
        first = next((text for text in texts if not is_missing(text)), "")
        symbols = Tokens if isinstance(first, (list, tuple, np.ndarray)) else functools.partial(Text, "char")
        field = self.input or symbols(max_length=None)
        if verb == "fit" and self._goes_on:
            return self.model_.set_params(**self._settings()), texts
        return SequenceModel({"y": field}, {"y": field}, **self._settings()), texts

    def generate(
        self, prompt: Any = "", length: int = 200, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0,
        repetition_penalty: float = 1.0, seed: int = 0,
    ) -> Any:  # fmt: skip
        """The prompt and how it goes on, drawn token by token until the text ends.

        Args:
            prompt: the beginning; "" or []: none.
            length: most tokens that are added.
            temperature: below 1 likelier tokens become likelier still; 0: always the likeliest.
            top_k: draw among so many of the best; 0: all. top_p: among the best that together have this share.
            repetition_penalty: above 1, tokens that were there already become less likely.
            seed: the same seed, the same text.

        Raises:
            ArgumentError: a number out of its range.
        """
        self._check_fitted("generate")
        return self.model_.generate(prompt, length, temperature, top_k, top_p, repetition_penalty, seed)

    def predict(self, X: Any) -> Any:
        """Each text with the likeliest token behind it; as it is where it is likelier to end."""
        self._check_fitted("predict")
        return self.model_.predict({"y": _texts("LanguageModel.predict", X)})

    def evaluate(self, X: Any = None, y: Any = None) -> Report:
        """Nats a token, perplexity and bits a character, beside those of the frequencies of tokens.

        Args:
            X: texts; None: the validation part. y: not used.
        """
        self._check_fitted("evaluate")
        found: Report = self.model_.evaluate(None if X is None else {"y": _texts("LanguageModel.evaluate", X)})
        return found

    def perplexity(self, X: Any) -> float:
        """Among how many tokens the model wavers, on average; 1 is perfect."""
        return self.evaluate(X).model["perplexity"]

    def bits_per_character(self, X: Any) -> float:
        """How many bits a character costs."""
        return self.evaluate(X).model["bits a character"]

    def score(self, X: Any, y: Any = None) -> float:
        """Mean log-likelihood of a token, in nats."""
        return -self.evaluate(X).model["nats a token"]

    def plot(self, X: Any = None, y: Any = None, path: Any = None) -> Any:
        """Draw the course of training, or texts with the likeliest token behind each."""
        self._check_fitted("plot")
        return self.model_.plot(None if X is None else {"y": _texts("LanguageModel.plot", X)}, path)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array, tags.target_tags.required = False, False
        return tags

    def _restored(self, model: SequenceModel) -> None:
        self.model_ = model


def _texts(where: str, x: Any) -> Any:
    """One text as a list of it; else samples, which are texts or lists of tokens.

    Raises: DataError: nothing, or numbers.
    """
    found = [x] if isinstance(x, str) else samples(where, x)
    if isinstance(found, np.ndarray) and np.asarray(x).dtype.kind in "iu":
        found = list(x)  # tokens that are numbers, in rows of one length
    if isinstance(found, np.ndarray) or not any(map(len, found)):
        cure = "Pass a text, or a list of texts or of lists of tokens."
        shown = f"an array {found.shape}" if isinstance(found, np.ndarray) else found[:3]
        raise DataError.at(where, "X", "texts with a token or more", shown, cure)
    return found
