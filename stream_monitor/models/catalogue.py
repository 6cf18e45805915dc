"""The incremental models that a configuration may name, and the parameters that each takes.

This is all there is: a name that is not here is an error, and nothing is ever imported by a name that somebody wrote.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from stream_monitor.config.nearest import nearest_word

Task = Literal["classification", "regression"]
Parameters = Mapping[str, bool | int | float]


class Parameter(NamedTuple):
    """A number that may be set."""

    default: int | float
    low: float
    high: float

    @property
    def whole(self) -> bool:
        """Whether it is a whole number."""
        return isinstance(self.default, int)


class Entry(NamedTuple):
    """A model: what it is for, and what may be set."""

    task: Task
    parameters: dict[str, Parameter]
    summary: str


_LINEAR = {"learning_rate": Parameter(0.01, 1e-6, 1.0), "l2": Parameter(0.0, 0.0, 1.0)}
_TREE = {
    "grace_period": Parameter(200, 10, 100_000),
    "delta": Parameter(1e-7, 1e-30, 0.5),
    "tau": Parameter(0.05, 0.0, 1.0),
    "max_depth": Parameter(6, 1, 10),
}

ENTRIES = {
    "logistic": Entry("classification", _LINEAR, "logistic regression on scaled features, one against the rest"),
    "naive_bayes": Entry("classification", {}, "Gaussian naive Bayes"),
    "hoeffding_tree": Entry("classification", _TREE, "Hoeffding tree (Domingos and Hulten 2000)"),
    "hoeffding_adaptive": Entry("classification", _TREE, "Hoeffding tree that renews its branches (Bifet and Gavaldà 2009)"),
    "previous": Entry("classification", {}, "the class that the last label had"),
    "majority": Entry("classification", {}, "the class that labels have had most often"),
    "linear": Entry("regression", _LINEAR, "linear regression on scaled features"),
    "hoeffding_regressor": Entry("regression", _TREE, "Hoeffding tree with linear models in its leaves"),
    "adaptive_regressor": Entry("regression", _TREE, "the same, renewing its branches"),
    "mean": Entry("regression", {}, "the mean of all labels"),
}


def checked(name: str, given: Parameters) -> dict[str, int | float]:
    """All parameters of a model, those given among them; raises ValueError that says what is wrong and what was meant."""
    if name not in ENTRIES:
        raise ValueError(f"there is no model {name!r}{_meant(name, ENTRIES)}; there are {', '.join(ENTRIES)}")
    known = ENTRIES[name].parameters
    for key, value in given.items():
        if key not in known:
            takes = f"; it takes {', '.join(known)}" if known else "; it takes none"
            raise ValueError(f"{name} has no parameter {key!r}{_meant(key, known)}{takes}")
        _check(f"{name}.{key}", known[key], value)
    return {key: _typed(parameter, given.get(key, parameter.default)) for key, parameter in known.items()}


def _check(name: str, parameter: Parameter, value: object) -> None:
    kind = "a whole number" if parameter.whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if parameter.whole else (int, float)):
        raise ValueError(f"{name} must be {kind}, got {value!r}")
    if not parameter.low <= value <= parameter.high:
        raise ValueError(f"{name} must be between {parameter.low:g} and {parameter.high:g}, got {value!r}")


def _typed(parameter: Parameter, value: float) -> int | float:
    return int(value) if parameter.whole else float(value)


def _meant(word: str, words: Iterable[str]) -> str:
    close = nearest_word(word, words, 0.5)
    return f" (did you mean {close}?)" if close else ""
