"""scikit-learn's contract for estimators, without scikit-learn."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import sys
from typing import Any, Self, TypeVar, dataclass_transform

from elman.errors import NotBuiltError, unknown_name

__all__ = ["Estimator", "settings"]

Kind = TypeVar("Kind", bound="Estimator")


@dataclass_transform(eq_default=False, kw_only_default=True, field_specifiers=(dataclasses.field,))
def settings(kind: type[Kind]) -> type[Kind]:
    """Give an estimator a constructor that takes its annotated settings by name, its parents' too, and stores them.

    Example:
        >>> @settings
        ... class Doubler(Estimator):
        ...     factor: float = 2
        >>> Doubler(factor=3)
        Doubler(factor=3)
    """
    return dataclasses.dataclass(eq=False, repr=False, kw_only=True)(kind)


class Estimator:
    """What every task has in common: settings that are stored as given, learning that is marked by `_`.

    `__init__` stores its arguments under their names and does nothing else, so that an estimator can be
    cloned, searched over and printed; `settings` writes it. What `fit` learns ends in an underscore.
    """

    @classmethod
    def _parameters(cls) -> dict[str, inspect.Parameter]:
        parameters = inspect.signature(cls.__init__).parameters
        return {name: parameter for name, parameter in parameters.items() if name != "self"}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings, by name."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> Self:
        """Change settings by name; what was learned stays until the next `fit`.

        Raises:
            UnknownNameError: no such setting.
        """
        for name, value in params.items():
            if name not in self._parameters():
                raise unknown_name(type(self).__name__, "parameter", name, self._parameters())
            setattr(self, name, value)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return any(name.endswith("_") and not name.startswith("_") for name in vars(self))

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn's own functions ask before they accept a foreign estimator; only it calls this."""
        known = sys.modules["sklearn.utils"]
        return known.Tags(estimator_type=None, target_tags=known.TargetTags(required=False))

    def __repr__(self) -> str:
        changed = {
            name: getattr(self, name)
            for name, parameter in self._parameters().items()
            if getattr(self, name) != parameter.default
        }
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in changed.items())})"

    def __sklearn_clone__(self) -> Self:
        return type(self)(**{name: copy.deepcopy(value) for name, value in self.get_params().items()})

    def _check_fitted(self, what: str) -> None:
        if not self.__sklearn_is_fitted__():
            raise _unfitted()(f"{type(self).__name__}: {what} needs a fitted model. Call fit() or load() first.")


def _unfitted() -> type[NotBuiltError]:
    """The error of an unfitted estimator; where scikit-learn is in use, one that it knows too."""
    known = sys.modules.get("sklearn.exceptions")
    return NotBuiltError if known is None else type("NotFittedError", (NotBuiltError, known.NotFittedError), {})
