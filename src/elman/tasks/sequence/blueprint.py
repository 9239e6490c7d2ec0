"""The network that follows from the fields: encoders, one recurrent core for each sequence, heads; and its arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from elman import layers, optimizers
from elman.errors import ArgumentError
from elman.fields import Field
from elman.graph import Tensor
from elman.models import Model
from elman.tasks.sequence.columns import naming
from elman.tasks.sequence.copying import copied_from
from elman.tasks.sequence.design import Design
from elman.tasks.sequence.detect import Detect
from elman.tasks.sequence.encoders import Encoder, Features, hidden
from elman.tasks.sequence.heads import Aligned, Classify, Follow, Head, Label, Regress, Run, Tag
from elman.tasks.sequence.language import Next
from elman.tasks.sequence.search import Search
from elman.tasks.sequence.told import layers_of, loss_name
from elman.tasks.sequence.topology import Choice, choose
from elman.tasks.sequence.transcribe import Transcribe
from elman.tasks.sequence.write import Write
from elman.tasks.sequence.written import Written

__all__ = ["Blueprint"]

Fields = Mapping[str, Field[Any]]

TIMELESS = ("category", "labels", "number")

HEADS: dict[str, type[Head]] = {
    "classify": Classify,
    "detect": Detect,
    "follow": Follow,
    "label": Label,
    "next": Next,
    "regress": Regress,
    "tag": Tag,
    "transcribe": Transcribe,
    "write": Write,
}
"""A head for each that `choose` may name."""


class Blueprint:
    """Everything about a network but its weights.

    Args:
        inputs, outputs: fitted fields by column.
        design: how it is built.
    Attributes:
        choices: the topology, output by output.
        encoders: one for each input that no head reads itself.
        heads: one for each output.
        timeless: whether nothing has steps, so that no cell is needed.
    """

    def __init__(self, inputs: Fields, outputs: Fields, design: Design) -> None:
        self.inputs, self.outputs = dict(inputs), dict(outputs)
        self.choices: list[Choice] = choose(inputs, outputs)
        self.timeless = all(choice.shape == "one to one" for choice in self.choices)
        if self.timeless:
            design = dataclasses.replace(design, cell="none")  # nothing has steps
        self.design = design
        self.heads: dict[str, Head] = {
            choice.output: HEADS[choice.head](choice, outputs[choice.output], design) for choice in self.choices
        }
        self.encoders = {
            name: Encoder(name, field, design) for name, field in inputs.items() if name not in self.outputs
        }
        for head in self.heads.values():
            head.companions = list(self.encoders)
        self._check_crf()
        self._check_heads(
            "label_smoothing", self.design.label_smoothing, "smooths", "a class, tags or a text that is written"
        )
        self._check_heads("tie_weights", self.design.tie_weights, "writes", "a text that is written")
        self._check_subsampling()
        self._check_vectors()
        if design.copying:
            self._copy()

    def _check_heads(self, setting: str, value: Any, known: str, rule: str) -> None:
        """Refuse a setting that no output would use. Raises: ArgumentError."""
        if value and not any(getattr(head, known) for head in self.heads.values()):
            kinds = ", ".join(f"{name}:{field.kind}" for name, field in self.outputs.items())
            cure = f"It is for {rule}."
            raise ArgumentError.at("SequenceModel", setting, "left out here", value, cure, because=kinds)

    def _check_crf(self) -> None:
        """Refuse a CRF that nothing would use. Raises: ArgumentError."""
        if self.design.crf and not any(isinstance(head, Tag) for head in self.heads.values()):
            kinds = ", ".join(f"{name}:{field.kind}" for name, field in self.outputs.items())
            cure = "Leave it out: neighbours decide together only among tags."
            raise ArgumentError.at("SequenceModel", "crf", "False where no tags come out", True, cure, because=kinds)
        if self.design.crf and self.design.label_smoothing:
            cure = "Choose one: a CRF gives no probability to each tag that could be smoothed."
            smoothing = self.design.label_smoothing
            raise ArgumentError.at("SequenceModel", "label_smoothing", "0 beside crf=True", smoothing, cure)

    def _check_subsampling(self) -> None:
        """Refuse fewer steps where each step has its answer. Raises: ArgumentError."""
        if self.design.subsampling == 1:
            return
        stepwise = [name for name, head in self.heads.items() if isinstance(head, (Aligned, Next, Transcribe))]
        if stepwise or not any(encoder.field.sequence for encoder in self.encoders.values()):
            rule = f"1 where {stepwise[0]!r} needs every step" if stepwise else "1 where no sequence goes in"
            raise ArgumentError.at("SequenceModel", "subsampling", rule, self.design.subsampling, "Leave it out.")

    def _copy(self) -> None:
        """Let texts be copied from what they are written from. Raises: ArgumentError: there are no such."""
        copied = copied_from(self.inputs, self.outputs)
        if not copied or self.design.subsampling > 1:
            rule = "False unless a text is written from a text, both read alike, and every step is kept"
            kinds = ", ".join(f"{name}:{field.kind}" for name, field in (self.inputs | self.outputs).items())
            cure = "Give both columns the same field, or leave it out."
            raise ArgumentError.at("SequenceModel", "copying", rule, True, cure, because=kinds)
        for name, source in copied.items():
            head = self.heads[name]
            assert isinstance(head, Write)
            head.copied = source

    def _check_vectors(self) -> None:
        """Refuse vectors of words where none are read. Raises: ArgumentError."""
        if self.design.vectors != "random" and not any(encoder.begins for encoder in self.encoders.values()):
            rule = "'random' where no text and no tokens go in"
            raise ArgumentError.at("SequenceModel", "vectors", rule, self.design.vectors, "Leave it out.")

    def _check_search(self, search: Search) -> None:
        """Refuse a setting of a search that no output obeys. Raises: ArgumentError."""
        heads = list(self.heads.values())
        known = sorted({setting for head in heads for setting in head.searches})
        way = next((head.way for head in heads if isinstance(head, Written)), "no text is written")
        cure = f"Known here: {', '.join(known)}." if known else "Only texts that are written are looked for."
        for name in search.told:
            if name not in known:
                raise ArgumentError.at("predict", name, f"left out where {way}", getattr(search, name), cure)

    @property
    def fields(self) -> dict[str, Field[Any]]:
        """Those of all columns."""
        return self.inputs | self.outputs

    @property
    def both_ways(self) -> bool:
        """Whether sequences are read both ways."""
        if self.design.bidirectional is not None:
            return self.design.bidirectional
        return not any(head.causal for head in self.heads.values())

    def build(self, seed: int, learning_rate: Any, clipnorm: float | None) -> Model:
        """A compiled network; the same seed gives the same weights. The rate is a number or a schedule."""
        layers.set_seed(seed)
        given: dict[str, Tensor] = {}
        for encoder in self.encoders.values():
            given |= encoder.inputs()
        for head in self.heads.values():
            given |= head.inputs()
        features = self._features(given)
        made = {name: head.output(features, given) for name, head in self.heads.items()}
        network = Model(given, made, name="sequence_model", seed=seed)
        self.compile(network, learning_rate, clipnorm)
        return network

    def compile(self, network: Model, learning_rate: Any, clipnorm: float | None) -> None:
        """Say how a network of this blueprint learns from now on; the optimizer begins anew."""
        network.compile(
            optimizers.Adam(learning_rate, global_clipnorm=clipnorm),
            loss={name: head.loss for name, head in self.heads.items()},
            metrics={name: list(head.metrics) for name, head in self.heads.items()},
            scheduled_sampling=self._sampling(),
        )

    def _sampling(self) -> float | None:
        """Share of own tokens. Raises: ArgumentError: a network that does not write, or not that alone."""
        rate, heads = self.design.scheduled_sampling, list(self.heads.values())
        if rate and not (len(heads) == 1 and isinstance(heads[0], (Next, Write))):
            rule, cure = "0 unless one text is all that comes out", "Leave it out: nothing here reads its own tokens."
            raise ArgumentError.at("SequenceModel", "scheduled_sampling", rule, rate, cure)
        return rate or None

    def _features(self, given: dict[str, Tensor]) -> dict[str, Features]:
        """Those of each input; inputs without time share their hidden layers."""
        found = {name: encoder.features(given, self.both_ways) for name, encoder in self.encoders.items()}
        plain = [name for name, encoder in self.encoders.items() if encoder.field.kind in TIMELESS]
        if plain:
            joined = hidden([found.pop(name) for name in plain], self.design)
            found[" and ".join(plain)] = joined
        return found

    def arrays(self, columns: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Inputs and targets of the network for these columns."""
        x, y = self.given(columns), {}
        for name, head in self.heads.items():
            with naming(name):
                told, y[name] = head.arrays(columns[name])
            x |= told
            head.check(x, y[name])
        return x, y

    def learn(self, x: Mapping[str, Any]) -> None:
        """What the weights of a network that is built next begin with, from its inputs in the rows to learn from."""
        for name, encoder in self.encoders.items():
            encoder.learn(x[name])

    def run(self, network: Model, columns: Mapping[str, Any], batch_size: int, search: Search) -> Run:
        """A trained network on these columns; what decoders are told is only begun.

        Raises: ArgumentError: a setting of a search that nothing obeys.
        """
        self._check_search(search)
        x = self.given(columns)
        for head in self.heads.values():
            x |= head.begun(columns)
        return Run(network, x, batch_size, search, columns)

    def given(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Inputs of the network for these columns, without what a decoder is told while it learns."""
        x: dict[str, Any] = {}
        for name, encoder in self.encoders.items():
            with naming(name):
                x |= encoder.arrays(columns[name])
        return x

    def describe(self, network: Model | None = None) -> str:
        """The choice and its reason, an output a paragraph; of a network its layers, losses and ways to answer, too."""
        lines = []
        for choice in self.choices:
            lines.append(f"{choice.output}: {choice.shape}")
            lines.append(f"  {choice.reason}")
        ways = "both ways" if self.both_ways else "forwards"
        for name, encoder in self.encoders.items():
            read = f"read {ways} by {self.design.layers} x {self.design.cell}({self.design.size})"
            through = read if encoder.field.sequence and self.design.cell != "none" else encoder.describe()
            lines.append(f"  in  {name}: {encoder.field.describe()}, {through}".rstrip(", "))
        lines += [f"  out {name}: {head.describe()}" for name, head in self.heads.items()]
        if network is not None:
            lines.append(f"  layers: {layers_of(network)}")
            for name, head in self.heads.items():
                lines += [f"  loss {name}: {loss_name(head.loss)}", f"  decoder {name}: {head.decodes()}"]
        return "\n".join(lines)
