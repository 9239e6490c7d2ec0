"""Text to words and back, in any script.

A word is a run of letters, digits and marks, with the apostrophes, decimal points and commas inside it; every other
sign stands alone, but an emoji keeps what belongs to it. Scripts without spaces give one word a run: take characters
there.

Each character is replaced by a letter for its kind, and one pattern reads the letters: Unicode's categories decide, not
lists of ours (Unicode Standard Annex 29 is finer; this is the part of it that tokens of a vocabulary need).
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["PATTERN", "join_words", "split_words"]

_JOINERS = "\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_WORD = re.compile("[wd][wdjz]*(?:a[wd][wdjz]*|(?<=d)n(?=d)[wdjz]+)*|ff|e(?:[jz]|(?<=z)e)*|[^s]")

_WORD_SIGNS = r"\p{L}\p{N}\p{M}\p{Pc}\p{Cf}"
_FLAG = "[\U0001f1e6-\U0001f1ff]"
_LETTER = f"[{_WORD_SIGNS}&&[^\u200d{_JOINERS}]]"
_INSIDE = f"[{_WORD_SIGNS}\u200d{_JOINERS}]"
_SYMBOL = rf"[\p{{So}}&&[^{_FLAG[1:]}]"
_WORDS = rf"{_LETTER}{_INSIDE}*(?:['’]{_LETTER}{_INSIDE}*|(?<=\p{{Nd}})[.,](?=\p{{Nd}}){_INSIDE}+)*"
_EMOJI = f"{_SYMBOL}(?:[\u200d{_JOINERS}]|(?<=\u200d){_SYMBOL})*"
PATTERN = rf"{_WORDS}|{_FLAG}{{2}}|{_EMOJI}|[^\s]"
"""The same rule as a regular expression with Unicode's categories, for tokenizer.json."""

_NO_SPACE_BEFORE = set(".,!?;:%)]}…»”’،؛؟。，！？；：、）」』·/-")
_NO_SPACE_AFTER = set("([{«“‘¿¡$£€#@（「『·/-")


class _Kinds(dict[int, str]):
    """Kind of each character, found when first asked for."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _kind(chr(code))
        return found


def split_words(text: str) -> list[str]:
    """Words and signs of a text, in order; spaces are not kept.

    Example:
        >>> split_words("Don't pay 3.50 (now)!")
        ["Don't", 'pay', '3.50', '(', 'now', ')', '!']
    """
    return [text[found.start() : found.end()] for found in _WORD.finditer(text.translate(_KINDS))]


def join_words(words: list[str]) -> str:
    """Words with spaces where people put them.

    Example:
        >>> join_words(["Don't", "pay", "(", "now", ")", "!"])
        "Don't pay (now)!"
    """
    parts: list[str] = []
    open_quote = False
    glued = True
    for word in words:
        closing = word == '"' and open_quote
        if not glued and word not in _NO_SPACE_BEFORE and not closing:
            parts.append(" ")
        parts.append(word)
        if word == '"':
            open_quote = not open_quote
        glued = word in _NO_SPACE_AFTER or (word == '"' and open_quote)
    return "".join(parts)


def _kind(character: str) -> str:
    """s space, d digit, w letter or mark, a apostrophe, n point or comma, z and j joiners, f flag, e symbol, p else."""
    if character.isspace():
        return "s"
    if character in "'’.,\u200d":
        return {"'": "a", "’": "a", ".": "n", ",": "n", "\u200d": "z"}[character]
    if re.match(f"[{_JOINERS}]", character):
        return "j"
    if "\U0001f1e6" <= character <= "\U0001f1ff":
        return "f"
    category = unicodedata.category(character)
    if category == "Nd":
        return "d"
    if category[0] in "LNM" or category in ("Pc", "Cf"):
        return "w"
    return "e" if category == "So" else "p"


_KINDS = _Kinds()
