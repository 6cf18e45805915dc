"""Daily and weekly seasons of scores: harmonics of event time, fitted by least squares to sums that grow."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import Array

from .early import Early
from .halves import Halves
from .scores import UNIT
from .sums import Sums
from .waves import COLUMNS, DAY, WAVES, WEEK, Runs

_MODELS = (range(1), range(7), range(13))
"""What may be fitted, by columns of the table: nothing, the day, day and week."""
FEW = 1_024
"""Rows of which a stream that is slow keeps its scores, because a fit to so few is rough."""
_DAILY = 6
"""Waves of the day alone."""
_PERIODS = 2
"""How many of its periods must have been seen before a season is fitted."""
KNOWN_AFTER = _PERIODS * DAY
"""Microseconds before which no season is known."""
_FEWEST = 100
_EXPLAINED = 0.5
"""What is left of the step of rows that were held, of it or of the season, at most, if that is to be what the change is."""
_SUSPECT = 64.0
"""How much likelier, twice the logarithm, a season beside a step in the first days must be to be suspected of one."""
Mask = npt.NDArray[np.bool_]


class Seasons:
    """Of d columns.  Without event times there are none."""

    def __init__(self, columns: int, wanted: bool) -> None:
        self.wanted = wanted
        self._rows = 0
        self._first = self._last = 0
        self._squares = np.zeros(columns)
        self._products = np.zeros((COLUMNS, columns))
        self._gram = np.zeros((COLUMNS, COLUMNS))
        self._beta = np.zeros((COLUMNS, columns))
        self._changed = np.zeros((COLUMNS, columns))
        """By how much the last fit differs from the one before."""
        self.regressors = np.zeros(columns, np.int64)
        """How many waves are fitted to each column."""
        self._known = np.zeros(columns)
        """How many of its rows say something: not those that are held where there is no longer season."""
        self._away, self._away_sums = np.zeros((COLUMNS, columns)), np.zeros(columns)
        """Of other rows that were held: sums of the waves and of the scores."""
        self._halves = Halves(columns)
        self.found = np.zeros(columns, np.bool_)
        """In which columns that were held the last fit found a longer season."""
        self.level = np.zeros(columns)
        """The scores' mean when a season was first fitted, [d]; 0 where there is no season."""
        self._early: Early | None = Early(columns) if wanted else None
        """What came before any season could be fitted."""
        self._interval = 0.0
        """Microseconds between two rows at the last fit, on average."""

    @property
    def any(self) -> bool:
        """Whether some column has a season."""
        return bool(self.regressors.any())

    @property
    def slow(self) -> bool:
        """Whether rows come so slowly that seasons may be fitted to fewer than `FEW`."""
        return self._interval * FEW > KNOWN_AFTER

    def periods(self, rows: int) -> Array:
        """How often its longest period passes in so many rows, [d]; infinite where there is no season."""
        longest = np.select([self.regressors > _DAILY, self.regressors > 0], [float(WEEK), float(DAY)], np.inf)
        return np.where(self.regressors > 0, rows * self._interval / longest, np.inf)

    def take(self, scores: Array, plain: Array, held: Mask | None, when: Runs | None) -> None:
        """Takes the next scores, float64[d, n], what their seasons leave of them, and which are held because of a change.

        A longer season may be what the change is; where there can be none, these count as their season says.
        """
        if when is None or not self.wanted:
            return
        if not self._rows:
            self._first = int(when.times[0])
        self._rows += len(when.times)
        self._last = max(self._last, int(when.times.max()))
        self._known += len(when.times)
        away_sums = None
        if held is not None and held.any():
            whole = (self.regressors == _MODELS[-1][-1])[:, np.newaxis]
            self._known -= (held & whole).sum(axis=1)
            scores = np.where(held & whole, scores - plain, scores)
            away = (held & ~whole).astype(np.float64)
            away_sums = when.sums(away), when.sums(scores * away)
            self._away += when.waves.T @ away_sums[0].T
            self._away_sums += away_sums[1].sum(axis=1)
        sums = when.sums(scores)
        self._halves.take(when, self._first, sums, away_sums)
        if self._early is not None:
            self._early.take(sums, when, self._first)
        self._squares += np.einsum("ij,ij->i", scores, scores)
        self._products += when.waves.T @ sums.T
        self._gram += (when.waves.T * when.rows) @ when.waves

    def without(self, scores: Array, when: Runs | None) -> Array:
        """Scores without their season."""
        if when is None or not self.any:
            return scores
        return scores - when.repeated(np.rint((when.waves @ self._beta).T / UNIT**2))

    def suspect(self, held: Mask) -> Mask:
        """Says in which columns, [d], there may be a step beside their first season; what is behind it is held from now on.

        A step that is not taken out looks like persistence, in which it hides.
        """
        suspects = np.zeros(len(self.found), np.bool_)
        if self._early is None or not self._interval or self._rows <= FEW or self.slow or not self._seen():
            return suspects
        gram, products = self._sums.equations(_MODELS[1])
        steps = self._early.steps(gram, products, self._squares)
        left = self._squares - (np.linalg.solve(gram, products) * products).sum(axis=0)
        suspects |= ~held & (self._away[0] == 0) & (self.regressors == 0)
        gain = np.log(np.maximum(left, 1.0)) - np.log(np.maximum(steps.left, 1.0))
        suspects &= self._rows * gain > _SUSPECT
        self._away[:, suspects], self._away_sums[suspects] = steps.waves[:, suspects], steps.sums[suspects]
        self._halves.hold(suspects, list(steps.odd_waves), list(steps.odd_sums))
        return suspects

    def acquit(self, columns: Mask) -> None:
        """Holds nothing of columns, [d], any more."""
        self._away[:, columns] = self._away_sums[columns] = 0.0
        self._halves.acquit(columns)

    def held(self, columns: Mask) -> tuple[Array, Array, Array]:
        """How many rows of some columns were held, and their sums: of what the season leaves, and of the season itself.

        [d] each, 0 of other columns; the last one less as many times the season's mean.
        """
        rows, season = self._away[0] / UNIT, (self._away * self._beta).sum(axis=0) / UNIT**2
        left, more = self._away_sums - season, season - rows * (self._gram[0] @ self._beta) / UNIT**3 / max(self._rows, 1)
        return np.where(columns, rows, 0.0), np.where(columns, left, 0.0), np.where(columns, more, 0.0)

    def refit(self, held: Mask) -> None:
        """Chooses for each column what explains it best (AIC), of the seasons that have been seen twice.

        One that is longer than before must be there in both halves of its periods, or an incident of a day would make a
        season.  Columns that are held, [d], keep theirs, but where a longer one makes of the change a season.
        """
        if not self._rows:
            return
        self._interval = (self._last - self._first) / max(self._rows - 1, 1)
        seen = self._seen()
        if not seen and not self.any:
            return
        self._early = None
        n, before, had = np.maximum(self._known, 1.0), self._beta, self.regressors
        best = np.full(len(n), np.inf)
        self._beta, self.regressors = np.where(held, before, 0.0), np.where(held, had, 0)
        for model in (_MODELS[0], *seen):
            regressors = len(model) - 1
            beta, step, left = self._fitted(model)
            criterion = n * np.log(left) + 2 * regressors
            better = (criterion < best - 1e-6) & (~held | (regressors >= had))
            if (better & (regressors > had)).any():
                better &= (regressors <= had) | self._halves.agree(self._sums, model, beta)
            best = np.where(better, criterion, best)
            size = np.maximum(self._step(), np.sqrt((beta[1:] ** 2).sum(axis=0) / 2))
            better &= ~held | ((regressors > had) & (np.abs(step) < _EXPLAINED * size))
            if regressors and better.any():
                self._beta[:, better] = 0.0
                self._beta[np.ix_(np.array(model), np.flatnonzero(better))] = np.rint(beta[:, better] * UNIT)
                self.regressors[better] = regressors
        self.found = (self.regressors > had) & (held | (self._away[0] > 0))
        held = held & ~self.found

        # A mean that were fitted again and again would take every lasting shift with it.
        again = before[1:].any(axis=0) & self._beta[1:].any(axis=0) & ~held & ~self.found
        waves = self._gram[0] / max(self._gram[0, 0], 1.0)
        self._beta[0, again] += np.rint(waves @ (before - self._beta))[again]
        self.level = np.where(held | again, self.level, np.rint(waves @ self._beta / UNIT))
        self._changed = self._beta - before

    def forget(self, columns: Mask) -> None:
        """Takes all that was seen of some columns, [d], for noise about 0."""
        for sums in (self._products, self._beta, self._away):
            sums[:, columns] = 0.0
        self._away_sums[columns] = self.level[columns] = self.regressors[columns] = 0
        self._halves.forget(columns)

    def _seen(self) -> list[range]:
        """The seasons of which two periods have been seen."""
        span = self._last - self._first + self._interval
        return [m for m in _MODELS[1:] if self._rows >= _FEWEST and span >= _PERIODS * WAVES[(m[-1] - 1) // 2][0]]

    @property
    def _sums(self) -> Sums:
        """What seasons are fitted to."""
        return Sums(self._gram, self._products, self._away, self._away_sums)

    def _step(self) -> Array:
        """By how much rows that were held are away from the others, [d]."""
        away = self._away[0] / UNIT
        others = (self._products[0] / UNIT - self._away_sums) / np.maximum(self._rows - away, 1.0)
        step: Array = np.abs(self._away_sums / np.maximum(away, 1.0) - others)
        return step

    def _fitted(self, model: range) -> tuple[Array, Array, Array]:
        """A season of some columns of the table and a step of rows that were held: both, and what they leave of squares.

        The season is [w, d]; step and squares are [d].
        """
        beta, step = self._sums.fitted(model)
        explained = (beta * self._products[np.array(model)]).sum(axis=0) / UNIT + step * self._away_sums
        left = self._squares - explained
        least = 1e-3 * np.maximum(self._squares - self._products[0] ** 2 / UNIT**2 / self._rows, 1.0)
        return beta, step, np.maximum(left, least)

    def changed(self, lags: int) -> tuple[Array, Array]:
        """What the last fit takes from the sum of all scores, [d], and from their autocovariances, [d, lags + 1], summed."""
        total = self._gram[0] @ self._changed / UNIT**3
        squares = (self._changed * (self._gram @ self._changed)).sum(axis=0) / UNIT**4
        power = self._changed[1::2] ** 2 + self._changed[2::2] ** 2 + 1e-9
        turns = np.array([2 * np.pi * k * self._interval / period for period, k in WAVES])
        shape = np.cos(turns[:, np.newaxis] * np.arange(lags + 1))
        share = (power[..., np.newaxis] * shape[:, np.newaxis]).sum(axis=0) / power.sum(axis=0)[:, np.newaxis]
        return total, (squares - total**2 / max(self._rows, 1))[:, np.newaxis] * share

    def widening(self, windows: Array) -> Array:
        """By how much the estimated season widens the mean before each window, [d, w]."""
        fitted = (self._beta[1::2] != 0) | (self._beta[2::2] != 0)
        cycles = np.array([k * self._interval / period for period, k in WAVES])
        waves: Array = fitted.T.astype(np.float64) @ np.sinc(np.outer(cycles, windows)) ** 2
        return 1 + 2 * waves

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        return {
            "season": {
                "rows": self._rows, "first": self._first, "last": self._last, "interval": self._interval,
                "regressors": self.regressors.copy(), "known": self._known.copy(),
                "away": self._away.copy(), "away_sums": self._away_sums.copy(),
                "squares": self._squares.copy(), "products": self._products.copy(), "gram": self._gram.copy(),
                "beta": self._beta.copy(), "level": self.level.copy(),
                "halves": self._halves.state(), "early": None if self._early is None else self._early.state(),
            }
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        saved = state["season"]
        self._rows, self._first, self._last, self._interval = (saved[key] for key in ("rows", "first", "last", "interval"))
        self.regressors = saved["regressors"].copy()
        self._known, self._away, self._away_sums = (saved[key].copy() for key in ("known", "away", "away_sums"))
        self._squares, self._products, self._gram = (saved[key].copy() for key in ("squares", "products", "gram"))
        self._beta, self.level = saved["beta"].copy(), saved["level"].copy()
        self._halves.restore(saved["halves"])
        self._early = None if saved["early"] is None else Early.restored(saved["early"])
