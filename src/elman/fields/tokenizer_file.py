"""tokenizer.json: byte pair encoding learned, applied, read and written. The only file that knows `tokenizers`.

Byte pair encoding is Sennrich, Haddow and Birch 2016, on bytes (Radford et al. 2019): no text is unknown to it, and
decoding gives back every text exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from elman.errors import DataError, FileFormatError, missing_extra
from elman.fields.base import BOS, EOS, PAD, UNK
from elman.fields.vocabulary import SPECIALS, UNKNOWN, Symbol
from elman.fields.words import PATTERN

__all__ = ["Tokenizer", "learn_bpe", "read_json", "vocabulary_json"]

_CHARACTER = r"[\s\S]"


class Tokenizer:
    """A tokenizer of `tokenizers`, with elman's special ids before its own.

    A file that elman wrote has them already; the ids of another are moved up by four.
    """

    def __init__(self, text: str) -> None:
        tokenizers = _library()
        try:
            self._tokenizer = tokenizers.Tokenizer.from_str(text)
        except Exception as error:  # noqa: BLE001 - the library raises Exception itself
            cure = "Export it again with tokenizer.save(path)."
            because = str(error).splitlines()[0] if str(error) else "it cannot be read"
            raise FileFormatError.at(
                "Text", "tokenizer", "a tokenizer.json", text[:40], cure, because=because
            ) from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        # A text that says "<eos>" means these five characters.
        self._tokenizer.encode_special_tokens = True
        own = all(self._tokenizer.token_to_id(name) == index for index, name in enumerate(SPECIALS))
        self.shift = 0 if own else len(SPECIALS)

    @property
    def size(self) -> int:
        """How many ids there are, elman's special ones counted."""
        return int(self._tokenizer.get_vocab_size()) + self.shift

    def ids(self, texts: Sequence[str]) -> list[npt.NDArray[np.int32]]:
        """The ids of texts. Shapes: N texts -> (T_i,) each."""
        found = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [np.array(one.ids, np.int32) + np.int32(self.shift) for one in found]

    def tokens(self, text: str) -> list[str]:
        """The pieces of a text, as the file calls them."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).tokens)

    def text(self, ids: Sequence[int]) -> str:
        """Ids up to the first EOS -> text, without PAD and BOS."""
        parts, run = [], []
        for index in [*ids, EOS]:
            if index in (PAD, BOS):
                continue
            if index not in (UNK, EOS):
                run.append(index - self.shift)
                continue
            parts.append(self._tokenizer.decode(run, skip_special_tokens=True) if run else "")
            run = []
            if index == EOS:
                break
        return UNKNOWN.join(parts)

    def json(self) -> str:
        """The text of tokenizer.json."""
        return str(self._tokenizer.to_str())


def learn_bpe(texts: Iterator[str], size: int, min_count: int, *, lower: bool) -> str:
    """Learn byte pair encoding from texts.

    Returns: the text of tokenizer.json.
    """
    tokenizers = _library()
    learner = tokenizers.Tokenizer(tokenizers.models.BPE())
    forms = [tokenizers.normalizers.NFC(), *([tokenizers.normalizers.Lowercase()] if lower else [])]
    learner.normalizer = tokenizers.normalizers.Sequence(forms)
    learner.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    learner.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=min_count,
        special_tokens=list(SPECIALS),
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    return str(learner.to_str())


def vocabulary_json(symbols: Sequence[Symbol], *, words: bool, lower: bool) -> str:
    """The text of a tokenizer.json that does what Text does with these words or characters."""
    normalizers: list[dict[str, Any]] = [{"type": "NFC"}, *([{"type": "Lowercase"}] if lower else [])]
    split = {
        "type": "Split",
        "pattern": {"Regex": PATTERN if words else _CHARACTER},
        "behavior": "Removed",
        "invert": True,
    }
    special = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    vocabulary = {str(symbol): index for index, symbol in enumerate([*SPECIALS, *symbols])}
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [{"id": index, "content": name, **special} for index, name in enumerate(SPECIALS)],
            "normalizer": {"type": "Sequence", "normalizers": normalizers},
            "pre_tokenizer": split,
            "post_processor": None,
            "decoder": None if words else {"type": "Fuse"},
            "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": SPECIALS[UNK]},
        },
        ensure_ascii=False,
    )


def read_json(path: str | Path) -> str:
    """The text of a tokenizer.json.

    Raises:
        DataError: no such file.
        FileFormatError: no text.
    """
    file = Path(path)
    if not file.is_file():
        raise DataError.at("Text.from_file", "path", "an existing tokenizer.json", str(path), "Check the path.")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        because = "it is not UTF-8"
        raise FileFormatError.at("Text.from_file", "path", "a tokenizer.json", str(path), because=because) from None


def _library() -> Any:
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.normalizers
        import tokenizers.pre_tokenizers
        import tokenizers.trainers
    except ImportError:
        raise missing_extra("Text", "tokenizers", "text") from None
    return tokenizers
