"""Online change detectors: arrays of numbers in, declared changes out.

A detector is one file and one class; the file's name is its word in the configuration.  Dropping a file in is all it takes.
"""

from __future__ import annotations

import importlib
import inspect
import math
import pkgutil
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
"""Event times of rows, microseconds since the epoch, int64[n]."""
State = dict[str, Any]
Direction = Literal["up", "down", "both"]
Sees = Literal["numbers", "errors", "categories", "rows"]
"""What a detector is for: any numbers; errors, 0 or 1; numbers that stand for categories; all signals of a row at once."""


Moved = Literal["mean", "spread", "rate", "shares", "distribution"]


class Change(NamedTuple):
    """A change that a detector declares.  Rows are counted from the detector's first row, so they do not depend on cuts."""

    row: int
    signal: int
    statistic: float
    threshold: float
    direction: Direction
    start: int
    """The row at which the change began, as far as the detector can tell; at most `row`."""
    n_reference: int
    n_current: int
    earliest: int = -1
    latest: int = -1
    """Rows between which it began, with 95% confidence; -1 where the detector cannot tell."""
    rarity: float = math.nan
    """After how many values chance alone gives as much, on average; NaN where the detector cannot tell."""
    moved: Moved = "mean"
    """What of the values has changed."""


class Detector(Protocol):
    """Watches d signals at once.  Settings are the constructor's keyword arguments and are checked there.

    Results depend on the rows alone, never on how they were cut into calls.  A detector that `sees` rows watches them as one
    signal: its changes are of signal 0, its statistic is float64[1].
    """

    sees: ClassVar[Sees]
    knob: ClassVar[str | None]
    """The setting that `allow` takes the place of; None where thresholds are settings only."""
    learns: ClassVar[bool]
    """Whether it compares with the reference; the others compare with what came before."""
    robust: ClassVar[bool]
    """Whether it keeps its run length on values as they are; the others are to be given whitened normal scores."""

    @property
    def statistic(self) -> Array:
        """The latest value of the statistic of each signal, float64[d]; NaN before there is one."""

    @property
    def threshold(self) -> Array:
        """What each statistic is compared with, float64[d]; NaN where there is no comparison yet."""

    def __init__(self, signals: int, **settings: Any) -> None: ...

    def allow(self, run_length: Array) -> None:
        """Sets thresholds, from the next row on, by how many values may pass between two false alarms of each signal.

        float64[d], infinite for a signal that is never to alarm.  Comes after `fit`, and may come again at any time; nothing
        that was seen is forgotten.  Like a setting it is no part of the state, so whoever restores gives it again.  Raises
        ValueError for what is not positive.  Detectors whose thresholds are settings raise NotImplementedError and say why; the
        others say in their docstring for which values the promise holds.
        """

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Takes the reference, float64[m, d], NaN a missing value.  Detectors that need none ignore it."""

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d], NaN a missing value; gives the changes they reveal, by row, then signal.

        Detectors that know seasons read the rows' event times; the others ignore them.
        """

    def state(self) -> State:
        """Everything but settings, run lengths and the reference, as numbers, strings, lists and arrays."""

    def restore(self, state: State) -> None:
        """Goes on from a `state()`, after the same `fit`."""


def names() -> list[str]:
    """The detectors there are, by the word that selects them."""
    return sorted(name for _, name, _ in pkgutil.iter_modules(__path__) if _class_in(name) is not None)


def detector(name: str) -> type[Detector]:
    """The class behind a name; raises ValueError where there is none."""
    found = _class_in(name) if name in {module for _, module, _ in pkgutil.iter_modules(__path__)} else None
    if found is None:
        raise ValueError(f"there is no detector {name!r}; there are {', '.join(names())}")
    return found


def _class_in(name: str) -> type[Detector] | None:
    module = importlib.import_module(f"{__name__}.{name}")
    for _, thing in inspect.getmembers(module, inspect.isclass):
        if thing.__module__ == module.__name__ and hasattr(thing, "update") and hasattr(thing, "fit"):
            return thing  # type: ignore[return-value]  # getmembers knows only object
    return None
