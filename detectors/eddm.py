"""EDDM: declares a change when errors follow each other more closely than they have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from . import Array, Change, Sees, Times
from .one_by_one import OneByOne


class _Sums(NamedTuple):
    """What one signal carries since its last change."""

    n: float = 0.0
    errors: float = 0.0
    last: float = 0.0
    """`n` at the last error."""
    mean: float = 0.0
    """Of the distances between errors, and below their squared deviations."""
    spread: float = 0.0
    longest: float = -1.0
    """The longest that mean and two standard deviations have been, and below what the row and `n` were there."""
    longest_row: float = -1.0
    longest_n: float = 0.0


class EDDM(OneByOne[_Sums]):
    """The early drift detection method of Baena-García and others (2006); with `threshold=0.1` alarms are those of river.

    The distance between errors, its mean and two standard deviations, was longest at some row; a change is declared when it is
    shorter by more than the share `threshold`.  Nothing is declared of the first `minimum` errors, nor of a rate that falls.
    The threshold of 0.1 in the paper, river and MOA alarms by chance every few dozen errors; the default is less eager.

    A signal begins anew after each of its changes.  `start` is the row after the one at which the distance was longest,
    often long before the change; `n_reference` and `n_current` are the numbers of values up to there and since.
    """

    sees: ClassVar[Sees] = "errors"
    knob: ClassVar[str | None] = None
    learns: ClassVar[bool] = False
    robust: ClassVar[bool] = False

    def __init__(self, signals: int, *, minimum: int = 30, threshold: float = 0.25) -> None:
        if minimum < 1:
            raise ValueError(f"minimum must be at least 1, got {minimum}")
        if not 0 < threshold < 1:
            raise ValueError(f"threshold must lie in (0, 1), got {threshold}")
        super().__init__(signals, _Sums)
        self._minimum, self._limit = minimum, threshold

    def allow(self, run_length: Array) -> None:
        """Raises NotImplementedError: chance alarms come early or hardly ever, as the longest distance can only get longer."""
        raise NotImplementedError("EDDM's threshold is a setting: how long it runs depends on the error rate and its beginning")

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Does nothing: distances are compared with their own longest."""

    def _run(self, signal: int, rows: Sequence[int], numbers: list[float], at: int) -> tuple[int, Change | None]:
        n, errors, last, mean, spread, longest, longest_row, longest_n = self._sums[signal]
        minimum, limit, root, shorter = self._minimum, self._limit, math.sqrt, math.nan
        for i in range(at, len(numbers)):
            n += 1.0
            if not numbers[i]:
                continue
            errors += 1.0
            distance, last, before = n - last, n, mean
            mean += (1.0 / errors) * (distance - mean)
            spread += (distance - before) * (distance - mean)
            if n <= minimum:
                continue
            length = mean + 2.0 * (root(spread / (errors - 1.0)) if errors > 1 else 0.0)
            if length > longest:
                longest, longest_row, longest_n = length, rows[i], n
            if errors > minimum:
                shorter = 1.0 - length / longest
                if shorter > limit:
                    break
        self._sums[signal] = _Sums(n, errors, last, mean, spread, longest, longest_row, longest_n)
        if not math.isnan(shorter):
            self.statistic[signal], self.threshold[signal] = shorter, limit
        if not shorter > limit:
            return i + 1, None
        reference = int(longest_n)
        return i + 1, Change(rows[i], signal, shorter, limit, "up", int(longest_row) + 1, reference, int(n) - reference)
