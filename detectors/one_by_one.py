"""Errors taken one by one, signal after signal, each beginning anew after its changes: what several detectors share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np

from . import Array, Change, State, Times
from .column import errors

Sums = TypeVar("Sums", bound=tuple[float, ...])


class OneByOne(ABC, Generic[Sums]):
    """Carries some numbers for each signal.  `make` gives them, from nothing or as they were."""

    def __init__(self, signals: int, make: Callable[..., Sums]) -> None:
        self._make = make
        self._rows = 0
        self._sums = [make()] * signals
        self.statistic = np.full(signals, np.nan)
        self.threshold = np.full(signals, np.nan)

    @abstractmethod
    def _run(self, signal: int, rows: Sequence[int], numbers: list[float], at: int) -> tuple[int, Change | None]:
        """Goes through errors from `at` on, up to the first change; gives the place after it, and the change if any."""

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is neither 0 nor 1 is missing and does not count."""
        changes: list[Change] = []
        for signal in range(len(self._sums)):
            rows, numbers = errors(values[:, signal], self._rows)
            at = 0
            while at < len(numbers):
                at, change = self._run(signal, rows, numbers, at)
                if change:
                    changes.append(change)
                    self._sums[signal] = self._make()
        self._rows += len(values)
        return sorted(changes)

    def state(self) -> State:
        """Everything but the settings, as numbers and arrays."""
        return {
            "rows": self._rows,
            "sums": np.array(self._sums, np.float64).reshape(len(self._sums), len(self._make())),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`."""
        self._rows = state["rows"]
        self._sums = [self._make(*sums) for sums in state["sums"].tolist()]
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()
