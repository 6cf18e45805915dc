"""Which of two models errs less, and since when, at a confidence that holds however often one looks."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Turn = Literal["better", "moved", "no_longer"]

LOOK = 64
"""Rows after which it is looked at again."""
_BEGIN = 512
"""Rows after which a further sequence begins."""
_PATIENCE = 8
"""Times as many rows as it took to say that it is better, after which those since then must say so too."""
_CLEARLY = 0.5
"""The part of what was sure below which few later rows deny it."""
_KEPT = 200
"""More sequences than are ever kept."""
_MEMORY = 1_000.0
_SLOPES = 0.9 * 0.62 ** np.arange(18)
_CURVES = -np.log1p(-_SLOPES) - _SLOPES
_STEPS = 4
_DIGITS = 9


class Standing(NamedTuple):
    """What can be said of the mean difference over some rows."""

    better: bool
    """Whether the mean was above 0 beyond doubt, over all rows or those since some time, and later rows do not deny it."""
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

    What is said is taken back by a later sequence that does not say it: by one that is surely below what was sure (below half
    of it, where it is of less than half of the rows), which an advantage that stays never is with that confidence; or by the
    one that began when it was said, if after eight times as many rows as that took neither does say it any more.  Then only
    rows since count.
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
        self._sure = 0.0
        """The highest low end since that is said."""
        self._took = self._again = 0
        """How many rows it took to say it, and the row at which the sequence begins that is to say so too."""
        self._over = self._ended = 0
        """The last row from which on it was denied; and that with which it was taken back."""
        self.standing = self._told = NOTHING

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

    def turn(self, difference: float, time: int) -> Turn | None:
        """Takes the same; gives what there is to say: that it is better, still is by clearly more or less, or no longer."""
        if not self.add(difference, time):
            return None
        now, told = self.standing, self._told
        if now.better == told.better and not (now.better and now.low > 0 and _moved(now, told)):
            return None
        self._told = now
        return "no_longer" if not now.better else "moved" if told.better else "better"

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

    @property
    def starts(self) -> list[int]:
        """The rows at which the sequences that are kept began."""
        return [row for row, *_ in self._begun]

    def level(self, start: int) -> float:
        """The chance that the intervals of the sequence that began at a row may miss."""
        return float(self._levels(np.array([start], np.float64))[0])

    def state(self) -> dict[str, Any]:
        """Everything but the level, as plain values."""
        return {
            "n": self.n, "sum": self._sum, "spread": self._spread, "centre": self._centre,
            "claimed": self._claimed, "sure": self._sure, "took": self._took, "again": self._again, "over": self._over,
            "ended": self._ended, "standing": list(self.standing), "told": list(self._told),
            "begun": [list(each) for each in self._begun],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._sum, self._spread, self._centre, self._sure = (float(state[key]) for key in ("sum", "spread", "centre", "sure"))
        self.n, self._claimed, self._took = (int(state[key]) for key in ("n", "claimed", "took"))
        self._again, self._over, self._ended = (int(state[key]) for key in ("again", "over", "ended"))
        begun = [(int(row), int(time), float(total), float(spread)) for row, time, total, spread in state["begun"]]
        if len(begun) > _KEPT:
            raise ValueError(f"{len(begun)} sequences")
        self._begun = begun
        self.standing, self._told = _standing(*state["standing"]), _standing(*state["told"])

    def _begin(self, time: int) -> None:
        """Begins a sequence here; keeps those that began at a multiple of 2^k while they are not older than 2^(k+2)."""
        now = self.n // _BEGIN
        held = self._claimed, self._again
        self._begun = [each for each in self._begun if each[0] in held or _kept(each[0] // _BEGIN, now)]
        self._begun.append((self.n, time, self._sum, self._spread))

    def _levels(self, rows: Floats) -> Floats:
        number = rows / _BEGIN
        with np.errstate(divide="ignore"):
            shares = np.where(number > 0, 1.0 / (number * (number + 1.0)), 1.0)
        levels: Floats = self._level / 2.0 * shares
        return levels

    def _look(self) -> Standing:
        """The sequence that says most: the one with the highest low end of those that nothing later denies."""
        every = self.sequences()
        doubted = any(self.n - each.n == self._claimed and not each.better for each in every)
        denied = max((self.n - each.n for each in every if self._denies(each, doubted)), default=-1)
        self._over = max(self._over, denied)
        ended = 0 <= self._claimed <= denied
        if ended:
            self._claimed, self._sure, self._ended = -1, 0.0, denied
        best = max((each for each in every if self._holds(each)), key=lambda each: (each.low, each.n), default=None)
        if best is None:
            self._over = self.n if ended else self._over
            return next(each for each in every if self.n - each.n >= self._ended)._replace(better=False)
        start = self.n - best.n
        if self._claimed < 0 or start > self._again:
            self._took, self._again = best.n, -(-self.n // _BEGIN) * _BEGIN
        self._claimed, self._sure = start, max(self._sure, best.low)
        return best._replace(better=True)

    def _denies(self, each: Standing, doubted: bool) -> bool:
        """Whether a sequence speaks against what is said, or any that began before it; or adds to doubts about what is said."""
        start = self.n - each.n
        if each.better or start < self._claimed:
            return False
        long = 2 * each.n >= self.n - self._claimed
        late = doubted and start == self._again and each.n >= _PATIENCE * self._took
        return each.high < (self._sure if long else _CLEARLY * self._sure) or late

    def _holds(self, each: Standing) -> bool:
        """Whether it can be said of a sequence that it is better; what was said once may be until it is denied."""
        start = self.n - each.n
        return start >= self._over and (each.better or start == self._claimed)


def _standing(better: Any, difference: Any, low: Any, high: Any, since: Any, n: Any) -> Standing:
    return Standing(bool(better), float(difference), float(low), float(high), int(since), int(n))


def _moved(now: Standing, told: Standing) -> bool:
    """Whether a difference is another than was told, or known twice as well."""
    return not now.low <= told.difference <= now.high or 2.0 * (now.high - now.low) <= told.high - told.low


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
