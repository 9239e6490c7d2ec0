"""What a callback is, and the list that calls only who listens.

A hook that no callback overrides costs nothing: the loop asks `overrides` once, before training. Batch hooks make
training go step by step; without them a whole epoch is one call of the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, ClassVar

from elman.arguments import Checked
from elman.errors import ArgumentError

__all__ = ["Callback", "CallbackList", "LambdaCallback", "callbacks_of"]

Logs = MutableMapping[str, float]
Hook = Callable[..., None] | None


class Callback(Checked):
    """Something that is told how training goes, and may act on it. Override the hooks you need.

    `self.model` is the model that trains, `self.params` a dict with epochs, steps and verbose. `logs` are the means of
    the epoch so far, by the names of `history`: floats, or lists of them for metrics of several numbers. Setting
    `self.model.stop_training = True` ends training after the epoch (or the batch).

    Example:
        >>> class Talk(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, logs["loss"])
    """

    only_reads: ClassVar[bool] = False
    """Whether it takes nothing but the numbers of epochs: several short ones may pass before it is told of each."""

    def __init__(self) -> None:
        self.model: Any = None
        self.params: dict[str, Any] = {}

    def set_model(self, model: Any) -> None:
        """Called before training with the model."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Called before training with what fit was told."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, also when Ctrl-C or divergence ended it (then `params['complete']` is false)."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """After an epoch and its validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a training step."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a training step."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before evaluation."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """After evaluation."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of evaluation."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch of prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch of prediction."""

    def on_progress(self, batch: int, logs: Logs | None = None) -> None:
        """About every 50 ms within an epoch, after `batch` steps: for displays; when exactly depends on the machine."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


_NOBODY: dict[str, list[Callable[..., None]]] = {hook: [] for hook in HOOKS}


def callbacks_of(where: str, callbacks: Any) -> list[Callback]:
    """Callbacks as a list, from one, several or none.

    Raises: ArgumentError: something that is not a Callback.
    """
    several = isinstance(callbacks, Iterable) and not isinstance(callbacks, str)
    given = list(callbacks) if several else [] if callbacks is None else [callbacks]
    for callback in given:
        if not isinstance(callback, Callback):
            name = getattr(callback, "__name__", "")
            kind = isinstance(callback, type) and issubclass(callback, Callback)
            cure = f"Make one: {name}()." if kind else "Derive it from elman.callbacks.Callback."
            raise ArgumentError.at(where, "callbacks", "Callback objects in a list", callback, cure)
    return given


class CallbackList(Checked):
    """Callbacks as one: each hook goes to those that override it, in order.

    Raises: ArgumentError: something that is not a Callback.
    """

    def __init__(self, callbacks: Iterable[Callback] | Callback | None, model: Any, params: dict[str, Any]) -> None:
        given = self.callbacks = callbacks_of("fit", callbacks)
        self.params = params
        self.listeners = {hook: self._listening(hook) for hook in HOOKS} if given else _NOBODY
        for callback in given:
            callback.set_params(params)
            callback.set_model(model)

    def _listening(self, hook: str) -> list[Callable[..., None]]:
        default = getattr(Callback, hook)
        return [getattr(c, hook) for c in self.callbacks if getattr(getattr(c, hook), "__func__", None) is not default]

    def overrides(self, *hooks: str) -> bool:
        """Whether anybody listens to one of the hooks."""
        return any(self.listeners[hook] for hook in hooks)

    @property
    def only_read(self) -> bool:
        """Whether all take nothing but numbers."""
        return all(c.only_reads for c in self.callbacks)

    def call(self, hook: str, *args: Any) -> None:
        """Tell everybody who listens."""
        for listener in self.listeners[hook]:
            listener(*args)


class LambdaCallback(Callback):
    """A callback from functions: `LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))`.

    Args: any hook of `Callback` by name; those listed and the others alike.
    Raises: ArgumentError: a name that is no hook.
    """

    def __init__(
        self,
        on_epoch_begin: Hook = None,
        on_epoch_end: Hook = None,
        on_train_begin: Hook = None,
        on_train_end: Hook = None,
        on_train_batch_begin: Hook = None,
        on_train_batch_end: Hook = None,
        **hooks: Hook,
    ) -> None:
        super().__init__()
        listed = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }
        for name, function in {**listed, **hooks}.items():
            if name not in HOOKS:
                raise ArgumentError.at(
                    "LambdaCallback", "arguments", f"hooks ({', '.join(HOOKS)})", name, "Check the spelling."
                )
            if function is not None:
                setattr(self, name, function)
