"""Every exception and warning elman raises, and the one way their texts are built.

    ElmanError                     Exception
    |-- ShapeError                 ValueError       an array has the wrong rank or size
    |-- DTypeError                 TypeError        an array or a value has the wrong type
    |-- DataError                  ValueError       the data itself: NaN, inf, empty, ragged, unsorted time
    |   `-- UnknownColumnError     KeyError         a table has no such column
    |-- ArgumentError              ValueError       a setting is out of range or contradicts another
    |   `-- UnknownNameError       ValueError       a loss, optimizer, activation ... nobody knows
    |-- GraphError                 RuntimeError     a graph breaks a rule of graph/verify.py
    |-- ExecutorError              RuntimeError     the executor asked for cannot run here
    |-- NotBuiltError              RuntimeError     used before it was built, compiled or fitted
    |-- WeightsError               ValueError       weights do not fit the model
    |-- FileFormatError            ValueError       a model file is damaged, foreign, or too new
    |-- OverwriteError             FileExistsError  an existing file would be lost
    |-- MissingFileError           FileNotFoundError  a file to read, or the folder to write one in, is not there
    |-- FolderError                IsADirectoryError  a folder stands where a file is asked for
    |-- DivergenceError            ArithmeticError  training reached NaN or infinity
    |-- MemoryLimitError           MemoryError      a run would need more memory than there is
    `-- MissingExtraError          ImportError      an optional dependency is not installed

    ElmanWarning                   UserWarning
    |-- ReferenceExecutorWarning                    no compiled extension: correct, but slow
    `-- TruncationWarning                           a sequence was longer than allowed, and cut

Each class is also the builtin beside it, so `except ValueError` keeps working. Ctrl-C stays
`KeyboardInterrupt`: were it an `ElmanError`, `except Exception` would swallow it.

Every text has four parts, written by `at`:
`{where}: {argument} must be {rule}. Received {argument}={value}. {cure}`
"""

from __future__ import annotations

import difflib
import inspect
import re
import warnings
from collections.abc import Iterable
from typing import ClassVar, Self

__all__ = [
    "ArgumentError",
    "DTypeError",
    "DataError",
    "DivergenceError",
    "ElmanError",
    "ElmanWarning",
    "ExecutorError",
    "FileFormatError",
    "FolderError",
    "GraphError",
    "MemoryLimitError",
    "MissingExtraError",
    "MissingFileError",
    "NotBuiltError",
    "OverwriteError",
    "ReferenceExecutorWarning",
    "ShapeError",
    "TruncationWarning",
    "UnknownColumnError",
    "UnknownNameError",
    "WeightsError",
    "missing_extra",
    "recomputation_warning",
    "reference_executor_warning",
    "threads_warning",
    "truncation_warning",
    "unknown_column",
    "unknown_name",
    "warn",
]

_LONGEST_VALUE = 120
_LONGEST_LIST = 20
_OWN_VERB = re.compile(r"(be|have|not)\b")


class ElmanError(Exception):
    """What every error of elman has in common: catch it to catch them all.

    Example:
        >>> try:
        ...     raise ArgumentError.at("fit", "epochs", "at least 1", 0)
        ... except ElmanError as error:
        ...     print(error)
        fit: epochs must be at least 1. Received epochs=0.
    """

    # What a received value is called in words, and the text that may be called so.
    _noun: ClassVar[str] = ""
    _noun_of: ClassVar[re.Pattern[str]] = re.compile(r"(?!)")

    @classmethod
    def at(
        cls,
        where: str,
        argument: str,
        rule: str,
        received: object,
        cure: str = "",
        *,
        because: str = "",
    ) -> Self:
        """Build the error with the house's four-part text; the caller raises it.

        Args:
            where: the function, or the layer with its name, that owns the rule.
            argument: the name as the caller wrote it.
            rule: what follows "must be": "at least 1", "of shape (B, T, 8)". A rule with its own verb, be, have or
                not, follows "must": "have shape (B, T, 8)", "not exist yet".
            received: the value itself. In a ShapeError a shape, in a DTypeError a dtype, is called so; a string
                stands in both without quotes, for a value that is better told in words.
            cure: a full sentence: what to do now. Empty only where the rule says it all.
            because: what is wrong with the value where the rule alone does not show it:
                "no time axis", "row 7, column 'sales' is NaN".

        Example:
            >>> print(ArgumentError.at("fit", "batch_size", "at least 1", 0, "The usual is 32."))
            fit: batch_size must be at least 1. Received batch_size=0. The usual is 32.
        """
        must = "must" if _OWN_VERB.match(rule) else "must be"
        reason = f": {because}" if because else ""
        text = f"{where}: {argument} {must} {rule}. Received {cls._received(argument, received)}{reason}."
        return cls(f"{text} {cure}" if cure else text)

    @classmethod
    def _received(cls, argument: str, value: object) -> str:
        # numpy's dtype, without importing numpy: an array has no kind.
        in_words = isinstance(value, str | tuple) or hasattr(value, "kind")
        if not cls._noun or not in_words:
            return f"{argument}={_shown(value)}"
        text = _cut(str(value))
        return f"{cls._noun} {text}" if cls._noun_of.match(text) else text

    def __str__(self) -> str:
        # KeyError would print the repr of its argument, OSError an errno.
        return str(self.args[0]) if self.args else ""


