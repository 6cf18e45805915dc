"""Page-Hinkley: declares a change when values have drifted from their own mean for long enough."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np

from . import Array, Change, Direction, Sees, State, Times, run_lengths
from .column import present

_MODES = ("up", "down", "both")


class _Sums(NamedTuple):
    """What one signal carries since its last change.  Everything is a number, so a state is one array."""

    n: float = 0.0
    mean: float = 0.0
    up: float = 0.0
    low: float = np.inf
    low_row: float = -1.0
    """The row at which `up` was last at its lowest, and below the number of values by then."""
    low_n: float = 0.0
    down: float = 0.0
    high: float = -np.inf
    high_row: float = -1.0
    high_n: float = 0.0


class PageHinkley:
    """The test of Page (1954) for the mean; the arithmetic is river's, alarm for alarm.

    The defaults suit a loss that is standardised on its reference (mean 0, standard deviation 1): an increase of one standard
    deviation is declared after some 100 values.  With `forgetting` the sums wander, which costs false alarms: on independent
    values one in about 20,000 with river's 0.0001, one in millions without.  river's defaults are `delta=0.005, threshold=50,
    forgetting=0.0001`; its alpha is 1 - `forgetting`.

    `allow` holds for independent, standard normal values, whose sums less their own mean are those of a CUSUM.  It needs
    `forgetting` to be 0.

    A signal begins anew after each of its changes.  `start` is the row after the one at which the running sum was last at its
    extreme; `n_reference` and `n_current` are the numbers of values up to there and since.
    """

    sees: ClassVar[Sees] = "numbers"
    knob: ClassVar[str | None] = "threshold"
    learns: ClassVar[bool] = False
    robust: ClassVar[bool] = False

    def __init__(
        self,
        signals: int,
        *,
        minimum: int = 30,
        delta: float = 0.05,
        threshold: float = 100.0,
        forgetting: float = 0.0,
        mode: Direction = "both",
    ) -> None:
        if minimum < 1:
            raise ValueError(f"minimum must be at least 1, got {minimum}")
        if not 0 <= delta < np.inf:
            raise ValueError(f"delta must not be negative, got {delta}")
        if not 0 < threshold < np.inf:
            raise ValueError(f"threshold must be positive, got {threshold}")
        if not 0 <= forgetting < 1:
            raise ValueError(f"forgetting must lie in [0, 1), got {forgetting}")
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}, got {mode!r}")
        self._minimum, self._delta, self._keep = minimum, delta, 1 - forgetting
        self._up, self._down = mode != "down", mode != "up"
        self._limits = [threshold] * signals
        self._allowed = False
        self._rows = 0
        self._sums = [_Sums()] * signals
        self.statistic = np.full(signals, np.nan)
        """How far the sum is from its extreme, the larger of the sides that are watched."""
        self.threshold = np.full(signals, np.nan)

    def allow(self, run_length: Array) -> None:
        """Sets how far each sum may be from its extreme; `minimum` is not accounted for."""
        if self._keep < 1:
            raise NotImplementedError("with forgetting, run lengths of Page-Hinkley are not known")
        self._limits = run_lengths.limit(run_length, self._run_length).tolist()
        self._allowed = True

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Does nothing: values are compared with their own mean."""

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is not finite, or beyond 1e100, is missing and does not count."""
        changes: list[Change] = []
        for signal in range(len(self._sums)):
            rows, numbers = present(values[:, signal], self._rows)
            at = 0
            while at < len(numbers):
                at = self._run(signal, rows, numbers, at, changes)
        self._rows += len(values)
        return sorted(changes)

    def state(self) -> State:
        """Everything but the settings, as numbers and arrays."""
        return {
            "rows": self._rows,
            "sums": np.array(self._sums, np.float64).reshape(len(self._sums), len(_Sums._fields)),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`."""
        self._rows = state["rows"]
        self._sums = [_Sums(*sums) for sums in state["sums"].tolist()]
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()

    def _run(self, signal: int, rows: Sequence[int], numbers: list[float], at: int, changes: list[Change]) -> int:
        """Goes through the values from `at` on, up to and including the first change; gives the place after it."""
        n, mean, up, low, low_row, low_n, down, high, high_row, high_n = self._sums[signal]
        keep, delta, minimum = self._keep, self._delta, self._minimum
        limit_up = self._limits[signal] if self._up else math.inf
        limit_down = self._limits[signal] if self._down else math.inf
        changed = False
        for i in range(at, len(numbers)):
            value = numbers[i]
            n += 1.0
            mean += (1.0 / n) * (value - mean)
            deviation = value - mean
            up = keep * up + deviation - delta
            down = keep * down + deviation + delta
            if up < low:
                low, low_row, low_n = up, rows[i], n
            if down > high:
                high, high_row, high_n = down, rows[i], n
            if (up - low > limit_up or high - down > limit_down) and n >= minimum:
                changed = True
                break
        self._sums[signal] = sums = _Sums(n, mean, up, low, low_row, low_n, down, high, high_row, high_n)
        self._judge(signal, sums)
        if changed:
            changes.append(self._change(signal, sums, rows[i]))
            self._sums[signal] = _Sums()
        return i + 1

    def _judge(self, signal: int, sums: _Sums) -> None:
        if sums.n >= self._minimum:
            self.statistic[signal] = max(self._sides(sums))
            self.threshold[signal] = self._limits[signal]

    def _sides(self, sums: _Sums) -> tuple[float, float]:
        """How far each sum is from its extreme; a side that is not watched is at 0."""
        return (
            sums.up - sums.low if self._up else 0.0,
            sums.high - sums.down if self._down else 0.0,
        )

    def _change(self, signal: int, sums: _Sums, row: int) -> Change:
        up, down = self._sides(sums)
        direction: Direction = "up" if up >= down else "down"
        extreme, before = (sums.low_row, sums.low_n) if up >= down else (sums.high_row, sums.high_n)
        statistic, rarity = max(up, down), math.nan
        if self._allowed:
            rarity = float(self._run_length(np.array(statistic)))
        return Change(
            row, signal, statistic, self._limits[signal], direction, int(extreme) + 1, int(before), int(sums.n - before),
            rarity=rarity,
        )  # fmt: skip

    def _run_length(self, limits: Array) -> Array:
        return run_lengths.cusum(limits, self._delta, self._up + self._down)
