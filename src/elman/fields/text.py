"""Text as ids of words, characters or pieces of words, and back."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, cast, get_args

import numpy as np

from elman.errors import DataError, DTypeError, unknown_name
from elman.fields.base import MAX_LENGTH, Encoded, Field
from elman.fields.samples import class_ids, is_missing, rows_of, samples_of, together, truncated
from elman.fields.tokenizer_file import Tokenizer, learn_bpe, read_json, vocabulary_json
from elman.fields.vocabulary import Vocabulary, check_vocabulary
from elman.fields.words import join_words, split_words

__all__ = ["Level", "Text"]

Level = Literal["word", "char", "bpe"]

_BPE_SIZE = 8000


class Text(Field[Any]):
    """Texts as sequences of ids; the first four ids are PAD, UNK, BOS and EOS.

    Texts are put into Unicode's NFC form, so that an accent is one character however it was typed. `encode` adds no
    BOS and no EOS; `decode` drops PAD and BOS and ends at EOS. Text of characters and pieces comes back as it was;
    words come back with spaces where people put them.

    Args:
        level: "word", "char", or "bpe": pieces of words, learned by byte pair encoding, for which nothing is unknown
            (extra `text`).
        lower: whether letters become small.
        max_tokens: the most ids there may be, the special ones counted; None: all words or characters, 8000 pieces.
        min_count: how often a word or a character must occur to be known.
        max_length: ids beyond which a text is cut, with a warning; None: never.

    Shapes:
        fit: N texts; encode: N texts -> (N, T) or N arrays (T_i,), int32; decode: (N, T) ids, (N, T, V) scores, or a
        list of such rows -> N texts. An empty text has no ids.

    Raises:
        DataError: no samples, a missing one, bytes that are not UTF-8, half characters.
        DTypeError: a sample is no text.
        MissingExtraError: "bpe" without tokenizers.

    Example:
        >>> field = Text().fit(["the cat sat", "the dog sat"])
        >>> [ids.tolist() for ids in field.encode(["the dog", "a cat sat"])]
        [[5, 7], [1, 6, 4]]
        >>> field.decode([[5, 7, 3, 0]])
        ['the dog']
        >>> print(field.describe())
        text: 8 ids of words, 'sat', 'the', 'cat', 'dog'
    """

    kind: ClassVar[str] = "text"
    sequence: ClassVar[bool] = True

    def __init__(
        self,
        level: Level = "word",
        lower: bool = False,
        max_tokens: int | None = None,
        min_count: int = 1,
        max_length: int | None = MAX_LENGTH,
    ) -> None:
        if level not in get_args(Level):
            raise unknown_name("Text", "level", level, get_args(Level))
        check_vocabulary("Text", max_tokens, min_count, max_length)
        self.level, self.lower = level, lower
        self.max_tokens, self.min_count, self.max_length = max_tokens, min_count, max_length
        self.vocabulary = Vocabulary(())
        self._tokenizer: Tokenizer | None = None

    @classmethod
    def from_file(cls, path: str | Path, max_length: int | None = MAX_LENGTH) -> Self:
        """A fitted field that does what a tokenizer.json says, whoever wrote it (extra `text`).

        Raises:
            DataError: no such file.
            FileFormatError: no tokenizer.json.
        """
        field = cls("bpe", max_length=max_length)
        field._restore({"tokenizer": read_json(path)})
        field.fitted = True
        return field

    @property
    def shape(self) -> tuple[int | None, ...]:
        """(None,)."""
        return (None,)

    @property
    def size(self) -> int:
        """How many ids there are, the special ones counted."""
        return self._tokenizer.size if self._tokenizer else len(self.vocabulary)

    @property
    def dtype(self) -> str:
        """int32."""
        return "int32"

    def fit(self, values: Any) -> Self:
        """Learn the vocabulary of the training part."""
        texts = self._texts("fit", values, fitting=True)
        if self.level == "bpe":
            size = self.max_tokens or _BPE_SIZE
            self._tokenizer = Tokenizer(learn_bpe(iter(texts), size, self.min_count, lower=self.lower))
        else:
            self.vocabulary = Vocabulary.learn(map(self._split, texts), self.max_tokens, self.min_count)
        self.fitted = True
        return self

    def encode(self, values: Any) -> Encoded:
        """Texts -> ids."""
        self._check_fitted("encode")
        texts = self._texts("encode", values)
        if self._tokenizer:
            ids = self._tokenizer.ids(texts)
        else:
            ids = [self.vocabulary.ids(self._split(text)) for text in texts]
        return together(truncated("Text.encode", ids, self.max_length)) if ids else np.zeros((0, 0), np.int32)

    def decode(self, batch: Any, lengths: Any = None) -> list[str]:
        """Ids or scores -> texts."""
        self._check_fitted("decode")
        return [self._text(class_ids(row, rank=1).tolist()) for row in rows_of(batch, lengths)]

    def tokens(self, text: str) -> list[str]:
        """The words, characters or pieces that a text is read as.

        Example:
            >>> Text("char").tokens("hé!")
            ['h', 'é', '!']
        """
        (prepared,) = self._texts("tokens", [text])
        return self._tokenizer.tokens(prepared) if self._tokenizer else self._split(prepared)

    def save_tokenizer(self, path: str | Path) -> None:
        """Write tokenizer.json, which other programs read with the `tokenizers` library; ids agree with elman's.

        Raises:
            NotBuiltError: not fitted.
        """
        self._check_fitted("save_tokenizer")
        Path(path).write_text(self._json(), encoding="utf-8")

    def describe(self) -> str:
        """One line: how many ids, and the most frequent."""
        what = {"word": "words", "char": "characters", "bpe": "pieces of words"}[self.level]
        if not self.fitted:
            return f"text: {what}, not fitted"
        most = "".join(f", {symbol!r}" for symbol in self.vocabulary.symbols[:4])
        return f"text: {self.size} ids of {what}{most}"

    def learned(self) -> dict[str, Any]:
        """The symbols, or the text of tokenizer.json."""
        return {"tokenizer": self._json()} if self._tokenizer else {"symbols": list(self.vocabulary.symbols)}

    def _restore(self, learned: Mapping[str, Any]) -> None:
        if "tokenizer" in learned:
            self._tokenizer = Tokenizer(learned["tokenizer"])
        else:
            self.vocabulary = Vocabulary(tuple(learned["symbols"]))

    def _json(self) -> str:
        if self._tokenizer:
            return self._tokenizer.json()
        return vocabulary_json(self.vocabulary.symbols, words=self.level == "word", lower=self.lower)

    def _texts(self, verb: str, values: Any, *, fitting: bool = False) -> list[str]:
        """Checked texts in NFC form, small where asked."""
        where = self._at(verb)
        samples = samples_of(where, values, fitting=fitting)
        texts = [unicodedata.normalize("NFC", _text(where, row, sample)) for row, sample in enumerate(samples)]
        return [text.lower() for text in texts] if self.lower else texts

    def _split(self, text: str) -> list[str]:
        return list(text) if self.level == "char" else split_words(text)

    def _text(self, ids: list[int]) -> str:
        if self._tokenizer:
            return self._tokenizer.text(ids)
        symbols = cast("list[str]", self.vocabulary.symbols_of(ids))
        return "".join(symbols) if self.level == "char" else join_words(symbols)


def _text(where: str, row: int, sample: Any) -> str:
    """One text, valid Unicode."""
    if is_missing(sample):
        cure = "Fill or drop the row; an empty text is ''."
        raise DataError.at(where, "values", "have a text in every row", sample, cure, because=f"row {row}")
    if not isinstance(sample, str | bytes):
        cure = "Convert it with str(), or choose another type for this column."
        raise DTypeError.at(where, "values", "be texts", type(sample).__name__, cure, because=f"row {row}")
    try:
        text = sample.decode("utf-8") if isinstance(sample, bytes) else str(sample)
        text.encode("utf-8")
    except UnicodeError as error:
        cure = "Read the file with the encoding it was written in, as encoding='latin-1'."
        because = f"row {row}: {getattr(error, 'reason', error)} at {getattr(error, 'start', 0)}"
        raise DataError.at(where, "values", "be valid Unicode text", sample, cure, because=because) from None
    return text