class ShapeError(ElmanError, ValueError):
    """An array has the wrong rank or the wrong size along an axis.

    Example:
        >>> print(ShapeError.at("LSTM 'encoder'", "x", "have shape (B, T, 8)", (32, 8),
        ...                     "Add one with x[:, None, :].", because="no time axis"))
        LSTM 'encoder': x must have shape (B, T, 8). Received shape (32, 8): no time axis. \
Add one with x[:, None, :].
    """

    _noun = "shape"
    _noun_of = re.compile(r"\(")


class DTypeError(ElmanError, TypeError):
    """An array or a value has a type that cannot be used here without guessing.

    Example:
        >>> print(DTypeError.at("Embedding", "ids", "integers", "float32",
        ...                     "Cast them with ids.astype('int32')."))
        Embedding: ids must be integers. Received dtype float32. Cast them with ids.astype('int32').
    """

    _noun = "dtype"
    _noun_of = re.compile(r"(bool|u?int|b?float|complex|object|string)\d*\b|[<>|]?[A-Z]\d+$")


class DataError(ElmanError, ValueError):
    """The data cannot be learned from: NaN, infinity, empty, ragged, unsorted or double times.

    Example:
        >>> print(DataError.at("fit", "X", "finite", float("nan"), "Fill or drop the row.",
        ...                    because="row 7, column 'sales'"))
        fit: X must be finite. Received X=nan: row 7, column 'sales'. Fill or drop the row.
    """


class UnknownColumnError(DataError, KeyError):
    """A table has no column of that name. Build it with `unknown_column`.

    Example:
        >>> print(unknown_column("fit", "target", "sale", ["month", "sales"]))
        fit: target must be a column of the table. Received target='sale'. Did you mean 'sales'? \
Known: 'month', 'sales'.
    """


class ArgumentError(ElmanError, ValueError):
    """A setting is out of its range, or contradicts another setting.

    Example:
        >>> print(ArgumentError.at("Dropout", "rate", "in [0, 1)", 1.5))
        Dropout: rate must be in [0, 1). Received rate=1.5.
    """


class UnknownNameError(ArgumentError):
    """A name stands for nothing elman knows. Build it with `unknown_name`.

    Example:
        >>> print(unknown_name("compile", "optimizer", "adm", ["adam", "sgd"]))
        compile: optimizer must be a known name. Received optimizer='adm'. Did you mean 'adam'? \
Known: 'adam', 'sgd'.
    """


class GraphError(ElmanError, RuntimeError):
    """A graph breaks a rule of graph/verify.py: a bug in a cell, a rewrite, or in elman.

    Example:
        >>> print(GraphError.at("scan 'rnn'", "body", "a step that returns as many states as it takes", 1,
        ...                     "Return (output, *states) from step().", because="it takes 2"))
        scan 'rnn': body must be a step that returns as many states as it takes. Received body=1: it takes 2. \
Return (output, *states) from step().
    """


class ExecutorError(ElmanError, RuntimeError):
    """The executor or instruction set that was asked for cannot run on this machine.

    Example:
        >>> print(ExecutorError.at("native", "ELMAN_ISA", "supported by this CPU", "avx512",
        ...                        "Unset it to let elman choose."))
        native: ELMAN_ISA must be supported by this CPU. Received ELMAN_ISA='avx512'. \
Unset it to let elman choose.
    """


