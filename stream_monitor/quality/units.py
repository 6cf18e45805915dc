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
_NEAR = math.log(1.1)
"""How near the ratio of sizes must be to a large factor, or to that within two standard errors."""
_WITHIN, _SURE = 0.1, 3.0
"""The part of a large factor's logarithm to which the ratio must be known, at so many standard errors: 8 is not 10."""
_ABOUT = math.log(1.35)
_KNOWN = 0.01
"""The largest standard error of a ratio that tells a small factor; at two of these, or within one in a hundred, it is one."""
_TELLING, _LIKE = 0.05, 0.15
"""The largest standard error of a median, and the largest distance, at which few values tell a large factor."""
_FOR_DEGREES, _SHIFTED = 500, 0.5
"""Values since the change by which degrees are told, and the least shift, in standard deviations: less is a mere factor."""
_MEDIAN = 0.93
"""The standard error of a median for the distance of the quartiles, times the root of n."""
_ABOUT_AFFINE, _NEAR_AFFINE = 0.3, 0.05
"""The same for degrees, as a part of what is between the quartiles, and of a standard deviation."""
_SURELY = 4.0
"""Standard errors by which one of two factors must be nearer than the other."""
_TOGETHER = 3.0
"""Standard errors by which windows may differ that are of one unit."""
_SAME = 1.63
"""Of the Kolmogorov-Smirnov distance in standard errors: what a hundredth of samples exceed."""
_OTHER = 3.0
"""How many times further away the values must be as they are."""
_FACTORS = (
    (10.0, "a decimal place"), (60.0, "seconds, minutes or hours"), (100.0, "percent, cents or centi"),
    (1000.0, "milli or kilo"), (1024.0, "kibi"), (3600.0, "seconds or hours"), (1e6, "micro or mega"),
    (1e9, "nano or giga"), (2.54, "inches or centimetres"), (1 / 0.3048, "feet or metres"), (1 / 0.4536, "pounds or kilograms"),
    (1.609, "miles or kilometres"),
)  # fmt: skip
_AFFINE = (
    (1.8, 32.0, "Celsius came before, Fahrenheit comes now"), (1 / 1.8, -32 / 1.8, "Fahrenheit came before, Celsius comes now"),
    (1.0, 273.15, "Celsius came before, kelvin comes now"), (1.0, -273.15, "kelvin came before, Celsius comes now"),
)  # fmt: skip
_LOGARITHMS = np.log([factor for factor, _ in _FACTORS])
_QUARTILES = [GRID // 4, GRID // 2, GRID - 1 - GRID // 4]


class Size(NamedTuple):
    """How large values are: how many there are, their mean, and the same of the logarithms of those that are not zero."""

    n: int
    mean: float
    plain: int
    logarithm: float
    spread: float
    """The standard deviation of these logarithms."""

    def plus(self, other: Size) -> Size:
        """Of both, which are about as large."""
        n, plain = self.n + other.n, self.plain + other.plain
        mean = (self.n * self.mean + other.n * other.mean) / max(n, 1)
        logarithm = (self.plain * self.logarithm + other.plain * other.logarithm) / max(plain, 1)
        variance = (self.plain * self.spread**2 + other.plain * other.spread**2) / max(plain, 1)
        return Size(n, mean, plain, logarithm, math.sqrt(variance))


class Jump(NamedTuple):
    """What became of the values: `slope` times the value, plus `intercept`."""

    slope: float
    intercept: float
    names: str
    also: float = 0.0
    """Another slope that it may be; 0 if there is none."""

    @property
    def large(self) -> bool:
        """Whether it is a factor of 10 and more, which hardly anything but a unit is."""
        return not self.intercept and max(self.slope, 1 / self.slope) >= _LARGE

    @property
    def text(self) -> str:
        """What happened, and what may be the reason."""
        if self.intercept and self.slope == 1:
            way = "more" if self.intercept > 0 else "less"
            return f"is {abs(self.intercept):.5g} {way} than in the reference: {self.names}?"
        if self.intercept:
            return f"is {self.slope:.4g} times what it was in the reference {self.intercept:+.4g}: {self.names}?"
        how = "larger" if self.slope > 1 else "smaller"
        times = sorted(max(one, 1 / one) for one in (self.slope, self.also) if one)
        return f"is {' or '.join(f'{one:.4g}' for one in times)} times {how} than in the reference: a unit ({self.names})?"


class Away(NamedTuple):
    """Features whose middle is elsewhere than in the reference."""

    all: list[int]
    likely: set[int]
    """Those that have moved as a change of unit might move them."""


def away(known: Known, rows: Floats) -> Away:
    """Which features are elsewhere, by rows of float64[n, d]."""
    before, after = _middle(np.abs(_without_zeros(known.grid.T))), _middle(np.abs(_without_zeros(rows)))
    low, plain, high = known.grid[:, _QUARTILES].T
    now = _middle(rows)
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        moved = np.abs(np.log(after) - np.log(before))
        found = (np.abs(moved[:, np.newaxis] - _LOGARITHMS) <= _ABOUT).any(axis=1)
        for slope, intercept, _ in _AFFINE:
            found |= np.abs(slope * plain + intercept - now) <= _ABOUT_AFFINE * slope * (high - low)
    found &= ~known.texts
    elsewhere = found | (moved > _ABOUT) & ~known.texts
    return Away(np.flatnonzero(elsewhere).tolist(), set(np.flatnonzero(found).tolist()))


def size(known: Known, feature: int, values: Floats) -> Size:
    """How large a feature's values, float64[n], are, by as many of their quantiles as the reference is known by."""
    values = values[np.isfinite(values)]
    plain = values[values != 0]
    whole, sizes = _shapes(known, feature)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        logarithms = np.log(np.abs(_quantiles(plain, len(sizes.values)))) if len(plain) else np.zeros(1)
        mean = float(_quantiles(values, len(whole.values)).mean()) if len(values) else 0.0
    return Size(len(values), mean, len(plain), float(logarithms.mean()), float(logarithms.std()))


def usual(known: Known, feature: int) -> Size:
    """How large a feature's values are in the reference."""
    whole, sizes = _shapes(known, feature)
    n = int(known.common.whole_n[feature])
    plain = round(n * (1 - float(known.zeros[feature])))
    logarithms = np.log(np.abs(sizes.values))
    return Size(n, float(whole.values.mean()), plain, float(logarithms.mean()), float(logarithms.std()))


def together(since: Size, more: Size) -> bool:
    """Whether later values are as large as those before them, but for chance."""
    moved = _moved(since, more)
    return abs(moved.by) <= _TOGETHER * moved.error


def jump(known: Known, feature: int, values: Floats, since: Size) -> Jump | None:
    """The change of unit that makes a feature's values, float64[n], look like its reference; None if there is none.

    `since` is of all values since it changed.
    """
    values = values[np.isfinite(values)]
    whole, sizes = _shapes(known, feature)
    if len(values) < _FEWEST or len(np.unique(sizes.values)) < 3:
        return None
    before = usual(known, feature)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        plain = values[values != 0]
        if len(plain) >= _FEWEST and sizes.distance(plain) >= _OTHER * _limit(len(plain)):
            moved = _moved(before, since)
            if known.slow[feature]:  # rows of some hours may be larger than those of others
                moved = moved._replace(error=max(moved.error, _TELLING))
            for one in _large(moved) + _small(moved):
                if sizes.distance(plain / one.slope) <= _limit(len(plain)):
                    return one
        if not known.slow[feature] and whole.distance(values) >= _OTHER * _limit(len(values)):
            for one in _degrees(whole.values, before.n, since):
                if whole.distance((values - one.intercept) / one.slope) <= _limit(len(values)):
                    return one
    return None


def plain_jump(known: Known, feature: int, values: Floats) -> Jump | None:
    """The large factor that a few of a feature's values tell, as they hardly differ; None if they do not."""
    one = jump(known, feature, values, size(known, feature, values))
    if one is None or not one.large:
        return None
    plain = values[np.isfinite(values) & (values != 0)]
    near = _shapes(known, feature)[1].distance(plain / one.slope) <= _LIKE and _error(np.log(np.abs(plain))) <= _TELLING
    return one if near else None


def other(known: Known, feature: int, values: Floats, said: Jump) -> bool:
    """Whether a feature's values are plainly not what was said to have become of them; never of a slow one."""
    values = values[np.isfinite(values)]
    if known.slow[feature] or len(values) < _FEWEST:
        return False
    with np.errstate(over="ignore", under="ignore"):
        back = (values - said.intercept) / said.slope
    return _shapes(known, feature)[0].distance(back) >= _OTHER * _limit(len(values))


def denied(known: Known, feature: int, since: Size, said: Jump) -> bool:
    """Whether all of a feature's values since a change are surely not of the size that was said; never of a slow one."""
    if known.slow[feature] or said.intercept:
        return False
    moved = _moved(usual(known, feature), since)
    off = min(abs(moved.by - math.log(one)) for one in (said.slope, said.also) if one)
    return off > _NEAR + _SURE * moved.error


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


class _Moved(NamedTuple):
    """By how much the logarithm of sizes has grown, and how well that is known."""

    by: float
    error: float


def _moved(before: Size, after: Size) -> _Moved:
    """Of values that are spread as those before: no factor changes the spread of logarithms, and degrees do."""
    error = before.spread * math.sqrt(1 / max(before.plain, 1) + 1 / max(after.plain, 1))
    return _Moved(after.logarithm - before.logarithm, error)


def _small(moved: _Moved) -> list[Jump]:
    """Small factors that all values since the change agree with, where these tell one from its neighbours."""
    if moved.error > _KNOWN:
        return []
    near = max(2 * moved.error, _KNOWN)
    return [
        Jump(factor if moved.by > 0 else 1 / factor, 0.0, names)
        for factor, names in _FACTORS
        if factor < _LARGE and abs(abs(moved.by) - math.log(factor)) <= near
    ]


def _large(moved: _Moved) -> list[Jump]:
    """The large factor that all values since the change agree with, and surely no other rise; or the two that it may be."""
    offs = [(abs(abs(moved.by) - math.log(factor)), factor, names) for factor, names in _FACTORS if factor >= _LARGE]
    (off, factor, names), (further, another, more) = sorted(offs)[:2]
    if off > max(_NEAR, 2 * moved.error) or off + _SURE * moved.error > _WITHIN * math.log(factor):
        return []
    way, also = math.copysign(1, moved.by), 0.0
    if further - off < _SURELY * moved.error:
        also, names = another**way, f"{names} or {more}" if factor < another else f"{more} or {names}"
    return [Jump(factor**way, 0.0, names, also)]


def _degrees(grid: Floats, n: int, since: Size) -> list[Jump]:
    if since.n < _FOR_DEGREES:
        return []
    before, spread = float(grid.mean()), float(grid.std())
    near = spread * max(2 * math.sqrt(1 / max(n, 1) + 1 / max(since.n, 1)), _NEAR_AFFINE)
    return [
        Jump(slope, intercept, names)
        for slope, intercept, names in _AFFINE
        if abs(intercept) >= _SHIFTED * slope * spread and abs(slope * before + intercept - since.mean) <= near * slope
    ]


def _error(logarithms: Floats) -> float:
    """The standard error of the median."""
    low, high = np.quantile(logarithms, (0.25, 0.75)).tolist()
    return float(_MEDIAN * (high - low) / math.sqrt(len(logarithms)))


def _quantiles(values: Floats, n: int) -> Floats:
    """n quantiles, as those of the reference are."""
    ordered: Floats = np.sort(values)[(np.arange(n) * 2 + 1) * len(values) // (2 * n)]
    return ordered


def _without_zeros(values: Floats) -> Floats:
    return np.where(values == 0, np.nan, values)


def _middle(values: Floats) -> Floats:
    """About the median of each column, without what is missing; NaN where there is nothing."""
    ordered = np.sort(values, axis=0)
    n = np.count_nonzero(~np.isnan(ordered), axis=0)
    middle: Floats = np.take_along_axis(ordered, ((n - 1) // 2).clip(0)[np.newaxis], axis=0)[0]
    return middle
