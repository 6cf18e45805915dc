"""The test of the scan for whitened numbers: the difference of means, by its standard error."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors import Array

from . import tables, thresholds
from .channels import Fit
from .scanner import FIRST, Baseline
from .thresholds import Sides
from .whitening import SCALE
from .windows import Level

Ints = npt.NDArray[np.int64]


class NumberTest:
    """Of columns in units of `SCALE`, whose fit says how well the mean before a window is known."""

    def __init__(self, share_up: float) -> None:
        self._share_up = share_up

    def prepare(self, run_length: Array, sides: Sides, fit: Fit, effects: Array, block: int) -> None:
        """Makes thresholds for run lengths in values and a fit; `effects` are the least changes that matter, in sd."""
        self._sides, self._unit = sides, 4.0 / block
        # The levels that there can be before the next fit.
        levels = min(tables.LEVELS, max(1, (fit.reach // block + 2).bit_length() - 2))
        windows = tables.lengths(levels, block)
        model = fit.model
        slow = np.where((model.order > 0)[:, np.newaxis, np.newaxis], tables.kept(model.total, windows), 0.0)
        uncertain = slow * slow * model.uncertainty[:, np.newaxis, np.newaxis]
        self._freedom = 1 / (2 * (uncertain + 1 / (2 * fit.rows[:, np.newaxis, np.newaxis])))
        up, down = self._heights(run_length, windows * self._unit, sides)
        self._up = np.sqrt(thresholds.student(up * up, self._freedom))
        self._down = self._up if down is up else np.sqrt(thresholds.student(down * down, self._freedom))
        self._lowest = np.minimum(self._up, self._down).min(axis=0)
        widening = fit.widening(windows.ravel())
        self._season = None if widening is None else widening.reshape(-1, *windows.shape)
        self._least = effects * (1 - model.total) / np.where(model.noise > 0, model.noise, 1.0)

    def exceed(self, level: Level, baseline: Baseline, block: int) -> tuple[Ints, ...]:
        """Windows whose mean is too far from the mean before them: their lengths, steps and columns."""
        k, s, c = self._screened(level, baseline, block)
        if not len(k):
            return k, s, c
        windows, steps = level.windows[k], level.steps[s]
        inside = steps - baseline.since[c]
        ready = (windows <= inside * float(block)) & (inside >= FIRST)
        k, s, c, windows, steps = k[ready], s[ready], c[ready], windows[ready], steps[ready]
        start = level.before[k, s, c]
        n, total = baseline.behind(steps * float(block) - windows, start, c, block)
        difference = ((level.sums[s, c] - start) / windows - total / n) / SCALE
        lengths = k + (2 if level.number == 0 else 8)
        limit = np.where(difference > 0, self._up[c, lengths, level.number], self._down[c, lengths, level.number])
        widening = 1.0 if self._season is None else self._season[c, lengths, level.number]
        beyond = np.abs(difference) > limit * np.sqrt(1 / windows + widening / n) + self._least[c]
        return k[beyond], s[beyond], c[beyond]

    def nearness(self, level: Level, baseline: Baseline, block: int) -> tuple[Array, Array]:
        """Statistics of windows and their thresholds, [K, S, C]; infinite where there is no comparison."""
        windows, n, total = level.windows[:, np.newaxis, np.newaxis], baseline.sizes(level, block), baseline.totals(level)
        difference = ((level.sums - level.before) / windows - total / n) / SCALE
        widening = 1.0 if self._season is None else tables.entries(self._season, level)
        limits = np.where(difference > 0, tables.entries(self._up, level), tables.entries(self._down, level))
        limits = np.where(baseline.ready(level, block), limits, np.inf)
        return np.maximum(np.abs(difference) - self._least, 0.0) / np.sqrt(1 / windows + widening / n), limits

    def alarm(self, level: int, window: float, column: int, inside: float, n: float, before: float) -> tuple[float, float]:
        """The standardised difference beyond what matters, and its threshold."""
        k = int(window * self._unit / 4) >> level
        widening = 1.0 if self._season is None else float(self._season[column, k, level])
        difference = (inside / window - before / n) / SCALE
        error = float(np.sqrt(1 / window + widening / n))
        limits = self._up if difference > 0 else self._down
        return float((abs(difference) - float(self._least[column])) / error), float(limits[column, k, level])

    def rarity(self, level: int, window: float, column: int, statistic: float, up: bool) -> float:
        """The run length, in values, at which a statistic would have been at its threshold."""
        k = int(window * self._unit / 4) >> level
        plain = float(np.sqrt(thresholds.normal(statistic * statistic, float(self._freedom[column, k, level]))))
        at = thresholds.rarity(plain, window * self._unit, float(self._sides.horizon[column]), 1.46)
        return at * tables.of_both(self._share_up, up) / self._unit

    def squares(self, inside: Array, windows: Array, before: Array, n: Array, column: int) -> Array:
        """Twice the log likelihood ratio of splits."""
        difference = (inside / windows - before / n) / SCALE
        squares: Array = difference * difference / (1 / windows + 1 / n)
        return squares

    def deviation(self, column: int) -> float:
        """The standard deviation of a sum of values of a column, by the root of their number."""
        return SCALE

    def _screened(self, level: Level, baseline: Baseline, block: int) -> tuple[Ints, ...]:
        """Windows that may be too far and new, by the lowest of all thresholds; the exact comparison is dear."""
        windows, n = level.windows[:, np.newaxis], baseline.plain(level, block)
        lengths = slice(2, 16) if level.number == 0 else slice(8, 16)
        error = self._lowest[lengths, level.number, np.newaxis] * np.sqrt(1 / windows + 1 / n) * windows * SCALE
        factors = (1 + windows / n)[..., np.newaxis]
        if baseline.alike and not baseline.anew:
            difference = level.before * factors
            np.subtract(level.sums, difference, out=difference)
            np.abs(difference, out=difference)
            return _where(difference > error[..., np.newaxis])
        ratio = level.windows[:, np.newaxis, np.newaxis] / baseline.sizes(level, block)
        difference = level.sums - level.before - ratio * baseline.totals(level)
        k, s, c = _where(np.abs(difference) > error[..., np.newaxis])
        new = ~baseline.silent(level.steps[s], c, difference[k, s, c] > 0)
        return k[new], s[new], c[new]

    def _heights(self, run_length: Array, windows: Array, sides: Sides) -> tuple[Array, Array]:
        """Plain thresholds upwards and downwards, [C, 16, levels]."""
        different, which = np.unique(np.stack((run_length, sides.horizon)), axis=1, return_inverse=True)
        run, horizon = different[:, :, np.newaxis, np.newaxis]
        windows = np.maximum(windows, 8.0)
        if self._share_up == 0.5:
            both = thresholds.height(run, windows, horizon, thresholds.factor(run))
            both = both[which]
            return both, both
        shares = (self._share_up, 1 - self._share_up)
        up, down = (thresholds.height(run / s / 2, windows, horizon, thresholds.factor(run / s)) for s in shares)
        return up[which], down[which]


def _where(exceed: npt.NDArray[np.bool_]) -> tuple[Ints, ...]:
    return np.nonzero(exceed) if exceed.any() else _NOWHERE


_NOWHERE = (np.empty(0, np.int64),) * 3
