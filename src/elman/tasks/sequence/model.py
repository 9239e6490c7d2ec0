"""Declare what goes in and what comes out; the rest follows from the types."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from elman import fields
from elman.arguments import check_flag, check_whole
from elman.errors import ArgumentError, DataError
from elman.fields import Field
from elman.fields.samples import plain
from elman.layers.weighted import to_be_filled
from elman.models import Model
from elman.models.saving import make_codes
from elman.tasks.estimator import Estimator, settings
from elman.tasks.scores import Report
from elman.tasks.sequence.blueprint import Blueprint
from elman.tasks.sequence.columns import (
    Columns,
    as_samples,
    check_truths,
    count,
    naming,
    read_columns,
    rows_of,
    sized,
)
from elman.tasks.sequence.copying import copied_from
from elman.tasks.sequence.design import Design
from elman.tasks.sequence.file import read_sequence_file, write_sequence_file
from elman.tasks.sequence.heads import Run
from elman.tasks.sequence.language import Next
from elman.tasks.sequence.learning import Training, train
from elman.tasks.sequence.plots import draw_history, draw_result
from elman.tasks.sequence.rate_finder import RateSearch, search_rate
from elman.tasks.sequence.search import Search
from elman.tasks.sequence.splitting import cut_ends, groups_of, named_files, split_rows
from elman.training.callbacks import Callback, callbacks_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SequenceModel"]

Declared = str | Sequence[str] | Mapping[str, Any]


@settings
class SequenceModel(Estimator):
    """A network that follows from the types of what goes in and what comes out.

    Text and a category make a classifier, words and tags a tagger, speech and text a transcriber, one language and
    another a translator; several of each go in and come out together. `explain()` says what was chosen and why.

    Args:
        inputs, outputs: columns: a name, a list of names, or a mapping from name to a field (`elman.fields.Text()`),
            the name of a kind ("text"), or None to guess. A column named in both is foretold from what is before it.
        cell: "lstm", "gru", "simple_rnn", "min_gru" ... any recurrent layer; "none": no recurrence.
        size: units of each recurrent layer.
        layers: recurrent layers on top of each other.
        bidirectional: read both ways; None: wherever nothing has to be foretold.
        embedding: width of token vectors; None: as `size`, at most 128.
        dropout, recurrent_dropout: shares dropped while training.
        pooling: how a sequence becomes a vector: "max", "mean", "last", joined by "+".
        subsampling: steps that become one before the recurrence reads them (a convolution of pairs, then means), for
            long sequences that are read as a whole; 1: each stays.
        spelling: show the network the parts of words; None: for lists of tokens.
        vectors: how those of tokens that are read begin: "random"; "neighbours": words that stand among the same
            others in the rows to learn from begin alike, which helps where texts are long and labels few.
        crf: let neighbouring tags decide together: a CRF behind the scores, Viterbi for the answers.
        hidden: layers over inputs without time: "dense", "rbf", "modular" (experts and a gate), or "none".
        window: tokens of a piece, where a long text is learned.
        label_smoothing: of targets that are classes, tags or tokens.
        scheduled_sampling: share of tokens that a network which writes reads of its own while training.
        tie_weights: the vectors of tokens that are read score those that are written, too.
        copying: a text that is written from a text may copy tokens of it (names, numbers); both share one vocabulary.
        epochs: at most. batch_size: rows of a step. learning_rate: of Adam.
        decay: how the rate falls: "plateau", halved when the score stands still; "cosine", half a wave that ends at 0
            with the last epoch; None: "plateau" with a validation part, "cosine" without one.
        patience: epochs without a better score before training stops; the best weights are kept. None: 6, or 40 where
            CTC reads speech or writing, which stands still for long before it finds the first symbols.
        validation: share of the rows to check on; 0: none, and no early stop.
        seconds: the most time training may take.
        clipnorm: to what norm gradients are cut.
        class_weight: "balanced", or class -> weight, for classes and tags.
        beam: texts that are kept at every step of writing one; 1: the likeliest token, one after another.
        warm_start: let `fit` go on from what was learned, by an earlier `fit` or in a file: fields and weights stay,
            the optimizer begins anew. A class or word that was not known before stays unknown.
        seed: of weights, split, order and dropout.
        verbose: 0 silent, 1 a live line and what was guessed, 2 a line an epoch.

    Raises:
        ArgumentError, DataError: in `fit`; the constructor only stores.

    Example:
        >>> texts = ["good film", "bad film", "so good", "so bad"] * 8
        >>> small = {"size": 8, "epochs": 40, "validation": 0, "learning_rate": 0.02}
        >>> model = SequenceModel({"text": "text"}, {"mood": "category"}, **small)
        >>> model.fit({"text": texts, "mood": ["+", "-", "+", "-"] * 8}).predict({"text": ["good", "so bad"]})
        ['+', '-']
    """

    inputs: Declared = dataclasses.field(default="x", kw_only=False)
    outputs: Declared = dataclasses.field(default="y", kw_only=False)
    cell: str = "lstm"
    size: int = 128
    layers: int = 1
    bidirectional: bool | None = None
    embedding: int | None = None
    dropout: float = 0.3
    recurrent_dropout: float = 0.0
    pooling: str = "max+mean"
    subsampling: int = 1
    spelling: bool | None = None
    vectors: str = "random"
    crf: bool = False
    hidden: str = "dense"
    window: int = 128
    label_smoothing: float = 0.0
    scheduled_sampling: float = 0.0
    tie_weights: bool = False
    copying: bool = False
    epochs: int = 40
    batch_size: int = 32
    learning_rate: float = 0.002
    decay: str | None = None
    patience: int | None = None
    validation: float | None = 0.1
    seconds: float | None = None
    clipnorm: float | None = 1.0
    class_weight: Any = None
    beam: int = 1
    warm_start: bool = False
    seed: int = 0
    verbose: int = 0

    blueprint_: Blueprint = dataclasses.field(init=False)
    network_: Model = dataclasses.field(init=False)
    history_: dict[str, list[float]] = dataclasses.field(init=False)
    report_: Any = dataclasses.field(init=False)
    guesses_: dict[str, str] = dataclasses.field(init=False)

    def fit(
        self, data: Any, validation_data: Any = None, callbacks: Sequence[Callback] = (), groups: Any = None
    ) -> Self:
        """Learn from a table.

        Args:
            data: a pandas, polars or pyarrow table, a mapping from name to column, or a list of records.
            validation_data: the same, to check on; None: a share of `data`, drawn by the seed.
            callbacks: told how training goes.
            groups: a column, or a text or number for each row, that says whose it is: rows of one subject, document or
                recording are all learned from or all checked on. None: rows that name one picture, sound or film.

        Raises:
            UnknownColumnError: a column is missing. DataError: rows that a field cannot read, with the row.
            ArgumentError: settings, or types that make no network.
            DivergenceError: the loss became NaN. KeyboardInterrupt: Ctrl-C. After both the model answers with what it
                had learned.
        """
        design, training = self._settings()
        followers = callbacks_of("SequenceModel.fit", callbacks)
        together = [groups] if isinstance(groups, str) else []
        columns = read_columns("SequenceModel.fit", data, [*self._names(), *together])
        groups = columns[groups] if together else groups
        columns = {name: columns[name] for name in self._names()}
        learned, check = self._parts(columns, validation_data, groups)
        before = self._before(design)
        if before is None:
            blueprint = self._anew(design, columns, learned, check)
        else:
            blueprint = before
            for part in (learned, check) if check is not None else (learned,):
                part |= {name: as_samples("SequenceModel.fit", f, part[name]) for name, f in before.fields.items()}
        if self.verbose:
            print("\n".join([*self.guesses_.values(), blueprint.describe()]))
        self.network_, self.history_, ended = train(
            blueprint, training, learned, check, followers, self.network_ if before is not None else None
        )
        self.blueprint_, self.report_ = blueprint, None
        if ended is not None:
            raise ended
        self.report_ = None if check is None else self._scored(check, "validation part", {})
        return self

    def predict(self, data: Any, **search: Any) -> Any:
        """Answers in the words of the task: a list or array where one thing comes out, else a mapping by name.

        Args:
            data: as in `fit`; the outputs' columns are not needed.
            search: how texts are looked for: beam, length_penalty, coverage_penalty (of a beam with attention);
                language_model, language_weight, language_bonus (of a text that speech or writing says); or drawn, as
                `generate` draws: temperature, top_k, top_p, repetition_penalty, seed.

        Raises:
            UnknownNameError: no such setting. ArgumentError: a setting that nothing obeys here.
        """
        answers = self._answers(self._read("predict", data), search)
        return next(iter(answers.values())) if len(answers) == 1 else answers

    def n_best(self, data: Any, n: int = 5, **search: Any) -> Any:
        """The n best texts of each row as pairs (text, score), best first: a list, or a mapping by name.

        Fewer where there are not so many. Scores are log p, divided by the length penalty where a decoder writes.

        Args:
            data: as in `predict`. n: how many. search: as in `predict`; the beam is n, or wider if told.

        Raises:
            ArgumentError: n below 1, or an output that is no text that is written.
        """
        check_whole("n_best", "n", n, 1)
        run = self._run(self._read("n_best", data), search)
        found = {name: head.n_best(run, n) for name, head in self.blueprint_.heads.items()}
        return next(iter(found.values())) if len(found) == 1 else found

    def generate(
        self, prompt: Any = "", length: int = 200, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0,
        repetition_penalty: float = 1.0, seed: int = 0,
    ) -> Any:  # fmt: skip
        """A text that begins with the prompt, from a model of one column that goes in and comes out.

        Arguments as `LanguageModel.generate`.

        Raises:
            ArgumentError: another model, or a number out of its range.
        """
        self._check_fitted("generate")
        heads, given = list(self.blueprint_.heads.values()), list(self.blueprint_.inputs)
        if not isinstance(heads[0], Next) or len(given) != 1:
            raise ArgumentError.at(
                "generate", "model", "a language model", given, "Its one column goes in and comes out."
            )
        how = {"length": length, "temperature": temperature, "top_k": top_k, "top_p": top_p, "seed": seed}
        return heads[0].generate(self.network_, prompt, how | {"repetition_penalty": repetition_penalty})

    def predict_proba(self, data: Any) -> Any:
        """What the network gives before it is turned into answers: probabilities for classes, tags and labels."""
        run = self._run(self._read("predict_proba", data), {})
        raw = {name: run.raw(name) for name in self.blueprint_.heads}
        return next(iter(raw.values())) if len(raw) == 1 else raw

    def evaluate(self, data: Any = None, **search: Any) -> Any:
        """Scores in the task's words, beside the simplest guesses: a Report, or a mapping of them by output.

        Args:
            data: rows with inputs and outputs; None: the report on the validation part, made by `fit`.
            search: as in `predict`.

        Raises:
            ArgumentError: no data although there was no validation part. DataError: a row without a truth.
        """
        self._check_fitted("evaluate")
        if data is not None:
            return self._scored(self._read("evaluate", data, asked=True), "given rows", search)
        if self.report_ is None:
            rule = "given where no rows were left to check on, or the training did not end"
            raise ArgumentError.at("evaluate", "data", rule, None, "Pass held-out rows.")
        return self.report_

    def explain(self, print_fn: Callable[[str], object] = print) -> None:
        """Print which topology was chosen, why, what was learned of each column, layers, losses and decoders."""
        self._check_fitted("explain")
        print_fn(self.blueprint_.describe(self.network_))

    def summary(self, print_fn: Callable[[str], object] = print) -> None:
        """Print the explanation, the layers, and the scores on the validation part."""
        self.explain(print_fn)
        self.network_.summary(print_fn=print_fn)
        if self.report_ is not None:
            print_fn("\n".join(map(str, self.report_.values() if isinstance(self.report_, dict) else [self.report_])))

    def plot(self, data: Any = None, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the course of training, or, with data, how answers lie to the truth (confusion, alignment, scatter).

        Args:
            data: rows with inputs and outputs; None: the losses and scores by epoch.
            path: also write it there.
        """
        self._check_fitted("plot")
        if data is None:
            return draw_history(self.history_, path)
        columns = self._read("plot", data, asked=True)
        run = self._run(columns, {}, asked=True)
        return draw_result([(head, *head.shown(run, columns)) for head in self.blueprint_.heads.values()], path)

    def find_learning_rate(self, data: Any, lowest: float = 1e-5, highest: float = 1.0, steps: int = 100) -> RateSearch:
        """Try rates from the lowest to the highest on fresh weights, one step each, and suggest one.

        Args:
            data: as in `fit`. lowest, highest: rates. steps: how many are tried.
        """
        design, training = self._settings()
        columns = read_columns("find_learning_rate", data, self._names())
        inputs, outputs = self._fields(columns, None)
        return search_rate(Blueprint(inputs, outputs, design), training, columns, lowest, highest, steps)

    def save(self, path: str | os.PathLike[str], overwrite: bool = True) -> Path:
        """Write network, fields, settings and report into one safetensors file.

        Raises:
            OverwriteError: the file exists and overwrite is false.
        """
        self._check_fitted("save")
        return write_sequence_file(path, self, overwrite)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a model back; runs nothing of what is in the file.

        Raises:
            FileFormatError: damaged, foreign, or no sequence model.
        """
        weights, state = read_sequence_file(path)
        model = cls(**state["settings"])
        inputs, outputs = ({name: fields.restore(s) for name, s in state[part]} for part in ("inputs", "outputs"))
        model.inputs, model.outputs = dict(inputs), dict(outputs)
        design, training = model._settings()
        model.blueprint_ = Blueprint(model.inputs, model.outputs, design)
        for name, head in model.blueprint_.heads.items():
            head.naive = state["naive"][name]
        with to_be_filled(max((weight.size for weight in weights), default=0)):
            model.network_ = model.blueprint_.build(training.seed, training.learning_rate, training.clipnorm)
        make_codes(model.network_, state.get("int8", ()))
        model.network_.set_weights(weights)
        model.history_, model.guesses_ = state["history"], {}
        reports = {name: Report.from_state(s) for name, s in state["reports"]}
        model.report_ = None if not reports else reports if len(reports) > 1 else next(iter(reports.values()))
        return model

    # -- parts -------------------------------------------------------------------------------------------------------

    def _settings(self) -> tuple[Design, Training]:
        """What was asked for, checked."""
        return _taken(Design, self), _taken(Training, self)

    def _names(self) -> list[str]:
        return list(dict.fromkeys([*_declared("inputs", self.inputs), *_declared("outputs", self.outputs)]))

    def _read(self, verb: str, data: Any, *, asked: bool = False) -> Columns:
        """The columns that go in, and those that come out where asked for, as their fields take them."""
        self._check_fitted(verb)
        known = {**self.blueprint_.inputs, **(self.blueprint_.outputs if asked else {})}
        columns = read_columns(verb, data, list(known))
        for name in self.blueprint_.outputs if asked else ():
            check_truths(verb, name, columns[name])
        return {name: as_samples(verb, field, columns[name]) for name, field in known.items()}

    def _parts(self, columns: Columns, validation_data: Any, groups: Any) -> tuple[Columns, Columns | None]:
        """Rows to learn from and rows to check on."""
        where = "SequenceModel.fit"
        if validation_data is not None:
            if groups is not None:
                cure = "They say how rows to check on are drawn from the data."
                raise ArgumentError.at(where, "groups", "left out beside validation_data", groups, cure)
            return columns, read_columns(where, validation_data, self._names())
        if groups is None:
            groups = named_files(columns, list(_declared("inputs", self.inputs)))
            found = None if groups is None else groups_of(where, groups, count(columns))
        else:
            found = groups_of(where, groups, count(columns))
            if self.validation and not found.any():
                cure = "With validation=0 all rows are learned from."
                raise DataError.at(where, "groups", "two or more, for some are checked on", 1, cure)
        learn, check = split_rows(where, count(columns), self.validation, self.seed, found)
        book = set(columns) == set(_declared("outputs", self.outputs)) and all(map(sized, columns.values()))
        if not len(check) and self.validation and book:
            return cut_ends(columns, self.validation)
        return rows_of(columns, learn), rows_of(columns, check) if len(check) else None

    def _anew(self, design: Design, columns: Columns, learned: Columns, check: Columns | None) -> Blueprint:
        """A blueprint of fields that know the rows to learn from; columns: all rows."""
        try:
            inputs, outputs = self._fields(learned, check)
        except DataError:
            self._fields(columns, None)  # the same complaint, by the row's number in the whole table
            raise
        self.guesses_ = self._guessed
        return Blueprint(inputs, outputs, design)

    def _before(self, design: Design) -> Blueprint | None:
        """The blueprint whose network learns on; None: `fit` begins anew.

        Raises: ArgumentError: other columns, or settings of another network.
        """
        if not check_flag("SequenceModel", "warm_start", self.warm_start) or not hasattr(self, "network_"):
            return None
        before = self.blueprint_
        kept, asked = dataclasses.asdict(before.design), dataclasses.asdict(design)
        changed = [name for name in asked if asked[name] != kept[name] and not (name == "cell" and before.timeless)]
        for role, known in (("inputs", before.inputs), ("outputs", before.outputs)):
            changed += [role] if list(_declared(role, getattr(self, role))) != list(known) else []
        if changed:
            cure = f"Leave {' and '.join(changed)} as before, or begin anew."
            rule = "False where another network is asked for"
            raise ArgumentError.at("SequenceModel", "warm_start", rule, True, cure)
        return before

    def _fields(self, columns: Columns, check: Columns | None) -> tuple[dict[str, Field[Any]], dict[str, Field[Any]]]:
        """A fitted field for each column; one that goes in and comes out is one field.

        Everything is learned from the rows to learn from, but for which classes there are: a rare one may stand only
        among the rows to check on.
        """
        self._guessed: dict[str, str] = {}
        known: dict[str, Field[Any]] = {}
        declared = {**_declared("outputs", self.outputs), **_declared("inputs", self.inputs)}
        for name, given in declared.items():
            field = self._field(name, given, columns[name])
            for part in (columns, check) if check is not None else (columns,):
                part[name] = as_samples("SequenceModel.fit", field, part[name])
            named = check is not None and field.kind in ("category", "labels", "tags")
            with naming(name):
                known[name] = field.fit([*columns[name], *check[name]] if named and check else columns[name])
        inputs = {name: known[name] for name in _declared("inputs", self.inputs)}
        outputs = {name: known[name] for name in _declared("outputs", self.outputs)}
        for name, source in copied_from(inputs, outputs).items() if self.copying else ():
            inputs[source] = outputs[name] = outputs[name].fit([*columns[source], *columns[name]])
        return inputs, outputs

    def _field(self, name: str, given: Any, column: Any) -> Field[Any]:
        if isinstance(given, Field):
            return type(given)(**given.settings())
        if isinstance(given, str):
            made: Field[Any] = fields.by_kind(given)()
            return made
        guessed = fields.guess(column, name)
        self._guessed[name] = f"{name}: {guessed.field.kind} ({guessed.reason})"
        return guessed.field

    def _run(self, columns: Columns, search: Mapping[str, Any], *, asked: bool = False) -> Run:
        """The network on these columns. Raises: ShapeError: what was asked for does not fit, where it is given."""
        how = Search.of({"beam": self.beam, **search})
        run = self.blueprint_.run(self.network_, columns, max(64, self.batch_size), how)
        for name, head in self.blueprint_.heads.items() if asked else ():
            head.check(run.x, columns[name])
        return run

    def _answers(self, columns: Columns, search: Mapping[str, Any]) -> dict[str, Any]:
        run = self._run(columns, search)
        return {name: head.answers(run) for name, head in self.blueprint_.heads.items()}

    def _scored(self, columns: Columns, title: str, search: Mapping[str, Any]) -> Any:
        """A report for each output, beside the simplest guesses."""
        run = self._run(columns, search, asked=True)
        reports = {}
        for name, head in self.blueprint_.heads.items():
            rows = head.measure(run, columns)
            notes = head.notes(rows[head.design.name])
            reports[name] = Report(rows, f"{name}: {title}, {count(columns)}", notes)
        return reports if len(reports) > 1 else next(iter(reports.values()))


def _taken(kind: Any, model: SequenceModel) -> Any:
    """Settings; numbers that a search took from an array are plain ones."""
    return kind(**{field.name: plain(getattr(model, field.name)) for field in dataclasses.fields(kind)})


def _declared(argument: str, given: Any) -> dict[str, Any]:
    """Name -> field, kind or None.

    Raises: UnknownNameError: a kind nobody knows. ArgumentError: neither a field nor a kind.
    """
    if isinstance(given, str):
        return {given: None}
    if not isinstance(given, Mapping):
        return dict.fromkeys(given)
    for name, value in given.items():
        if value is not None and not isinstance(value, (str, Field)):
            cure = "Pass elman.fields.Text(), 'text', or None to guess."
            raise ArgumentError.at("SequenceModel", f"{argument}[{name!r}]", "a field or a kind", value, cure)
    return dict(given)
