"""Which of two models errs less, and since when, at a confidence that holds however often one looks."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LOOK = 64
"""Rows after which it is looked at again."""
_BEGIN = 512
"""Rows after which a further sequence begins."""
_MEMORY = 1_000.0
_SLOPES = 0.9 * 0.62 ** np.arange(18)
_CURVES = -np.log1p(-_SLOPES) - _SLOPES
_STEPS = 4
_DIGITS = 9


class Standing(NamedTuple):
    """What can be said of the mean difference over some rows."""

    better: bool
    """Whether the mean was above 0 beyond doubt, over all rows or those since some time, and nothing later says otherwise."""
    difference: float
    low: float
    high: float
    """The mean difference is between these with the confidence that was asked for, at all times at once."""
    since: int
    """The time of the first of the rows."""
    n: int


NOTHING = Standing(False, math.nan, math.nan, math.nan, 0, 0)


class Comparison:
    """Confidence sequences for the mean of paired differences between -1 and 1: that of losses, ours less theirs.

    The bounds are empirical Bernstein, as a mixture over 18 slopes (Howard, Ramdas, McAuliffe and Sekhon 2021, theorem 4), and
    hold for the running mean of conditional expectations, so neither model need stay as it is (Choe and Ramdas 2024).
    A sequence begins with the first row and others after every 512, of which those are kept that are of about doubling ages,
    some three times the logarithm of their number.
    The first has half the level, the j-th after it 1 / (j (j + 1)) of the other half, so that with the confidence
    1 - level all intervals of all sequences are right at all times, and the one may be chosen that says most.
    """

    def __init__(self, level: float) -> None:
        if not 0 < level < 1:
            raise ValueError(f"level must lie in (0, 1), got {level}")
        self._level = level
        self.n = 0
        self._sum = self._spread = self._centre = 0.0
        self._begun: list[tuple[int, int, float, float]] = []
        """Row, time, sum and spread at which each sequence that is kept began."""
        self._claimed = -1
        """The row from which on it is said to be better; -1 if it is not."""
        self._over = 0
        """The last row from which on it was worse beyond doubt."""
        self.standing = NOTHING

    def add(self, difference: float, time: int) -> bool:
        """Takes the difference of a row, at a time; gives whether it was looked at, so that `standing` is new."""
        if self.n % _BEGIN == 0:
            self._begin(time)
        self._sum += difference
        self._spread += (difference - self._centre) * (difference - self._centre)
        self._centre += (difference - self._centre) / min(self.n + 1.0, _MEMORY)
        self.n += 1
        if self.n % LOOK:
            return False
        self.standing = self._look()
        return True

    def sequences(self) -> list[Standing]:
        """What each sequence that is kept says now, the oldest first."""
        rows, _, sums, spreads = (np.array(column, np.float64) for column in zip(*self._begun, strict=True))
        n = self.n - rows
        mean = (self._sum - sums) / n
        bound = 2.0 * _bound((self._spread - spreads) / 4.0, self._levels(rows)) / n
        low, high = np.maximum(mean - bound, -1.0), np.minimum(mean + bound, 1.0)
        columns = (np.round(column, _DIGITS).tolist() for column in (mean, low, high))
        return [
            Standing(least > 0, middle, least, most, since, self.n - row)
            for (row, since, _, _), middle, least, most in zip(self._begun, *columns, strict=True)
        ]

    def state(self) -> dict[str, Any]:
        """Everything but the level, as plain values."""
        return {
            "n": self.n, "sum": self._sum, "spread": self._spread, "centre": self._centre,
            "claimed": self._claimed, "over": self._over, "standing": list(self.standing),
            "begun": [list(each) for each in self._begun],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.n, self._sum, self._spread, self._centre = state["n"], state["sum"], state["spread"], state["centre"]
        self._begun = [(row, time, total, spread) for row, time, total, spread in state["begun"]]
        self._claimed, self._over = state["claimed"], state["over"]
        self.standing = Standing(*state["standing"])

    def _begin(self, time: int) -> None:
        """Begins a sequence here; keeps those that began at a multiple of 2^k while they are not older than 2^(k+2)."""
        now = self.n // _BEGIN
        self._begun = [each for each in self._begun if each[0] == self._claimed or _kept(each[0] // _BEGIN, now)]
        self._begun.append((self.n, time, self._sum, self._spread))

    def _levels(self, rows: Floats) -> Floats:
        number = rows / _BEGIN
        with np.errstate(divide="ignore"):
            shares = np.where(number > 0, 1.0 / (number * (number + 1.0)), 1.0)
        levels: Floats = self._level / 2.0 * shares
        return levels

    def _look(self) -> Standing:
        """The sequence that says most: the one with the highest low end, unless it was worse from a later row on."""
        every = self.sequences()
        self._over = max([self._over, *(self.n - each.n for each in every if each.high < 0)])
        since = [each for each in every if self._holds(each)]
        best = max(since, key=lambda each: (each.low, each.n), default=None)
        if best is None:
            self._claimed = -1
            return every[0]._replace(better=False)
        self._claimed = self.n - best.n
        return best._replace(better=True)

    def _holds(self, each: Standing) -> bool:
        """Whether it can be said of a sequence that it is better; what was said once may be, while the mean is above 0."""
        start = self.n - each.n
        return start >= self._over and (each.better or (start == self._claimed and each.difference > 0))


def _kept(start: int, now: int) -> bool:
    return start == 0 or now - start < 4 * (start & -start)


def _bound(spread: Floats, level: Floats) -> Floats:
    """How far the sum of numbers within a range of 1 may be from that of their expectations, float64[m].

    It is where the mixture reaches 2 / level, found from above, so that fewer steps only make it wider.
    """
    shares = math.log(len(_SLOPES))
    wanted = np.log(2.0 / level)
    curves = np.multiply.outer(spread, _CURVES) + shares
    sums = ((wanted[:, None] + curves) / _SLOPES).min(axis=1)
    for _ in range(_STEPS):
        logs = sums[:, None] * _SLOPES - curves
        largest = logs.max(axis=1)
        weights = np.exp(logs - largest[:, None])
        total = weights.sum(axis=1)
        sums = sums - (largest + np.log(total) - wanted) * total / (weights * _SLOPES).sum(axis=1)
    bound: Floats = sums
    return bound
