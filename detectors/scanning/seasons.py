"""Daily and weekly seasons of scores, fitted by least squares to sums that grow.

Harmonics of event time; or of the day alone, and beside them levels of the days of the week.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import Array

from .early import Early
from .halves import Halves
from .hours import Hours
from .scores import UNIT
from .sums import Sums
from .waves import COLUMNS, DAY, EDGES, OF_PERIOD, SMOOTH, STAIRS, TABLE, WAVES, WEEK, Runs, of_bins

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
_CHOICE = 2 * np.log(EDGES)
"""What it costs levels of days that the hour at which days begin is chosen."""
_ALIASES = np.arange(1, 42)
"""Harmonics of the week that levels of its days have."""
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class _Fit(NamedTuple):
    """A season of each of d columns beside a step of rows that were held."""

    beta: Array
    """[w, d]."""
    step: Array
    """[d]."""
    left: Array
    """What both leave of squares, [d]."""
    edges: Ints
    """The hour at which days begin, [d]."""


class Seasons:
    """Of d columns.  Without event times there are none.

    Of columns of which so many are looked at `together` as one signal, a season in one must explain the more.
    """

    def __init__(self, columns: int, wanted: bool, together: Ints | int = 1) -> None:
        self.wanted = wanted
        self._choice = 2 * np.log(together)
        """What a season costs because it is that of one of several columns."""
        self._rows = 0
        self._first = self._last = 0
        self._squares = np.zeros(columns)
        self._products = np.zeros((COLUMNS, columns))
        self._gram = np.zeros((COLUMNS, COLUMNS))
        self._hours = Hours(columns)
        self._beta = np.zeros((COLUMNS, columns))
        self.edges = np.full(columns, SMOOTH)
        """The UTC hour at which days begin whose levels take the place of waves of the week, in each column."""
        self._before = self._beta, self.edges
        """The fit before the last one."""
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
        self._hours.take(when.bins, when.hours, when.rows, sums, None if away_sums is None else away_sums[0])
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
        season = when.waves @ self._beta
        for edge, columns in _groups(self.edges):
            days = when.waves[:, :-OF_PERIOD] @ self._beta[:-OF_PERIOD, columns]
            season[:, columns] = days + STAIRS[edge][when.hours] @ self._beta[-OF_PERIOD:, columns]
        return scores - when.repeated(np.rint(season.T / UNIT**2))

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
        self._hours.hold(np.flatnonzero(suspects), steps.hours[:, suspects])
        self._halves.hold(suspects, list(steps.odd_waves), list(steps.odd_sums))
        return suspects

    def acquit(self, columns: Mask) -> None:
        """Holds nothing of columns, [d], any more."""
        self._away[:, columns] = self._away_sums[columns] = 0.0
        self._hours.let_go(columns)
        self._halves.acquit(columns)

    def held(self, columns: Mask) -> tuple[Array, Array, Array]:
        """How many rows of some columns were held, and their sums: of what the season leaves, and of the season itself.

        [d] each, 0 of other columns; the last one less as many times the season's mean.
        """
        rows, away, waves = self._away[0] / UNIT, self._away.copy(), self._waves(self.edges)
        for edge, mine in _groups(self.edges):
            away[:, mine] = self._sums_of(edge).away[:, mine]
        season = (away * self._beta).sum(axis=0) / UNIT**2
        left, more = self._away_sums - season, season - rows * (waves * self._beta).sum(axis=0) / UNIT**3 / max(self._rows, 1)
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
        n, before, had = np.maximum(self._known, 1.0), (self._beta, self.edges), self.regressors
        best = np.full(len(n), np.inf)
        self._beta, self.regressors = np.where(held, before[0], 0.0), np.where(held, had, 0)
        self.edges = np.where(held, before[1], SMOOTH)
        for fit in (*(self._fitted(model, self._sums) for model in (_MODELS[0], *seen)), *self._levels(seen)):
            regressors = len(fit.beta) - 1
            choice = np.where(fit.edges == SMOOTH, 0.0, _CHOICE) + (self._choice if regressors else 0.0)
            criterion = n * np.log(fit.left) + 2 * regressors + choice
            better = (criterion < best - 1e-6) & (~held | (regressors >= had))
            if (better & (regressors > had)).any():
                better &= (regressors <= had) | self._agree(fit)
            best = np.where(better, criterion, best)
            better &= ~held | ((regressors > had) & self._explains(fit))
            if regressors and better.any():
                self._beta[:, better] = 0.0
                self._beta[: regressors + 1, better] = np.rint(fit.beta[:, better] * UNIT)
                self.regressors[better], self.edges[better] = regressors, fit.edges[better]
        self.found = (self.regressors > had) & (held | (self._away[0] > 0))
        held = held & ~self.found

        # A mean that were fitted again and again would take every lasting shift with it.
        again = before[0][1:].any(axis=0) & self._beta[1:].any(axis=0) & ~held & ~self.found
        now = self._level(self._beta, self.edges)
        self._beta[0, again] += np.rint(self._level(*before) - now)[again]
        self.level = np.where(held | again, self.level, np.rint(now / UNIT))
        self._before = before

    def forget(self, columns: Mask) -> None:
        """Takes all that was seen of some columns, [d], for noise about 0."""
        for sums in (self._products, self._beta, self._away):
            sums[:, columns] = 0.0
        self._away_sums[columns] = self.level[columns] = self.regressors[columns] = 0
        self.edges[columns] = SMOOTH
        self._hours.forget(columns)
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

    def _fitted(self, model: range, sums: Sums, edge: int = SMOOTH) -> _Fit:
        """A season of the first columns of the table and a step of rows that were held; with an edge, of levels of days."""
        beta, step = sums.fitted(model)
        explained = (beta * sums.products[np.array(model)]).sum(axis=0) / UNIT + step * self._away_sums
        left = self._squares - explained
        least = 1e-3 * np.maximum(self._squares - self._products[0] ** 2 / UNIT**2 / self._rows, 1.0)
        return _Fit(beta, step, np.maximum(left, least), np.full(len(left), edge))

    def _sums_of(self, edge: int) -> Sums:
        """What waves are fitted to, or levels of days that begin at an hour."""
        return self._sums if edge == SMOOTH else self._hours.stairs(self._sums)(edge)

    def _levels(self, seen: list[range]) -> list[_Fit]:
        """The best levels of the days of a week, wherever days begin; none before weeks have been seen."""
        if _MODELS[-1] not in seen:
            return []
        stairs = self._hours.stairs(self._sums)
        best = self._fitted(_MODELS[-1], stairs(0), 0)
        for edge in range(1, EDGES):
            fit = self._fitted(_MODELS[-1], stairs(edge), edge)
            better = fit.left < best.left
            best = _Fit(*(np.where(better, new, old) for new, old in zip(fit, best, strict=True)))
        return [best]

    def _explains(self, fit: _Fit) -> Mask:
        """In which columns, [d], a season leaves little of the step of rows that were held."""
        size = np.maximum(self._step(), np.sqrt((fit.beta[1:] ** 2).sum(axis=0) / 2))
        explains: Mask = np.abs(fit.step) < _EXPLAINED * size
        return explains

    def _agree(self, fit: _Fit) -> Mask:
        """In which columns, [d], a season is in both halves of its periods; of levels of days it is asked of the waves.

        Beside these a step may take what is a level: levels that leave little of it are looked for as if nothing were held.
        """
        model = range(len(fit.beta))
        agree, levels = self._halves.agree(self._sums, model), fit.edges != SMOOTH
        if levels.any():
            agree |= levels & self._explains(fit) & self._halves.agree(self._sums, model, held=False)
        return agree

    def _waves(self, edges: Ints) -> Array:
        """The sums of all waves, or of their stairs, [w, d]."""
        waves = np.repeat(self._gram[0][:, np.newaxis], len(edges), axis=1)
        for edge, columns in _groups(edges):
            waves[:, columns] = self._sums_of(edge).gram[0][:, np.newaxis]
        return waves

    def _level(self, beta: Array, edges: Ints) -> Array:
        """A season's mean over all rows, [d]."""
        level: Array = (self._waves(edges) / max(self._gram[0, 0], 1.0) * beta).sum(axis=0)
        return level

    def changed(self, lags: int) -> tuple[Array, Array]:
        """What the last fit takes from the sum of all scores, [d], and from their autocovariances, [d, lags + 1], summed."""
        some = np.flatnonzero(self._beta.any(axis=0) | self._before[0].any(axis=0))
        before = self._before[0][:, some], self._before[1][some]
        change = _of_week(self._beta[:, some], self.edges[some]) - _of_week(*before)
        total, covariances = np.zeros(len(self.level)), np.zeros((len(self.level), lags + 1))
        total[some] = self._hours.rows @ change
        squares = self._hours.rows @ change**2 - total[some] ** 2 / max(self._rows, 1)
        spectrum = np.abs(np.fft.rfft(change - change.mean(axis=0), axis=0)) ** 2
        shape = np.fft.irfft(spectrum, len(TABLE), axis=0) + 1e-9
        bins = np.arange(lags + 1) * self._interval * len(TABLE) / WEEK
        near, part = bins.astype(np.int64), (bins % 1)[:, np.newaxis]
        lagged = shape[near % len(TABLE)] * (1 - part) + shape[(near + 1) % len(TABLE)] * part
        covariances[some] = (squares * lagged / shape[0]).T
        return total, covariances

    def widening(self, windows: Array) -> Array:
        """By how much the estimated season widens the mean before each window, [d, w]."""
        fitted = (self._beta[1::2] != 0) | (self._beta[2::2] != 0)
        stairs = self.edges != SMOOTH
        fitted[-OF_PERIOD // 2 :, stairs] = False
        cycles = np.array([k * self._interval / period for period, k in WAVES])
        waves: Array = fitted.T.astype(np.float64) @ np.sinc(np.outer(cycles, windows)) ** 2
        if stairs.any():
            aliases = np.sinc(np.outer(_ALIASES * self._interval / WEEK, windows)) ** 2
            waves[stairs] += np.sinc(_ALIASES / 7) ** 2 @ aliases
        return 1 + 2 * waves

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        return {
            "season": {
                "rows": self._rows, "first": self._first, "last": self._last, "interval": self._interval,
                "regressors": self.regressors.copy(), "known": self._known.copy(),
                "away": self._away.copy(), "away_sums": self._away_sums.copy(),
                "squares": self._squares.copy(), "products": self._products.copy(), "gram": self._gram.copy(),
                "hours": self._hours.state(),
                "beta": self._beta.copy(), "edges": self.edges.copy(), "level": self.level.copy(),
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
        self._hours, self.edges = Hours.restored(len(self.level), saved["hours"]), saved["edges"].copy()
        self._halves.restore(saved["halves"])
        self._early = None if saved["early"] is None else Early.restored(saved["early"])


def _groups(edges: Ints) -> list[tuple[int, Ints]]:
    """Edges that some columns have, and which these are."""
    return [(edge, np.flatnonzero(edges == edge)) for edge in np.unique(edges[edges != SMOOTH]).tolist()]


def _of_week(beta: Array, edges: Ints) -> Array:
    """Seasons in each bin of a week, [bins, d], in `UNIT`s."""
    season: Array = TABLE @ beta / UNIT**2
    for edge, columns in _groups(edges):
        days = TABLE[:, :-OF_PERIOD] @ beta[:-OF_PERIOD, columns]
        season[:, columns] = (days + of_bins(STAIRS[edge] @ beta[-OF_PERIOD:, columns])) / UNIT**2
    return season
