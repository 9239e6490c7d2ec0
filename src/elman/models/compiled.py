"""Compile, fit, evaluate, predict: Keras's words for what `training` does. Everything here is preparation and naming.

A model is compiled by description (`compile` stores what was asked for); plans are made at first use, for the arrays
that come. They are kept until the network, the objective or the place of the weights changes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from elman import losses, optimizers
from elman.arguments import check_number, check_whole, checked, unknown_argument
from elman.errors import ArgumentError, NotBuiltError
from elman.layers.base import Layer, rng
from elman.layers.initializers import check_seed
from elman.metrics import get as check_metric
from elman.models.batch import OnBatch
from elman.models.stepwise import check_stepwise
from elman.models.turns import Turn, in_turn
from elman.optimizers.schedules import LearningRateSchedule
from elman.training import (
    Adapter,
    Counters,
    DataSet,
    Fit,
    History,
    Objective,
    Program,
    Steps,
    Stream,
    Windows,
    check_floats,
    check_sampling,
    evaluate,
    is_stream,
    predict,
    sampled,
    split,
    stream_of,
)
from elman.training.buckets import left
from elman.training.callbacks import Callback, CallbackList, ProgressBar, callbacks_of
from elman.training.classes import ClassWeight
from elman.training.sources import batches_of, steps_of

__all__ = ["Compiled"]

MOST = 1 << 62
"""The largest number of rows, steps or epochs: what a plan counts with."""

CHOSEN_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")
"""Metrics whose kind the shapes of targets and outputs decide."""


class Compiled(OnBatch, Layer):
    """A layer that can be trained. What a network is, `Model` says."""

    stop_training: bool
    optimizer: Any
    history: History

    def _start(self, seed: int | None = None) -> None:
        """The state of a model that was not compiled yet."""
        self.stop_training = False
        self.optimizer = None
        self.loss: Any = None
        self.compile_arguments: dict[str, Any] | None = None
        self.recompute: Literal["sqrt"] | int | None = None
        self.scheduled_sampling: float | LearningRateSchedule | None = None
        self._objective: Objective | None = None
        self._program: Program | None = None
        self._steps: Steps | None = None
        self._adapter: Adapter | None = None
        self._counters: Counters | None = None
        self._seed = None if seed is None else check_seed(type(self).__name__, seed)
        self._turn = Turn()

    @abstractmethod
    def _make_program(self) -> Program:
        """The network as training sees it. Raises: NotBuiltError: its input shape is not known."""

    @abstractmethod
    def _build_for(self, x: Any) -> None:
        """Build a network whose input shape is not known yet from the data."""

    def _structured(self, outputs: list[Any]) -> Any:
        """The outputs as the user named them: one, a list, or a dict."""
        return outputs[0] if len(outputs) == 1 else outputs

    # -- compile -----------------------------------------------------------------------------------------------------

    @checked
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: str | bool = "auto",
        auto_scale_loss: bool = True,
        recompute: Literal["sqrt"] | int | None = None,
        scheduled_sampling: float | LearningRateSchedule | None = None,
    ) -> None:
        """Say what to minimise, how, and what to report.

        Args:
            optimizer: a name, an optimizer, or a configuration.
            loss, loss_weights, metrics, weighted_metrics: for the output; a list or a dict by output name where there
                are several.
            run_eagerly: must be False: a step is one compiled plan. ELMAN_EXECUTOR=reference runs it operator by
                operator.
            steps_per_execution: must be 1: whole epochs run in one call anyway.
            jit_compile: "auto" or True: plans are always compiled.
            auto_scale_loss: without effect in float32 and float64, as in Keras.
            recompute: for long sequences. None keeps what every step of a recurrence computed for the way back; "sqrt"
                keeps the states before each of √T segments and computes a segment again when the gradient comes by,
                so that memory grows with √T; a number is the length of a segment. Single rows that need more than half
                of the memory get "sqrt" by themselves, and a warning. Not in Keras.
            scheduled_sampling: for a model of the next token, (B, T) tokens -> (B, T, V): with this probability it is
                trained at a step on the token that it says itself after the true ones before, instead of the true one,
                so that it learns to go on after its own mistakes. The first token stays. A schedule of
                `elman.optimizers.schedules` makes it grow with the steps done. One forward more a step; evaluation and
                prediction stay as they are. Mistakes do not add up, as they do in generation: see
                `training/sampling.py`. Not in Keras.
        Raises: UnknownNameError: a name nobody knows. ArgumentError: a setting that cannot be honoured.
        """
        self._reject(
            "run_eagerly", run_eagerly, run_eagerly, "False", "ELMAN_EXECUTOR=reference runs operator by operator."
        )
        self._reject(
            "steps_per_execution",
            steps_per_execution,
            steps_per_execution != 1,
            "1",
            "Whole epochs run in one call anyway.",
        )
        self._reject("jit_compile", jit_compile, not jit_compile, "'auto' or True", "Plans are always compiled.")
        if recompute != "sqrt":
            self._whole("recompute", recompute, 1, 'Pass "sqrt", steps in a segment, or None.')
        self.recompute = recompute
        check_sampling(self.where, scheduled_sampling)
        self.scheduled_sampling = scheduled_sampling
        self.optimizer = optimizers.get(optimizer)
        for item in _leaves(loss):
            losses.get(item)
        for item in _leaves([metrics, weighted_metrics]):
            if not isinstance(item, str) or item.lower() not in CHOSEN_BY_SHAPE:
                check_metric(item)
        self.loss = loss
        self.compile_arguments = {
            "loss": loss, "loss_weights": loss_weights, "metrics": metrics, "weighted_metrics": weighted_metrics,
        }  # fmt: skip
        self._objective = self._steps = self._adapter = self._kept = self._predicts = None
        if self.built:
            self._make_objective()

    def _reject(self, argument: str, value: Any, wrong: bool, rule: str, cure: str) -> None:
        if wrong:
            raise ArgumentError.at(self.where, argument, rule, value, cure)

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self.compile_arguments is not None

    def _make_objective(self) -> Objective:
        assert self.compile_arguments is not None
        if self._objective is None:
            program = self.program()
            dtype = program.outputs[0].dtype
            self._objective = Objective(self.where, program.names, **self.compile_arguments, dtype=dtype)
        return self._objective

    def program(self) -> Program:
        """The program, made once. Raises: NotBuiltError."""
        if self._program is None:
            self._program = self._make_program()
        return self._program

    def _training_parts(self, verb: str) -> tuple[Steps, Adapter, Objective]:
        """Steps, adapter and objective of the compiled model. Raises: NotBuiltError: compile was not called."""
        if not self.compiled:
            raise NotBuiltError(
                f"{self.where}: {verb} needs a compiled model. Call compile(optimizer=..., loss=...) first."
            )
        objective = self._make_objective()
        if all(item is None for item in objective.losses):
            cure = "For example compile(loss='mean_squared_error')."
            raise ArgumentError.at(self.where, "loss", f"given to compile before {verb}", None, cure)
        steps = self.make_steps()
        assert self._adapter is not None
        return steps, self._adapter, objective

    def make_steps(self) -> Steps:
        """The plans of the model as it is now, made once; those of a model that was not compiled only predict."""
        if self._steps is None:
            program = self.program()
            objective = self._make_objective() if self.compiled else None
            rate = self.scheduled_sampling
            stepped = program if rate is None else sampled(program, rate)
            self._steps = Steps(stepped, self.counters(), objective, self.optimizer, self.recompute)
            self._adapter = Adapter(program, objective)
        return self._steps

    def forget_plans(self) -> None:
        """Let plans be made anew, from the weights and layers as they are now."""
        self._steps = self._adapter = self._kept = self._predicts = None

    def counters(self) -> Counters:
        """Seed and step of this model; the seed is drawn once, from the generator of `layers.set_seed`."""
        if self._counters is None:
            seed = int(rng().integers(1 << 31)) if self._seed is None else self._seed % (1 << 31)
            self._counters = Counters(seed)
        return self._counters

    # -- fit ---------------------------------------------------------------------------------------------------------

    @checked
    @in_turn
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Iterable[Callback] | Callback | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: ClassWeight | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Iterable[int] = 1,
        truncate: int | None = None,
        resets: Any = None,
    ) -> History:
        """Train, and return what every epoch gave.

        Args: as in Keras.
            x: array, frame, list of ragged sequences; a list or dict of them for several inputs; or batches: a
                generator or an iterable of (x, y) or (x, y, sample_weight). What has the model's type is read where it
                lies, so it must stay as it is meanwhile.
            y: targets likewise; None where x gives batches.
            batch_size: default what `Input` names, else 32.
            verbose: 0 silent, 1 or "auto" a live line, 2 a line an epoch.
            validation_split: the last part of the rows, before shuffling, to validate with.
            validation_data: (x, y) or (x, y, sample_weight), or batches.
            class_weight: class number -> weight, or "balanced": n / (classes * count) of the rows to train on, as in
                scikit-learn. For targets that are class numbers or one-hot; of several outputs {name: such a one}.
                A class that the loss ignores needs no weight. Rows to validate with are not weighed.
            validation_freq: validate after every so many epochs; or the epochs to validate after, counted from 1.
            sample_weight: (N,); for sequences also (N, T), or N arrays (T_i,).
            initial_epoch: the number of the first epoch, when training goes on.
            steps_per_epoch: batches of an epoch; needed for endless generators.
            truncate: the sequences of x are long: read them in windows of at most so many steps, side by side in
                batch_size contiguous rows, an update after each window, states carried over and gradients not; never
                shuffled. Needs an output for every step. Not in Keras.
            resets: with truncate, True at steps of x before which the states start anew; or a list of rows.
                Those of the rows that validation_split takes are not used. Shapes: (N, T).
        Raises: DataError, ShapeError, DTypeError: data that do not fit, with row and column. ArgumentError: settings.
            DivergenceError: the loss became NaN or infinite; the weights of the last good step are kept.
                KeyboardInterrupt: Ctrl-C.
        """
        self._check_fit(batch_size, epochs, initial_epoch, steps_per_epoch)
        measure_after = self._measured_epochs(validation_freq)
        if validation_split is not None:
            cure = "0.2 keeps the last fifth of the rows for validation."
            validation_split = check_number(self.where, "validation_split", validation_split, "in [0, 1)", cure)
        self._whole("validation_batch_size", validation_batch_size, 1, "The usual is that of the training.")
        self._whole("validation_steps", validation_steps, 1, "Leave it out to see every row after each epoch.")
        if not self.compiled:
            self._training_parts("fit")
        data, validation = self._fit_data(x, y, sample_weight, class_weight, validation_split, validation_data)
        steps, adapter, objective = self._training_parts("fit")
        check_floats(self.program())
        size = adapter.batch_size(batch_size)
        held_out = len(validation.arrays[0]) if validation_data is None and isinstance(validation, DataSet) else 0
        windows = self._windows(data, truncate, batch_size, resets, held_out)
        there = batches_of(data, size) if windows is None else len(windows)
        counted = steps_of(self.where, "steps_per_epoch", steps_per_epoch, data, there)
        history = History()
        history.params = {
            "epochs": epochs, "steps": counted, "verbose": verbose, "first_epoch": initial_epoch,
            "validates": validation is not None,
        }  # fmt: skip
        shown = [ProgressBar(_verbosity(self.where, verbose), counted)] if _verbosity(self.where, verbose) else []
        self.history, self.stop_training = history, False
        given = callbacks_of(self.where, callbacks)
        # Callbacks read the history of the epoch that ended; it is told again of what they put into the logs.
        listed = CallbackList([history, *given, history, *shown], self, history.params)
        measured = validation_batch_size or size
        if validation is not None:
            there = batches_of(validation, measured)
            steps_of(self.where, "validation_steps", validation_steps, validation, there)
        Fit(
            steps, objective, adapter, listed, self, windows or data, size, initial_epoch, epochs, shuffle,
            steps_per_epoch, validation, measured, validation_steps, measure_after,
        ).run()  # fmt: skip
        return history

    def _windows(
        self, data: DataSet | Stream, steps: int | None, rows: int | None, resets: Any, held_out: int
    ) -> Windows | None:
        """Windows of the data where `truncate` was given. Raises: ArgumentError: a model or data it is not for."""
        self._whole("truncate", steps, 1, "About as many steps as the model must look back.")
        if steps is None:
            cure = "Pass truncate=100, say, too."
            self._reject("resets", resets, resets is not None, "left out without truncate", cure)
            return None
        if isinstance(data, Stream):
            cure = "Pass arrays, or a list of them."
            raise ArgumentError.at(self.where, "truncate", "left out where x gives batches", steps, cure)
        cure = "Train on pieces, or compile without scheduled_sampling."
        self._reject("truncate", steps, self.scheduled_sampling is not None, "left out with scheduled_sampling", cure)
        check_stepwise(f"{self.where}.fit", self.program())
        return Windows(self.where, data, steps, rows, resets, held_out)

    def _check_fit(self, batch_size: Any, epochs: Any, initial_epoch: Any, steps: Any) -> None:
        self._whole("batch_size", batch_size, 1, "The usual is 32.")
        self._whole("epochs", epochs, 0, "0 trains nothing, 1 shows every row once.")
        self._whole("initial_epoch", initial_epoch, 0, "Epochs count from 0.")
        self._whole("steps_per_epoch", steps, 1, "Leave it out to see every row once an epoch.")

    def _measured_epochs(self, freq: Any) -> int | frozenset[int]:
        """Every so many epochs, or the numbers of epochs, from 1. Raises: ArgumentError: neither."""
        cure = "1 validates after every epoch, [1, 10] after the first and the tenth."
        if isinstance(freq, list | tuple | set | frozenset | range):
            return frozenset(check_whole(self.where, "validation_freq", epoch, 1, cure=cure) for epoch in freq)
        return check_whole(self.where, "validation_freq", freq, 1, cure=cure)

    def _whole(self, argument: str, value: Any, least: int, cure: str) -> None:
        """Raises: ArgumentError: not a whole number from `least`; None is left out."""
        if value is not None and check_whole(self.where, argument, value, least, cure=cure) > MOST:
            raise ArgumentError.at(self.where, argument, f"at most {MOST}", value, cure)

    def _fit_data(
        self, x: Any, y: Any, sample_weight: Any, class_weight: Any, validation_split: float, validation_data: Any
    ) -> tuple[DataSet | Stream, DataSet | Stream | None]:
        """The data to train on, and those to validate with."""
        if is_stream(x):
            self._check_stream(y, sample_weight, class_weight, validation_split)
            stream = stream_of(x)
            if not self.built:
                self._build_for(stream.peek()[0])
            data: DataSet | Stream = stream
        else:
            self._build_for(x)
            data = self._training_parts("fit")[1].data_set(x, y, sample_weight)
        validation = None if validation_data is None else self._measured("validation_data", validation_data)
        if validation is None and validation_split:
            assert isinstance(data, DataSet)
            data, validation = split(data, self.where, validation_split)
        if class_weight is not None and isinstance(data, DataSet):
            data = self._training_parts("fit")[1].weighted(data, class_weight)
        return data, validation

    def _check_stream(self, y: Any, sample_weight: Any, class_weight: Any, validation_split: float) -> None:
        for argument, value in (
            ("y", y),
            ("sample_weight", sample_weight),
            ("class_weight", class_weight),
            ("validation_split", validation_split or None),
        ):
            cure = "Yield (x, y, sample_weight) from it; pass validation_data."
            self._reject(argument, value, value is not None, "left out where x gives batches", cure)

    def _measured(self, argument: str, data: Any) -> DataSet | Stream:
        """A data set or stream to measure on, from (x, y), (x, y, sample_weight) or batches."""
        if is_stream(data):
            return stream_of(data)
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise ArgumentError.at(
                self.where,
                argument,
                "(x, y), (x, y, sample_weight) or batches",
                type(data).__name__,
                "Put x and y into a tuple.",
            )
        return self._training_parts("fit")[1].validating.data_set(*data)

    # -- evaluate and predict ----------------------------------------------------------------------------------------

    @checked
    @in_turn
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics on data: a float where only a loss was compiled, else a list in order of `metrics_names`.

        Args: as in Keras; see `fit`. return_dict: give a dict by name instead.
        Raises: as `fit`, except DivergenceError.
        """
        self._whole("batch_size", batch_size, 1, "The usual is 32.")
        self._whole("steps", steps, 1, "Leave it out to see every row.")
        if not is_stream(x):
            self._build_for(x)
        made, adapter, _ = self._training_parts("evaluate")
        data = stream_of(x) if is_stream(x) else adapter.data_set(x, y, sample_weight)
        size = adapter.batch_size(batch_size)
        listed = self._listed(callbacks, verbose, steps_of(self.where, "steps", steps, data, batches_of(data, size)))
        return self._reported(evaluate(made, adapter, data, size, steps, listed), return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Iterable[Callback] | Callback | None = None,
        **unknown: Any,
    ) -> Any:
        """The outputs for x, as arrays; outputs of every step of a ragged x are lists of arrays, one a row, unpadded.

        Shapes: as the outputs, the batch replaced by the number of rows.
        Raises: DataError, ShapeError, DTypeError: x does not fit. NotBuiltError: no input shape is known yet.
        """
        if unknown:  # not by `checked`: what that costs is a quarter of a small prediction
            known = ("x", "batch_size", "verbose", "steps", "callbacks")
            raise unknown_argument(f"{self.where}.predict", next(iter(unknown)), known)
        self._whole("batch_size", batch_size, 1, "The usual is 32.")
        self._whole("steps", steps, 1, "Leave it out to see every row.")
        if verbose == 0 and steps is None and not callbacks and self._is_one_batch(x, batch_size):
            return self.predict_on_batch(x)
        if not is_stream(x):
            self._build_for(x)
        made = self.make_steps()
        assert self._adapter is not None
        data = stream_of(x) if is_stream(x) else self._adapter.inputs(x)
        size = self._adapter.batch_size(batch_size)
        listed = self._listed(callbacks, verbose, steps_of(self.where, "steps", steps, data, batches_of(data, size)))
        return self._structured(self._cut(predict(made, self._adapter, data, size, steps, listed), data))

    def _is_one_batch(self, x: Any, batch_size: int | None) -> bool:
        """Whether x are the rows of one batch, in an array, of a model that takes any number of them."""
        if self._adapter is None or type(x) is not np.ndarray or x.dtype == object or x.ndim == 0:
            return False
        return len(x) <= self._adapter.batch_size(batch_size)

    def _cut(self, outputs: list[np.ndarray | list[np.ndarray]], data: DataSet | Stream) -> list[Any]:
        """Outputs along the time of a ragged input, or along what strides leave of it, without their padding."""
        if isinstance(data, Stream) or all(n is None for n in data.lengths):
            return list(outputs)
        program = self.program()
        lengths = {t.shape[1]: n for t, n in zip(program.inputs, data.lengths, strict=True) if n is not None}
        found: list[Any] = []
        for rows, tensor in zip(outputs, program.outputs, strict=True):
            n = left(tensor.shape[1], lengths) if tensor.ndim > 2 else None
            if n is not None:
                found.append([row[:k].copy() for row, k in zip(rows, n, strict=False)])
            else:
                found.append(_padded(rows) if isinstance(rows, list) else rows)
        return found

    def _listed(self, callbacks: Any, verbose: str | int, steps: int | None) -> CallbackList:
        level = _verbosity(self.where, verbose)
        shown = [ProgressBar(level, steps)] if level else []
        return CallbackList([*callbacks_of(self.where, callbacks), *shown], self, {"steps": steps, "verbose": verbose})

    def _reported(self, logs: dict[str, float], return_dict: bool) -> Any:
        if return_dict:
            return logs
        values = list(logs.values())
        return values[0] if len(values) == 1 else values

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` gives, in order; complete once data were seen."""
        return self._make_objective().metric_names if self.compiled and self.built else []

    def reset_metrics(self) -> None:
        """Start all running means again."""
        if self._objective is not None:
            self._objective.reset()


def _padded(rows: list[np.ndarray]) -> np.ndarray:
    """Rows as one array, zeros behind the shorter ones. Shapes: N of (T_i, ...) -> (N, ...)."""
    sizes = np.max([row.shape for row in rows], axis=0).astype(int)
    whole = np.zeros((len(rows), *sizes), rows[0].dtype)
    for place, row in zip(whole, rows, strict=True):
        place[tuple(slice(0, size) for size in row.shape)] = row
    return whole


def _leaves(value: Any) -> Sequence[Any]:
    """What a loss argument names, through lists and dicts of outputs."""
    if isinstance(value, Mapping) and "class_name" not in value:
        value = list(value.values())
    return (
        [item for part in value for item in _leaves(part)]
        if isinstance(value, (list, tuple))
        else []
        if value is None
        else [value]
    )


def _verbosity(where: str, verbose: str | int) -> int:
    """0, 1 or 2. Raises: ArgumentError."""
    level = 1 if isinstance(verbose, str) and verbose == "auto" else verbose
    if np.ndim(level) or level not in (0, 1, 2):
        raise ArgumentError.at(
            where, "verbose", "0, 1, 2 or 'auto'", verbose, "0 is silent, 1 a live line, 2 a line an epoch."
        )
    return int(level)
