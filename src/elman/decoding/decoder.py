"""Decoder: text from a language model or an encoder-decoder, a batch at a time, with no Python between tokens."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from elman import dtypes
from elman.arguments import check_number, check_whole
from elman.decoding.searches import Kind, back_graph, beam_graph, row_graph
from elman.decoding.steps import NEVER, Split, Whereabouts, split
from elman.errors import ArgumentError, DataError
from elman.executors import Plan, default
from elman.shapes import text

__all__ = ["Decoded", "Decoder", "check_drawing"]

_BLOCK = 32
"""Tokens between two looks at whether every row has ended."""

_WHOLE = {"length": 1, "width": 1, "best": 1, "top_k": 0, "seed": 0}
"""Settings that count, and what they count from."""
_REAL = {
    "temperature": "a finite number from 0",
    "top_p": "in (0, 1]",
    "repetition_penalty": "a finite number above 0",
    "length_penalty": "a finite number",
    "coverage_penalty": "a finite number",
}
_COLDEST = 2.0**-120
"""A temperature below, of which float32 has no normal number, is this."""


@final
@dataclass(frozen=True)
class Decoded:
    """Answers of a search.

    Attributes:
        tokens: without the prompt; 0 behind the end, where the token that ended the row stands no more. (B, L), or of a
            beam (B, N, L), best first.
        lengths: tokens of each answer. (B,) or (B, N)
        scores: the sum of log p, of a beam divided by the length penalty; -inf, with a length of 0, in the place of an
            answer that there is not: fewer than N can be, or none. (B,) or (B, N)
    """

    tokens: np.ndarray
    lengths: np.ndarray
    scores: np.ndarray

    def rows(self) -> list[Any]:
        """The answers as lists of ids; of a beam, a list for each row of as many as there are."""
        if self.tokens.ndim == 2:
            return [row[:n].tolist() for row, n in zip(self.tokens, self.lengths, strict=True)]
        there = self.scores != -np.inf
        return [
            Decoded(*(a[i][there[i]] for a in (self.tokens, self.lengths, self.scores))).rows()
            for i in range(len(there))
        ]


@final
class Decoder:
    """Generates tokens with a recurrent model: the likeliest, drawn ones, or the best of a beam.

    The model may have other inputs than tokens, which are read once: an encoder-decoder is generated from like a
    language model. The whole search is one native plan that runs 32 tokens between two looks at whether all have ended.

    Args:
        model: with one output (B, T, V), the scores of the next token after each: a softmax's or logits.
        tokens: name or number of the input that holds tokens (B, T); default the last.
        never: tokens that do not come out, such as that of padding.
    Raises: ArgumentError: another model; one with a layer that needs more than the last token, with the reason.
    Example:
        >>> from elman import Sequential
        >>> from elman.layers import GRU, Dense, Embedding, Input
        >>> words = Input((None,), dtype="int32")
        >>> model = Sequential([words, Embedding(5, 4), GRU(4, return_sequences=True), Dense(5)])
        >>> answer = Decoder(model).greedy([[1], [2, 3]], length=3)
        >>> answer.tokens.shape, answer.lengths.tolist()
        ((2, 3), [3, 3])
    """

    def __init__(self, model: Any, tokens: str | int | None = None, never: Sequence[int] = ()) -> None:
        self.model, self.where = model, f"Decoder of {model.where}"
        self.program = model.program()
        self._names = [str(t.node.attrs["name"]) for t in self.program.inputs]
        self._tokens = self._place(tokens)
        out, given = self.program.outputs, self.program.inputs[self._tokens]
        if len(out) != 1 or out[0].ndim != 3 or not isinstance(out[0].shape[2], int):
            shapes = ", ".join(text(t.shape) for t in out)
            rule, cure = "have one output (B, T, V)", "End it with Dense(V) on whole sequences."
            raise ArgumentError.at(self.where, "model", rule, shapes, cure)
        if given.ndim != 2 or dtypes.is_real(given.dtype):
            rule, cure = "be an input (B, T) of int32", f"Its inputs: {', '.join(self._names)}."
            raise ArgumentError.at(self.where, "tokens", rule, text(given.shape), cure)
        self.vocabulary = int(out[0].shape[2])
        self.never = sorted(set(never))
        if not set(self.never) < set(range(self.vocabulary)):
            rule = f"some of the tokens 0 to {self.vocabulary - 1}, not all"
            raise ArgumentError.at(self.where, "never", rule, self.never, "Leave out those it has not.")
        self._splits: dict[tuple[tuple[bool, ...], int], tuple[Split, Plan]] = {}
        self._plans: dict[tuple[tuple[bool, ...], Kind], Plan] = {}
        self._weights = Whereabouts()

    def greedy(
        self, prompt: Any, inputs: Sequence[Any] = (), *, lengths: Sequence[Any] | None = None, length: int = 100,
        eos: int | None = None, repetition_penalty: float = 1.0,
    ) -> Decoded:  # fmt: skip
        """The likeliest token, one after another. Arguments as `sample`."""
        check_drawing(f"{self.where}.greedy", {"repetition_penalty": repetition_penalty})
        scalars = (1.0, self.vocabulary, 1.0, repetition_penalty)
        return self._rows(prompt, inputs, lengths, length, eos, Kind(penalty=repetition_penalty != 1.0), 0, scalars)

    def sample(
        self, prompt: Any, inputs: Sequence[Any] = (), *, lengths: Sequence[Any] | None = None, length: int = 100,
        eos: int | None = None, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0,
        repetition_penalty: float = 1.0, seed: int = 0,
    ) -> Decoded:  # fmt: skip
        """Tokens drawn from what the model says.

        Args:
            prompt: tokens that are read first: an array (B, P), or B lists of one or more; of an encoder-decoder the
                token it begins with.
            inputs: the model's other inputs, in its order. lengths: of each of them (B,) or None: its real steps.
            length: most tokens of an answer. eos: the token that ends one.
            temperature: below 1 likelier tokens become likelier still; 0 is `greedy`.
            top_k: draw among so many of the best (0: all). top_p: among the best that together have this share.
            repetition_penalty: above 1, tokens that were there already become less likely.
            seed: the same seed, the same tokens, whatever the number of threads.
        Raises: ArgumentError: a number out of its range. DataError: an empty prompt, tokens outside the vocabulary.
        """
        told = {"temperature": temperature, "top_k": top_k, "top_p": top_p, "repetition_penalty": repetition_penalty}
        check_drawing(f"{self.where}.sample", {**told, "seed": seed})
        few = 0 < top_k < self.vocabulary
        kind = Kind(draw=temperature > 0, top_k=few, top_p=top_p < 1, penalty=repetition_penalty != 1.0)
        scalars = (
            max(temperature, _COLDEST) if temperature else 1.0,
            min(top_k or self.vocabulary, self.vocabulary),
            top_p,
            repetition_penalty,
        )
        return self._rows(prompt, inputs, lengths, length, eos, kind, seed, scalars)

    def beam(
        self, prompt: Any, inputs: Sequence[Any] = (), *, lengths: Sequence[Any] | None = None, length: int = 100,
        eos: int | None = None, width: int = 5, best: int = 1, length_penalty: float = 0.6,
        coverage_penalty: float = 0.0,
    ) -> Decoded:  # fmt: skip
        """The best answers that a beam search finds.

        Args:
            width: hypotheses kept of each row. best: how many of them to give.
            length_penalty: a: sums of log p are divided by ((5 + length) / 6)^a; 0 favours short answers.
            coverage_penalty: b: of a decoder that looks (`Attention`, `AttentiveRNN`), b times the sum over what it
                looks at of log(min(attention so far, 1)) counts while searching.
            The others as `sample`.
        Raises: ArgumentError: width < 1, best above width, coverage without a decoder that looks. DataError.
        """
        told = {"length_penalty": length_penalty, "coverage_penalty": coverage_penalty}
        check_drawing(f"{self.where}.beam", {"width": width, "best": best, **told})
        if best > width:
            raise ArgumentError.at(f"{self.where}.beam", "best", f"at most width, {width}", best)
        kind = Kind(beam=True, width=int(width), coverage=coverage_penalty != 0)
        ids, starts, given, ragged = self._given(prompt, inputs, lengths, length, eos)
        made, read, states, plan = self._made(ragged, kind, given)
        if kind.coverage and not made.looked:
            cure = "Leave it out, or build the decoder with Attention or AttentiveRNN."
            raise ArgumentError.at(f"{self.where}.beam", "coverage_penalty", "0 here", coverage_penalty, cure)
        rows, real = len(ids), made.step.outputs[0].dtype
        fresh = np.zeros((rows, width), real)
        total = np.where(np.arange(width) == 0, fresh, np.asarray(NEVER, real))
        carried = [np.repeat(ids[:, :1], width, 1), fresh, fresh, total, *states]
        if kind.coverage:
            carried.append(np.zeros((rows * width, self._looked_at(made, read)), real))
        penalties = [np.asarray(p, real) for p in (length_penalty, coverage_penalty)]
        scalars = [_number(-1 if eos is None else eos), _number(length), *penalties]
        steps, parents, finals = self._blocks(plan, ids, starts, length, carried, read, scalars, 2)
        tokens = _way_back(width, default().name).run([steps, parents]).outputs[0]
        count, sums = finals[2].astype(int), finals[3]
        real_ones = sums > NEVER / 2  # where there are fewer than `width`, the beam has room for what cannot be
        count = np.where(real_ones, count, 0)
        scores = np.where(real_ones, sums / ((5.0 + count) / 6.0) ** length_penalty, -np.inf)
        order = np.argsort(-scores, 1, kind="stable")[:, :best]
        tokens = np.take_along_axis(tokens, order[:, :, None], 1)
        count, scores = np.take_along_axis(count, order, 1), np.take_along_axis(scores, order, 1)
        answers, ends = _answers(tokens, starts, count, length, eos)
        return Decoded(answers, ends, scores)

    def _rows(
        self, prompt: Any, inputs: Sequence[Any], lengths: Any, length: int, eos: int | None, kind: Kind, seed: int,
        scalars: tuple[float, ...],
    ) -> Decoded:  # fmt: skip
        """A search with one hypothesis for each row."""
        ids, starts, given, ragged = self._given(prompt, inputs, lengths, length, eos)
        made, read, states, plan = self._made(ragged, kind, given)
        rows, real = len(ids), made.step.outputs[0].dtype
        seen = [np.zeros((rows, self.vocabulary), real)] if kind.penalty else []
        carried = [ids[:, 0].copy(), *(np.zeros(rows, real) for _ in range(3)), *seen, *states]
        whole = [_number(n) for n in (-1 if eos is None else eos, length, seed % (1 << 31), 0)]
        numbers = [*whole, *(np.asarray(s, real) for s in scalars)]
        steps, _, finals = self._blocks(plan, ids, starts, length, carried, read, numbers, 1)
        tokens, ends = _answers(steps[:, None], starts, finals[2].astype(int)[:, None], length, eos)
        return Decoded(tokens[:, 0], ends[:, 0], finals[3])

    def _blocks(
        self, plan: Plan, ids: np.ndarray, starts: np.ndarray, length: int, carried: list[np.ndarray],
        read: list[np.ndarray], scalars: list[np.ndarray], outputs: int,
    ) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:  # fmt: skip
        """Run the plan until every row has ended. Gives tokens, parents (of a beam) and what was carried last."""
        steps = ids.shape[1] - 1 + length
        forced = np.full((len(ids), steps), -1, np.int32)
        forced[:, : ids.shape[1] - 1] = np.where(np.arange(1, ids.shape[1]) < starts[:, None], ids[:, 1:], -1)
        found: list[list[np.ndarray]] = []
        for block, start in enumerate(range(0, steps, _BLOCK)):
            if outputs == 1:
                scalars[3] = _number(block)
            piece = np.ascontiguousarray(forced[:, start : start + _BLOCK])
            made = plan.run([piece, *carried, *read, *scalars]).outputs
            found.append(made[:outputs])
            carried = [np.ascontiguousarray(a) for a in made[outputs:]]
            if carried[1].all():
                break
        joined = [np.concatenate(parts, 1) for parts in zip(*found, strict=True)]
        return joined[0], joined[-1], carried

    def _made(
        self, ragged: tuple[bool, ...], kind: Kind, given: list[np.ndarray]
    ) -> tuple[Split, list[np.ndarray], list[np.ndarray], Plan]:
        """The cut model, what was read of the inputs, the first states, and the plan of the search."""
        self._refresh()
        if (ragged, kind.width) not in self._splits:
            made = split(self.where, self.program, self._tokens, ragged, kind.width).without(self.never)
            self._splits[ragged, kind.width] = made, default().compile(made.reader)
        made, reader = self._splits[ragged, kind.width]
        if (ragged, kind) not in self._plans:
            graph = beam_graph(made, kind) if kind.beam else row_graph(made, kind)
            self._plans[ragged, kind] = default().compile(graph)
        found = reader.run(given).outputs
        sizes = [t.shape[0] for t in made.reader.outputs]
        batched = [not isinstance(size, int) for size in sizes]
        found = [np.repeat(a, kind.width, 0) if b else a for a, b in zip(found, batched, strict=True)]
        first = len(found) - made.states
        return made, found[:first], found[first:], self._plans[ragged, kind]

    def _refresh(self) -> None:
        """Forget plans that read weights where they no longer lie."""
        if self._weights.moved(self.program):
            self._splits.clear()
            self._plans.clear()

    def _looked_at(self, made: Split, read: list[np.ndarray]) -> int:
        """How many steps a decoder looks at."""
        size = made.step.outputs[1 + made.states].shape[1]
        if isinstance(size, int):
            return size
        sizes: dict[str, int] = {}
        for t, a in zip(made.step.inputs[1 + made.states :], read, strict=True):
            sizes.update({str(d): n for d, n in zip(t.shape, a.shape, strict=True) if not isinstance(d, int)})
        return size.evaluate(sizes)

    def _place(self, tokens: str | int | None) -> int:
        if tokens is None:
            return len(self._names) - 1
        if isinstance(tokens, int) and 0 <= tokens < len(self._names):
            return tokens
        if tokens not in self._names:
            raise ArgumentError.at(self.where, "tokens", f"one of {', '.join(self._names)}", tokens, "Name the input.")
        return self._names.index(str(tokens))

    def _given(
        self, prompt: Any, inputs: Sequence[Any], lengths: Sequence[Any] | None, length: int, eos: int | None
    ) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], tuple[bool, ...]]:
        """Prompts (B, P) with their lengths, the other inputs with theirs, and which of all inputs have lengths."""
        check_drawing(self.where, {"length": length})
        if eos is not None:
            check_whole(self.where, "eos", eos, most=self.vocabulary - 1, cure="None: answers end by their length.")
        if not isinstance(prompt, Iterable):
            raise DataError.at(self.where, "prompt", "a list of rows of tokens", prompt, "One row: [[1, 2]].")
        listed = [_ids(self.where, row, self.vocabulary) for row in prompt]
        starts = np.array([len(row) for row in listed], np.int64)
        if not listed or not starts.all():
            cure = "Begin each with one token: an encoder-decoder's [[bos]] * rows."
            raise DataError.at(self.where, "prompt", "a token or more in each row", prompt, cure)
        ids = np.zeros((len(listed), int(starts.max())), np.int32)
        for i, row in enumerate(listed):
            ids[i, : len(row)] = row
        others = [t for i, t in enumerate(self.program.inputs) if i != self._tokens]
        if len(inputs) != len(others):
            rule, cure = f"{len(others)} arrays beside the tokens", f"The model's inputs: {', '.join(self._names)}."
            raise ArgumentError.at(self.where, "inputs", rule, len(inputs), cure)
        arrays = [np.ascontiguousarray(a, t.dtype) for a, t in zip(inputs, others, strict=True)]
        known = list(lengths) if lengths is not None else [None] * len(others)
        flags = [n is not None for n in known]
        flags.insert(self._tokens, False)
        arrays += [np.ascontiguousarray(n, np.int32) for n in known if n is not None]
        wrong = next((a for a in arrays if len(a) != len(ids)), None)
        if wrong is not None:
            raise DataError.at(
                self.where, "inputs", f"have {len(ids)} rows, as the prompt", len(wrong), "One for each."
            )
        return ids, starts, [ids[:, 0].copy(), *arrays], tuple(flags)


def check_drawing(where: str, told: Mapping[str, Any]) -> None:
    """Raises: ArgumentError: a setting of `Decoder.sample` out of its range."""
    for name, value in told.items():
        if name in _WHOLE:
            check_whole(where, name, value, _WHOLE[name])
        elif name in _REAL:
            check_number(where, name, value, _REAL[name])


def _ids(where: str, row: Any, classes: int) -> np.ndarray:
    """The tokens of one prompt. Shapes: -> (P,)."""
    try:
        found = np.asarray(row).ravel()
    except ValueError:  # lists of unlike lengths
        found = np.asarray(None).ravel()
    whole = found.dtype.kind in "iu" or (found.dtype.kind == "f" and (found == np.floor(found)).all())
    if found.size and (not whole or found.min() < 0 or found.max() >= classes):
        rule, cure = f"tokens from 0 to {classes - 1}", "" if whole else "Tokens are whole numbers."
        wrong = found[(found < 0) | (found >= classes)][0] if whole else row
        raise DataError.at(where, "prompt", rule, wrong, cure)
    return found


def _number(value: int) -> np.ndarray:
    return np.asarray(value, np.int32)


@functools.lru_cache(maxsize=16)
def _way_back(width: int, executor: str) -> Plan:
    return default().compile(back_graph(width))


def _answers(
    tokens: np.ndarray, starts: np.ndarray, count: np.ndarray, length: int, eos: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Answers without prompts and without what ended them. Shapes: (B, K, T), (B,), (B, K) -> (B, K, L), (B, K)."""
    rows, width, steps = tokens.shape
    longest = max(1, int(count.max(initial=0)))
    at = np.minimum(starts[:, None] - 1 + np.arange(longest), steps - 1)
    found = np.take_along_axis(tokens, np.broadcast_to(at[:, None, :], (rows, width, longest)), 2)
    last = np.take_along_axis(found, np.maximum(count - 1, 0)[:, :, None], 2)[:, :, 0]
    ends = count - ((last == eos) & (count > 0)) if eos is not None else count
    return np.where(np.arange(longest) < ends[:, :, None], found, 0).astype(np.int32), ends
