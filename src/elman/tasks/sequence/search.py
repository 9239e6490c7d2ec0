"""How texts are looked for among all that a network could write."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from elman.arguments import check_whole
from elman.decoding import Decoder, NextTokens
from elman.decoding.decoder import check_drawing
from elman.errors import ArgumentError, unknown_name
from elman.fields import BOS, EOS, PAD, UNK, Field, Text, Tokens
from elman.models import Model

__all__ = ["DRAWING", "Kept", "Search", "foretold"]

_WITH_MODEL = 16
DRAWING = ("temperature", "repetition_penalty", "top_k", "top_p", "seed")
"""Settings of `Search` that `Decoder.sample` knows; the first two need no other."""


@dataclasses.dataclass(frozen=True)
class Search:
    """How a text is looked for.

    Args:
        beam: texts that are kept at every step; 1: the likeliest token, one after another.
        length_penalty: a: sums of log p are divided by ((5 + length) / 6)^a; 0 favours short texts.
        coverage_penalty: favours texts whose writing looked at all of the source; for a beam with attention.
        language_model: a fitted `LanguageModel` of such texts, which has its say where speech or writing is read (CTC).
        language_weight, language_bonus: weight times its log p, and a bonus, are added for each symbol.
        temperature, top_k, top_p, repetition_penalty, seed: a text is drawn, as `Decoder.sample` says; 0: it is not.
    """

    beam: int = 1
    length_penalty: float = 0.6
    coverage_penalty: float = 0.0
    language_model: Any = None
    language_weight: float = 0.5
    language_bonus: float = 0.0
    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole("predict", "beam", self.beam, 1)
        check_drawing("predict", self.drawing)
        if self.beam > 1 and self.drawn:
            cure = "Pass beam=1: a beam looks for the likeliest, and nothing is drawn."
            raise ArgumentError.at("predict", self.drawn, "left out beside a beam", getattr(self, self.drawn), cure)
        if self.drawn in ("top_k", "top_p", "seed"):
            rule, cure = (
                "left out where nothing is drawn",
                "Pass a temperature, too: 1.0 as the model says.",
            )
            raise ArgumentError.at("predict", self.drawn, rule, getattr(self, self.drawn), cure)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """Settings by name.

        Raises:
            UnknownNameError: no such setting. ArgumentError: a beam below 1.

        Example:
            >>> Search.of({"beam": 3}).width(5)
            5
        """
        known = [field.name for field in dataclasses.fields(cls)]
        for name in told:
            if name not in known:
                raise unknown_name("predict", "setting", name, known)
        return cls(**told)

    @property
    def told(self) -> list[str]:
        """Settings that are not as by default."""
        return [field.name for field in dataclasses.fields(self) if getattr(self, field.name) != field.default]

    @property
    def drawing(self) -> dict[str, Any]:
        """What `Decoder.sample` is told."""
        return {name: getattr(self, name) for name in DRAWING}

    @property
    def drawn(self) -> str:
        """The first setting by which texts are drawn; "" where they are looked for."""
        return next((name for name in DRAWING if name in self.told), "")

    def width(self, best: int) -> int:
        """Texts kept at every step where `best` are asked for; a language model alone is not heard in a beam of one."""
        wide = _WITH_MODEL if self.beam == 1 and self.language_model is not None else self.beam
        return max(wide, best)


class Kept:
    """The decoder of a network, or the language model that is heard, for as long as the same is asked about: their
    compiled plans are not made anew.

    What is written are symbols: no padding, and nothing unknown.
    """

    def __init__(self) -> None:
        self._last: tuple[Model, Decoder] | None = None
        self._heard: tuple[Any, NextTokens] | None = None

    def decoder(self, network: Model, output: str, tokens: str) -> Decoder:
        """For one output, and the input that holds its tokens so far."""
        if self._last is None or self._last[0] is not network:
            at = network.output_names.index(output)
            self._last = network, Decoder(Model(network.inputs, network.outputs[at]), tokens, (PAD, UNK, BOS))
        return self._last[1]

    def heard(self, language_model: Any, field: Field[Any]) -> NextTokens:
        """A language model as a search for the symbols of another field hears it; see `foretold` for errors."""
        network = getattr(getattr(language_model, "model_", language_model), "network_", None)
        last = self._heard
        if last is None or last[0] is not network:
            last = self._heard = network, foretold(language_model, field)
        return last[1]


def foretold(language_model: Any, field: Field[Any]) -> NextTokens:
    """A language model as a search for the symbols of another field hears it.

    Raises:
        ArgumentError: no fitted language model, or fields of which one has no symbols of its own.
    """
    model = getattr(language_model, "model_", language_model)
    blueprint = getattr(model, "blueprint_", None)
    if blueprint is None or set(blueprint.inputs) != set(blueprint.outputs):
        rule, cure = "a fitted elman.tasks.LanguageModel", "Fit one on texts as they are to come out."
        raise ArgumentError.at("predict", "language_model", rule, language_model, cure)
    (own,) = blueprint.outputs.values()
    known = own.vocabulary.ids(_symbols(field))
    if (known == UNK).all():
        rule, cure = "of the same symbols", f"Fit it with the field that writes: {field.describe()}."
        raise ArgumentError.at("predict", "language_model", rule, own.describe(), cure)
    network = Model(model.network_.inputs, model.network_.outputs[0])
    return NextTokens(network, BOS, np.concatenate([np.arange(EOS + 1), known]))


def _symbols(field: Field[Any]) -> Sequence[Any]:
    if not isinstance(field, Text | Tokens) or not field.vocabulary.symbols:
        cure = "Leave it out, or write characters: Text('char')."
        raise ArgumentError.at("predict", "language_model", "left out where pieces of words come out", field.kind, cure)
    return field.vocabulary.symbols