class NotBuiltError(ElmanError, RuntimeError):
    """A model, layer or estimator was used before it was built, compiled or fitted.

    Example:
        >>> print(NotBuiltError("Sequential: predict needs a built model. Call fit() first."))
        Sequential: predict needs a built model. Call fit() first.
    """


class WeightsError(ElmanError, ValueError):
    """Weights do not fit the model: their number, a name or a shape differs.

    Example:
        >>> print(WeightsError.at("Dense 'head'", "weights", "a list of 2 arrays", 3,
        ...                       "Pass [kernel, bias]."))
        Dense 'head': weights must be a list of 2 arrays. Received weights=3. Pass [kernel, bias].
    """


class FileFormatError(ElmanError, ValueError):
    """A model file is truncated, damaged, hostile, of another program, or of a later version.

    Example:
        >>> print(FileFormatError.at("load", "path", "a whole elman file", "m.safetensors",
        ...                          "Copy it again.", because="cut off after 812 bytes"))
        load: path must be a whole elman file. Received path='m.safetensors': \
cut off after 812 bytes. Copy it again.
    """


class OverwriteError(ElmanError, FileExistsError):
    """An existing file or run folder would be lost.

    Example:
        >>> print(OverwriteError.at("train", "output", "not exist yet", "model.safetensors",
        ...                         "Choose another name or pass --force."))
        train: output must not exist yet. Received output='model.safetensors'. \
Choose another name or pass --force.
    """


class MissingFileError(ElmanError, FileNotFoundError):
    """A file that is to be read, or the folder of one that is to be written, does not exist.

    Example:
        >>> print(MissingFileError.at("save", "filepath", "in an existing folder", "new/m.safetensors",
        ...                           "Create it first.", because="there is no folder 'new'"))
        save: filepath must be in an existing folder. Received filepath='new/m.safetensors': \
there is no folder 'new'. Create it first.
    """


class FolderError(ElmanError, IsADirectoryError):
    """A folder stands where a file is asked for.

    Example:
        >>> print(FolderError.at("load", "path", "a file", "models", "Name the file in it.", because="it is a folder"))
        load: path must be a file. Received path='models': it is a folder. Name the file in it.
    """


class DivergenceError(ElmanError, ArithmeticError):
    """Training reached NaN or infinity; the model keeps the last good weights.

    `step` is the update, counted from 0, whose loss was first not finite; None if not known.

    Example:
        >>> error = DivergenceError.after(120, "nan", "Lower the learning rate or set clipnorm=1.")
        >>> print(error, error.step)
        fit: loss must stay finite. Received loss=nan at step 120; the weights of the last good \
step are kept. Lower the learning rate or set clipnorm=1. 120
    """

    step: int | None = None

    @classmethod
    def after(cls, step: int, loss: object, cure: str) -> Self:
        """Build the error for the update `step` whose loss was `loss`."""
        error = cls(
            f"fit: loss must stay finite. Received loss={_plain(loss)} at step {step}; "
            f"the weights of the last good step are kept. {cure}"
        )
        error.step = step
        return error


class MemoryLimitError(ElmanError, MemoryError):
    """A run would need more memory than it may have; nothing was allocated and nothing has changed.

    Attributes:
        needed, limit: bytes; limit is 0 where the machine itself refused, needed 0 where it is not known.

    Example:
        >>> print(MemoryLimitError.of(3 << 30, 2 << 30, 512))
        Plan: a batch must fit into 2.0 GiB of memory. Received a batch of 512 rows that needs 3.0 GiB. \
Lower batch_size, or cut the sequences (a field's max_length does).
        >>> print(MemoryLimitError.of(8 << 30, 2 << 30, 1))
        Plan: a batch must fit into 2.0 GiB of memory. Received a batch of 1 row that needs 8.0 GiB. \
Cut the sequences to 25 % of this length (a field's max_length does), or take fewer units or layers.
    """

    needed: int = 0
    limit: int = 0

    @classmethod
    def of(cls, needed: int, limit: int, rows: int) -> Self:
        """Build the error from bytes needed, bytes allowed, and the rows of the batch."""
        room = f"{_size(limit)} of memory" if limit else "the memory that is free"
        received = f"a batch of {rows} row{'' if rows == 1 else 's'} that needs {_size(needed)}" if needed else "more"
        cure = "Lower batch_size, or cut the sequences (a field's max_length does)."
        if rows == 1:
            share = f"to {max(1, 100 * limit // needed)} % of this length" if limit else "shorter"
            cure = f"Cut the sequences {share} (a field's max_length does), or take fewer units or layers."
        error = cls(f"Plan: a batch must fit into {room}. Received {received}. {cure}")
        error.needed, error.limit = needed, limit
        return error


