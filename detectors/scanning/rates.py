"""The test of the scan for errors, 0 or 1: the two-sample G of counts, deflated by how much they cluster."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors import Array

from . import tables, thresholds
from .autoregression import inflation
from .channels import Fit
from .scanner import Baseline
from .thresholds import Sides
from .windows import Level

_SHORTEST = 24.0
"""Values of the smallest window, times the inflation of the variance."""
_SCREEN = 0.3
"""G is computed where Pearson's statistic is at least this share of the threshold."""
Ints = npt.NDArray[np.int64]
_GOLDEN = 0.6180339887498949


class RateTest:
    """Of columns of 0 and 1, counted as they are."""

    def __init__(self, share_up: float) -> None:
        self._share_up = share_up

    def prepare(self, run_length: Array, sides: Sides, fit: Fit, effects: Array, block: int) -> None:
        """Makes thresholds for run lengths in values and a fit; `effects` are the least changes that matter, in sd."""
        self._sides, self._unit = sides, 4.0 / block
        windows = tables.lengths(tables.LEVELS, block)
        self._rate = rate = (fit.mean * fit.rows + 0.5) / (fit.rows + 1)
        model = fit.model
        inflated, limit = inflation(model.phi, windows.ravel())
        self._inflation = inflated.reshape(-1, *windows.shape)
        clustered = (limit - 1) / (limit + 1)
        both, up_factor, down_factor = thresholds.rate_factors(rate, clustered)
        slow = np.where(model.total[:, None, None] != 0, tables.kept(model.total, windows), 0.0)
        self._freedom = 1 / (2 * np.maximum(slow**2 * model.uncertainty[:, None, None], 1e-12))
        shape = (slice(None), np.newaxis, np.newaxis)
        scaled = np.maximum(windows * self._unit, 8.0)

        def heights(run: Array, inside: Array, factors: Array) -> Array:
            h = thresholds.height(inside[shape], scaled, sides.horizon[shape], (thresholds.factor(run) * factors)[shape])
            return thresholds.student(h * h, self._freedom) * self._inflation

        if self._share_up == 0.5:
            self._up = self._down = heights(run_length, run_length, both)
            self._factors = both, both
        else:
            self._up, self._down = heights(sides.up, sides.up / 2, up_factor), heights(sides.down, sides.down / 2, down_factor)
            self._factors = up_factor, down_factor
        widening = fit.widening(windows.ravel())
        self._season = np.ones_like(self._inflation) if widening is None else widening.reshape(self._inflation.shape)
        """By how much fewer values before each window count, because their season is only estimated."""
        self._shortest = _SHORTEST * np.maximum(limit, 1.0)
        self._least = effects * np.sqrt(rate * (1 - rate))

    def exceed(self, level: Level, baseline: Baseline, block: int) -> tuple[Ints, ...]:
        """Windows whose rate is too far from the rate before them: their lengths, steps and columns."""
        inside, n, before, pearson, limit = self._compared(level, baseline, block)
        k, s, c = np.nonzero((pearson > _SCREEN * limit) & self._ready(level, baseline, block))
        if not len(k):
            return k, s, c
        side = np.sign(inside[k, s, c] / level.windows[k] - before[k, s, c] / n[k, s, c])
        new = ~baseline.silent(level.steps[s], c, side > 0)
        k, s, c, side = k[new], s[new], c[new], side[new]
        windows, inside, n, before = level.windows[k], inside[k, s, c], n[k, s, c], before[k, s, c]
        shift = side * self._least[c] * windows
        beyond = _g(np.clip(inside - shift, 0.0, windows), windows, before, n) > limit[k, s, c]
        return k[beyond], s[beyond], c[beyond]

    def nearness(self, level: Level, baseline: Baseline, block: int) -> tuple[Array, Array]:
        """Statistics of windows and their thresholds, [K, S, C]; infinite where there is no comparison."""
        _, _, _, pearson, limit = self._compared(level, baseline, block)
        inflated = tables.entries(self._inflation, level)
        limits = np.where(self._ready(level, baseline, block), np.sqrt(limit / inflated), np.inf)
        return np.sqrt(pearson / inflated), limits

    def alarm(self, level: int, window: float, column: int, inside: float, n: float, before: float) -> tuple[float, float]:
        """The root of G, deflated, and its threshold."""
        k = int(window * self._unit / 4) >> level
        n, before = n / float(self._season[column, k, level]), before / float(self._season[column, k, level])
        difference = inside / window - before / n
        limit = float((self._up if difference > 0 else self._down)[column, k, level])
        shifted = np.clip(inside - np.sign(difference) * float(self._least[column]) * window, 0.0, window)
        g = float(_g(np.array([shifted]), np.array([window]), np.array([before]), np.array([n]))[0])
        inflated = float(self._inflation[column, k, level])
        return float(np.sqrt(max(g, limit) / inflated)), float(np.sqrt(limit / inflated))

    def rarity(self, level: int, window: float, column: int, statistic: float, up: bool) -> float:
        """The run length, in values, at which a statistic would have been at its threshold."""
        k = int(window * self._unit / 4) >> level
        plain = float(np.sqrt(thresholds.normal(statistic * statistic, float(self._freedom[column, k, level]))))
        clustering = 1.46 * float(self._factors[0 if up else 1][column])
        at = thresholds.rarity(plain, window * self._unit, float(self._sides.horizon[column]), clustering)
        return at * tables.of_both(self._share_up, up) / self._unit

    def squares(self, inside: Array, windows: Array, before: Array, n: Array, column: int) -> Array:
        """Twice the log likelihood ratio of splits."""
        inside = np.clip(inside, 0.0, windows)
        return _g(inside, windows, np.clip(before, 0.0, n), n) / float(self._inflation[column].max())

    def deviation(self, column: int) -> float:
        """The standard deviation of a sum of values of a column, by the root of their number."""
        rate = float(self._rate[column])
        return float(np.sqrt(rate * (1 - rate) * self._inflation[column].max()))

    def _compared(self, level: Level, baseline: Baseline, block: int) -> tuple[Array, Array, Array, Array, Array]:
        """Counts inside, values and counts before, Pearson's statistic of what matters of the difference, limits; [K, S, C]."""
        windows, season = level.windows[:, np.newaxis, np.newaxis], tables.entries(self._season, level)
        n, before = baseline.sizes(level, block) / season, np.maximum(baseline.totals(level), 0.0) / season
        inside = np.minimum(np.maximum(level.sums - level.before + _dither(level.steps)[:, np.newaxis], 0.0), windows)
        rate = np.minimum(np.maximum((inside + before) / (windows + n), 1e-12), 1 - 1e-12)
        difference = inside / windows - before / n
        limit = np.where(difference > 0, tables.entries(self._up, level), tables.entries(self._down, level))
        beyond = np.maximum(np.abs(difference) - self._least, 0.0)
        return inside, n, before, beyond * beyond / (rate * (1 - rate) * (1 / windows + 1 / n)), limit

    def _ready(self, level: Level, baseline: Baseline, block: int) -> npt.NDArray[np.bool_]:
        ready: npt.NDArray[np.bool_] = baseline.ready(level, block) & (level.windows[:, None, None] >= self._shortest)
        return ready


def _dither(steps: npt.NDArray[np.int64]) -> Array:
    """Half a count up or down, so that the lattice of counts has no jumps."""
    turned = steps * _GOLDEN
    dither: Array = turned - np.floor(turned) - 0.5
    return dither


def _g(inside: Array, windows: Array, before: Array, n: Array) -> Array:
    """The log likelihood ratio statistic of two binomial samples (Wilks 1938)."""
    together, size = inside + before, windows + n
    g = _xlogx(inside, windows) + _xlogx(windows - inside, windows) + _xlogx(before, n) + _xlogx(n - before, n)
    g -= _xlogx(together, size) + _xlogx(size - together, size)
    return 2 * g


def _xlogx(part: Array, whole: Array) -> Array:
    return np.where(part > 0, part * np.log(np.maximum(part, 1e-300) / whole), 0.0)
