"""Features that are as they were, but in another unit."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.quality.known import GRID, Known

Floats = npt.NDArray[np.float64]

_FEWEST = 50
"""Values by which it is judged."""
_LARGE = 10.0
_NEAR, _NEAR_LARGE = math.log(1.05), math.log(1.1)
"""How near the ratio of medians must be to a factor, and to a large one, or to that within two standard errors."""
_ABOUT = math.log(1.35)
_MEDIAN = 0.93
"""The standard error of a median for the distance of the quartiles, times the root of n."""
_NEAR_AFFINE = 0.1
"""The same for degrees, as a part of what is between the quartiles."""
_SAME = 1.63
"""Of the Kolmogorov-Smirnov distance in standard errors: what a hundredth of samples exceed."""
_OTHER = 3.0
"""How many times further away the values must be as they are."""
_FACTORS = (
    (10.0, "a decimal place"), (60.0, "seconds, minutes or hours"), (100.0, "percent, cents or centi"),
    (1000.0, "milli, kilo or kibi"), (1024.0, "kibi"), (3600.0, "seconds or hours"), (1e6, "micro or mega"),
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
        if self.intercept and self.slope == 1:
            way = "more" if self.intercept > 0 else "less"
            return f"is {abs(self.intercept):.5g} {way} than in the reference: {self.names}?"
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
        found = (np.abs(moved - _LOGARITHMS) <= _ABOUT).any(axis=1)
        for slope, intercept, _ in _AFFINE:
            found |= np.abs(slope * plain + intercept - now) <= _NEAR_AFFINE * slope * (high - low)
    return np.flatnonzero(found & ~known.texts).tolist()


def jump(known: Known, feature: int, values: Floats) -> Jump | None:
    """The change of unit that makes a feature's values, float64[n], look like its reference; None if there is none."""
    values = values[np.isfinite(values)]
    whole, sizes = _shapes(known, feature)
    if len(values) < _FEWEST or len(np.unique(sizes.values)) < 3:
        return None
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        plain = values[values != 0]
        if len(plain) >= _FEWEST and sizes.distance(plain) >= _OTHER * _limit(len(plain)):
            for one in _scales(sizes.values, plain, not known.slow[feature]):
                if sizes.distance(plain / one.slope) <= _limit(len(plain)):
                    return one
        if not known.slow[feature] and whole.distance(values) >= _OTHER * _limit(len(values)):
            for one in _degrees(whole.values, values):
                if whole.distance((values - one.intercept) / one.slope) <= _limit(len(values)):
                    return one
    return None


def back(known: Known, feature: int, values: Floats) -> bool:
    """Whether a feature's values look about like its reference again."""
    values = values[np.isfinite(values)]
    whole, sizes = _shapes(known, feature)
    plain = values[values != 0]
    if len(plain) < _FEWEST:
        return False
    near = _OTHER / 2
    return whole.distance(values) < near * _limit(len(values)) and sizes.distance(plain) < near * _limit(len(plain))


class _Shape(NamedTuple):
    """Values of a reference, ascending, and the share of it up to each."""

    values: Floats
    below: Floats

    def distance(self, values: Floats) -> float:
        """The largest difference between this distribution and that of values, at the values of this one."""
        with np.errstate(over="ignore", under="ignore"):  # single precision, so that 0.3 * 1000 / 1000 is 0.3
            ordered = np.sort(values.astype(np.float32))
            places = self.values.astype(np.float32)
        shares = np.searchsorted(ordered, places, "right") / len(ordered)
        return float(np.abs(shares - self.below).max(initial=0.0))


def _shapes(known: Known, feature: int) -> tuple[_Shape, _Shape]:
    """All values of a reference, and those that are not zero, which no factor moves."""
    grid, below, zeros = known.grid[feature], known.below[feature], float(known.zeros[feature])
    some = grid != 0
    without = (below[some] - zeros * (grid[some] > 0)) / max(1 - zeros, 1e-9)
    return _Shape(grid, below), _Shape(grid[some], without)


def _limit(n: int) -> float:
    return max(0.1, _SAME / math.sqrt(n))


def _scales(grid: Floats, values: Floats, small: bool) -> list[Jump]:
    """Factors near the ratio of the medians of sizes, none of which is zero; `small` ones too, or not.

    Never small ones where by chance medians are further apart than they may be.
    """
    after = np.log(np.abs(values))
    low, middle, high = np.quantile(after, (0.25, 0.5, 0.75)).tolist()
    moved = middle - float(np.median(np.log(np.abs(grid))))
    error = _MEDIAN * (high - low) / math.sqrt(len(after))
    near = max(_NEAR_LARGE, min(2 * error, _ABOUT))
    small = small and error <= _NEAR
    return [
        Jump(factor if moved > 0 else 1 / factor, 0.0, names)
        for factor, names in _FACTORS
        if (small or factor >= _LARGE) and abs(abs(moved) - math.log(factor)) <= (near if factor >= _LARGE else _NEAR)
    ]


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