class MissingExtraError(ElmanError, ImportError):
    """An optional dependency is not installed. Build it with `missing_extra`.

    Example:
        >>> print(missing_extra("read_parquet", "pyarrow", "parquet"))
        read_parquet: pyarrow must be installed. Received no module named 'pyarrow'. \
Install it with: pip install "elman[parquet]"
    """


class ElmanWarning(UserWarning):
    """What every warning of elman has in common.

    Example:
        >>> import warnings
        >>> warnings.simplefilter("ignore", ElmanWarning)
    """


class ReferenceExecutorWarning(ElmanWarning):
    """No compiled extension: the NumPy reference executor runs instead.

    Example:
        >>> print(reference_executor_warning("No module named 'elman._native'"))
        elman runs on the slow NumPy reference executor: its compiled extension is not available \
(No module named 'elman._native'). Install a C++20 compiler (Debian and Ubuntu: apt install g++; \
macOS: xcode-select --install), then install elman again with pip's options --force-reinstall \
--no-deps --no-cache-dir. Set ELMAN_EXECUTOR=reference to choose it silently.
    """


class TruncationWarning(ElmanWarning):
    """Sequences were longer than their field allows and lost their ends. Build it with `truncation_warning`.

    Example:
        >>> print(truncation_warning("Text.encode", cut=2, total=50, limit=1000, longest=1200))
        Text.encode: 2 of 50 samples are longer than max_length=1000 and lost their ends; the longest had 1200 steps \
or more. Pass a larger max_length, or None, to keep them whole.
    """


def unknown_name(where: str, argument: str, value: object, known: Iterable[str], cure: str = "") -> UnknownNameError:
    """Build the error for a name outside `known`, with the nearest known names; a cure stands in front of them.

    Example:
        >>> print(unknown_name("Dense", "activation", "Relu6", ["relu", "tanh"]))
        Dense: activation must be a known name. Received activation='Relu6'. Did you mean 'relu'? \
Known: 'relu', 'tanh'.
    """
    return UnknownNameError.at(where, argument, "a known name", value, f"{cure} {_nearest(value, known)}".lstrip())


def unknown_column(where: str, argument: str, value: object, known: Iterable[str]) -> UnknownColumnError:
    """Build the error for a column outside `known`, with the nearest known columns.

    Example:
        >>> print(unknown_column("read", "time", "Q", ["month", "sales"]))
        read: time must be a column of the table. Received time='Q'. Known: 'month', 'sales'.
    """
    rule = "a column of the table"
    return UnknownColumnError.at(where, argument, rule, value, _nearest(value, known))


def missing_extra(where: str, package: str, extra: str) -> MissingExtraError:
    """Build the error for an optional `package` that the extra `extra` would install.

    Example:
        >>> print(missing_extra("TensorBoard", "tensorboardX", "tensorboard"))
        TensorBoard: tensorboardX must be installed. Received no module named 'tensorboardX'. \
Install it with: pip install "elman[tensorboard]"
    """
    return MissingExtraError(
        f"{where}: {package} must be installed. Received no module named {package!r}. "
        f'Install it with: pip install "elman[{extra}]"'
    )


def reference_executor_warning(reason: str) -> ReferenceExecutorWarning:
    """Build the warning that the compiled extension is missing, with the cure.

    Args:
        reason: why it could not be imported, in the words of the ImportError.

    Example:
        >>> "apt install g++" in str(reference_executor_warning("not built"))
        True
    """
    return ReferenceExecutorWarning(
        "elman runs on the slow NumPy reference executor: its compiled extension is not available "
        f"({reason}). Install a C++20 compiler (Debian and Ubuntu: apt install g++; "
        "macOS: xcode-select --install), then install elman again with pip's options "
        "--force-reinstall --no-deps --no-cache-dir. "
        "Set ELMAN_EXECUTOR=reference to choose it silently."
    )


