"""Features that are as they were, but in another unit."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.quality.known import GRID, Known

Floats = npt.NDArray[np.float64]

_FEWEST = 100
"""Values by which it is judged."""
_LARGE = 10.0
_NEAR, _NEAR_LARGE = math.log(1.05), math.log(1.1)
"""How near the ratio of medians must be to a factor, and to a large one."""
_NEAR_AFFINE = 0.1
"""The same for degrees, as a part of what is between the quartiles."""
_SAME = 1.63
"""Of the Kolmogorov-Smirnov distance in standard errors: what a hundredth of samples exceed."""
_OTHER = 3.0
"""How many times further away the values must be as they are."""
_FACTORS = (
    (10.0, "a decimal place"), (60.0, "seconds, minutes or hours"), (100.0, "percent, cents or centi"),
    (1000.0, "milli or kilo"), (1024.0, "kibi, or kilo"), (3600.0, "seconds or hours"), (1e6, "micro or mega"),
    (1e9, "nano or giga"), (2.54, "inches or centimetres"), (1 / 0.3048, "feet or metres"), (1 / 0.4536, "pounds or kilograms"),
    (1.609, "miles or kilometres"),
)  # fmt: skip
_AFFINE = (
    (1.8, 32.0, "Celsius came before, Fahrenheit comes now"), (1 / 1.8, -32 / 1.8, "Fahrenheit came before, Celsius comes now"),
    (1.0, 273.15, "Celsius came before, kelvin comes now"), (1.0, -273.15, "kelvin came before, Celsius comes now"),
)  # fmt: skip
_LOGARITHMS = np.log([factor for factor, _ in _FACTORS])
_QUARTILES = [GRID // 4, GRID // 2, GRID - 1 - GRID // 4]


class Jump(NamedTuple):
    """What became of the values: `slope` times the value, plus `intercept`."""

    slope: float
    intercept: float
    names: str

    @property
    def text(self) -> str:
        """What happened, and what may be the reason."""
        if self.intercept:
            return f"is {self.slope:.4g} times what it was in the reference {self.intercept:+.4g}: {self.names}?"
        times, how = (self.slope, "larger") if self.slope > 1 else (1 / self.slope, "smaller")
        return f"is {times:.4g} times {how} than in the reference: a unit ({self.names})?"


def likely(known: Known, rows: Floats) -> list[int]:
    """The features whose middle has moved as a change of unit might move it, by rows of float64[n, d]."""
    before, after = _middle(np.abs(_without_zeros(known.grid.T))), _middle(np.abs(_without_zeros(rows)))
    low, plain, high = known.grid[:, _QUARTILES].T
    now = _middle(rows)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        moved = np.abs(np.log(after) - np.log(before))[:, np.newaxis]
        found = (np.abs(moved - _LOGARITHMS) <= _NEAR_LARGE).any(axis=1)
        for slope, intercept, _ in _AFFINE:
            found |= np.abs(slope * plain + intercept - now) <= _NEAR_AFFINE * slope * (high - low)
    return np.flatnonzero(found & ~known.texts).tolist()


def jump(known: Known, feature: int, values: Floats) -> Jump | None:
    """The change of unit that makes a feature's values, float64[n], look like its reference; None if there is none."""
    values = values[np.isfinite(values)]
    grid = known.grid[feature]
    if len(values) < _FEWEST or len(np.unique(grid[grid != 0])) < 3:
        return None
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        candidates = [*_scales(grid, values), *_degrees(grid, values)]
        limit = _limit(len(values))
        if not candidates or distance(known, feature, values) < _OTHER * limit:
            return None
        likely = (one for one in candidates if distance(known, feature, (values - one.intercept) / one.slope) <= limit)
        return next(likely, None)


def back(known: Known, feature: int, values: Floats) -> bool:
    """Whether a feature's values look like its reference again."""
    values = values[np.isfinite(values)]
    return len(values) >= _FEWEST and distance(known, feature, values) < _OTHER * _limit(len(values)) / 2


def distance(known: Known, feature: int, values: Floats) -> float:
    """The largest difference between the distributions of values and of the reference, at the quantiles of that."""
    with np.errstate(over="ignore", under="ignore"):  # single precision, so that 0.3 * 1000 / 1000 is 0.3
        ordered = np.sort(values.astype(np.float32))
        grid = known.grid[feature].astype(np.float32)
    return float(np.abs(np.searchsorted(ordered, grid, "right") / len(ordered) - known.below[feature]).max())


def _limit(n: int) -> float:
    return max(0.1, _SAME / math.sqrt(n))


def _scales(grid: Floats, values: Floats) -> list[Jump]:
    """Factors near the ratio of the medians of sizes, the nearest first."""
    before, after = np.abs(grid[grid != 0]), np.abs(values[values != 0])
    if not len(after):
        return []
    moved = math.log(float(np.median(after))) - math.log(float(np.median(before)))
    found = []
    for factor, names in _FACTORS:
        off = abs(abs(moved) - math.log(factor))
        if off <= (_NEAR_LARGE if factor >= _LARGE else _NEAR):
            found.append((off, Jump(factor if moved > 0 else 1 / factor, 0.0, names)))
    return [one for _, one in sorted(found)]


def _degrees(grid: Floats, values: Floats) -> list[Jump]:
    low, before, high = grid[_QUARTILES].tolist()
    after = float(np.median(values))
    return [
        Jump(slope, intercept, names)
        for slope, intercept, names in _AFFINE
        if abs(slope * before + intercept - after) <= _NEAR_AFFINE * slope * (high - low)
    ]


def _without_zeros(values: Floats) -> Floats:
    return np.where(values == 0, np.nan, values)


def _middle(values: Floats) -> Floats:
    """About the median of each column, without what is missing; NaN where there is nothing."""
    ordered = np.sort(values, axis=0)
    n = np.count_nonzero(~np.isnan(ordered), axis=0)
    middle: Floats = np.take_along_axis(ordered, ((n - 1) // 2).clip(0)[np.newaxis], axis=0)[0]
    return middle