def recomputation_warning(where: str, steps: int, needed: int, least: int) -> ElmanWarning:
    """Build the warning that a sequence of `steps` is learned from in `least` bytes instead of `needed`.

    Example:
        >>> print(recomputation_warning("Model 'm'", 1000000, 20 << 30, 4 << 30))
        Model 'm': a sequence of 1000000 steps needs 20.0 GiB to learn from as it is, and 4.0 GiB where what its steps \
computed is computed again on the way back. That is done: the gradient is the same, the step takes about a third longer.
    """
    return ElmanWarning(
        f"{where}: a sequence of {steps} steps needs {_size(needed)} to learn from as it is, and {_size(least)} where "
        "what its steps computed is computed again on the way back. That is done: the gradient is the same, the step "
        "takes about a third longer."
    )


def threads_warning(threads: int, missing: int) -> ElmanWarning:
    """Build the warning that the system starts no more threads.

    Example:
        >>> print(threads_warning(4, 3))
        native: ELMAN_NUM_THREADS must be as many threads as the system starts. Received 4, of which 3 were refused. \
The results are the same, later. Raise the limit (ulimit -u, or that of the container), or set ELMAN_NUM_THREADS=1.
    """
    return ElmanWarning(
        "native: ELMAN_NUM_THREADS must be as many threads as the system starts. "
        f"Received {threads}, of which {missing} were refused. The results are the same, later. "
        f"Raise the limit (ulimit -u, or that of the container), or set ELMAN_NUM_THREADS={threads - missing}."
    )


def truncation_warning(where: str, cut: int, total: int, limit: int, longest: int) -> TruncationWarning:
    """Build the warning that `cut` of `total` sequences were cut to `limit` steps.

    Example:
        >>> "1 of 1 samples" in str(truncation_warning("Text.encode", 1, 1, 4, 9))
        True
    """
    return TruncationWarning(
        f"{where}: {cut} of {total} samples are longer than max_length={limit} and lost their ends; "
        f"the longest had {longest} steps or more. Pass a larger max_length, or None, to keep them whole."
    )


def warn(text: str) -> None:
    """Give an ElmanWarning, at the line of the user's program that led to it.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as seen:
        ...     warnings.simplefilter("always")
        ...     warn("fit: steps_per_epoch must be at most 4.")
        >>> print(seen[0].message)
        fit: steps_per_epoch must be at most 4.
    """
    frame, level = inspect.currentframe(), 0
    while frame is not None and str(frame.f_globals.get("__name__")).startswith("elman."):
        frame, level = frame.f_back, level + 1
    warnings.warn(ElmanWarning(text), stacklevel=level + 1)


def _nearest(value: object, known: Iterable[str]) -> str:
    """What is near and what is known, a long list only where nothing is near; letter case does not count."""
    by_lower = {name.lower(): name for name in sorted(known)}
    near = difflib.get_close_matches(str(value).lower(), by_lower, n=3)
    hint = f"Did you mean {' or '.join(repr(by_lower[name]) for name in near)}?" if near else ""
    if near and len(by_lower) > _LONGEST_LIST:
        return hint
    return f"{hint} Known: {', '.join(map(repr, by_lower.values())) or 'none'}.".lstrip()


def _plain(value: object) -> str:
    """A shape, a dtype or a number as people write it: without quotes or the name of its class."""
    return _cut(str(value))


def _shown(value: object) -> str:
    """The value as Python prints it, cut short; an array by shape and dtype, never its numbers."""
    known = not isinstance(value, type)  # the class of a field has a shape that is a property
    shape, dtype = (getattr(value, name, None) if known else None for name in ("shape", "dtype"))
    if shape and dtype is not None:
        return f"<{type(value).__name__} of shape {tuple(shape)}, {dtype}>"
    if dtype is not None and hasattr(value, "item"):
        value = value.item()
    return _cut(repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def _size(count: int) -> str:
    """Bytes as a person reads them."""
    power, unit = (30, "GiB") if count >= 2**29 else (20, "MiB") if count >= 2**19 else (10, "KiB")
    return f"{count / 2**power:.1f} {unit}"
