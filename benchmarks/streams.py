"""Streams of numbers in which nothing changes: skewed, tied, autocorrelated, seasonal; and errors, 0 or 1."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.signal import lfilter

from detectors import Array, Times

DAY = 2_000
"""Rows of a day, evenly spread."""
_GOLDEN = (math.sqrt(5) - 1) / 2
Generator = np.random.Generator
More = Callable[[int], Array]
"""Gives the next so many rows, float64[n, C], of independent streams of one kind."""
One = Callable[[int], Array]
"""Gives the next so many values of one stream, float64[n]."""


class Stream(NamedTuple):
    """A kind of stream."""

    name: str
    begin: Callable[[Sequence[Generator]], More]
    errors: bool = False
    timed: bool = False
    """Whether detectors are given event times."""
    irregular: bool = False
    """Whether there are up to nine times more rows an hour at one time of day than at another."""
    required: bool = True
    """Whether the promise on false alarms is to hold; what does not hold is printed all the same."""

    @property
    def number(self) -> int:
        """What stands for it in a seed."""
        return zlib.crc32(self.name.encode())

    def reference(self, rows: int) -> int:
        """How many rows a reference has that is to have so many: a season is learnt from two days at least."""
        return max(rows, 2 * DAY) if self.timed else rows

    def times(self, first: int, rows: int) -> Times | None:
        """Event times of rows, int64[rows]; None where detectors are given none."""
        if not self.timed:
            return None
        return np.round(_days(first, rows, self.irregular) * 86_400_000_000).astype(np.int64)


def named(name: str) -> Stream:
    """A stream by its name; raises ValueError where there is none."""
    for stream in STREAMS:
        if stream.name == name:
            return stream
    raise ValueError(f"there is no stream {name!r}; there are {', '.join(stream.name for stream in STREAMS)}")


def _each(begin: Callable[[Generator], One]) -> Callable[[Sequence[Generator]], More]:
    def all_of_them(generators: Sequence[Generator]) -> More:
        ones = [begin(rng) for rng in generators]
        return lambda n: np.column_stack([one(n) for one in ones])

    return all_of_them


def _independent(draw: Callable[[Generator, int], Array]) -> Callable[[Sequence[Generator]], More]:
    return _each(lambda rng: lambda n: draw(rng, n))


def _autoregressive(rng: Generator, phi: float) -> One:
    last = rng.normal()

    def one(n: int) -> Array:
        nonlocal last
        noise = rng.normal(size=n) * math.sqrt(1 - phi * phi)
        values: Array = lfilter([1.0], [1.0, -phi], noise, zi=[phi * last])[0]
        last = values[-1]
        return values

    return one


def _skewed(rng: Generator) -> One:
    normal = _autoregressive(rng, 0.9)
    return lambda n: np.exp(normal(n))


def _noisy(rng: Generator) -> One:
    slow = _autoregressive(rng, 0.95)
    return lambda n: math.sqrt(0.5) * (slow(n) + rng.normal(size=n))


def _days(first: int, rows: int, irregular: bool) -> Array:
    """When rows are, in days: evenly, or irregularly and more of them at one time of day."""
    row = first + np.arange(rows)
    if not irregular:
        return row / DAY
    even = (row + row * _GOLDEN % 1) / DAY
    days: Array = even - 0.8 * np.sin(2 * np.pi * even) / (2 * np.pi)
    return days


def _phase(irregular: bool = False) -> One:
    row = 0

    def one(n: int) -> Array:
        nonlocal row
        row += n
        return 2 * np.pi * _days(row - n, n, irregular)

    return one


def _season(rng: Generator, phi: float = 0.0, irregular: bool = False) -> One:
    phase, noise = _phase(irregular), _autoregressive(rng, phi)
    return lambda n: noise(n) + 0.5 * np.sin(phase(n))


def _skewed_season(rng: Generator) -> One:
    phase = _phase()

    def one(n: int) -> Array:
        at = phase(n)
        skewed: Array = np.exp(0.5 * rng.normal(size=n) + 0.5 * np.sin(at) + 0.25 * np.cos(2 * at))
        return skewed

    return one


def _clustered(rng: Generator, rate: float, correlation: float) -> One:
    last = float(rng.random() < rate)

    def one(n: int) -> Array:
        nonlocal last
        keep = rng.random(n) < correlation
        values = np.concatenate(([last], rng.random(n) < rate))
        at = np.where(keep, 0, np.arange(1, n + 1))
        values = values[np.maximum.accumulate(at)]
        last = float(values[-1])
        return values

    return one


def _bursts(rng: Generator, length: int = 20, every: float = 0.01) -> One:
    """Normal values; one in a hundred, or every one, is followed by more that are identical."""
    last, left = 0.0, 0

    def one(n: int) -> Array:
        nonlocal last, left
        values, begins = rng.normal(size=n), rng.random(n) < every
        for row in range(n):
            if left:
                values[row], left = last, left - 1
            elif begins[row]:
                last, left = float(values[row]), length - 1
        return values

    return one


def _garch(generators: Sequence[Generator]) -> More:
    variance = np.ones(len(generators))

    def more(n: int) -> Array:
        nonlocal variance
        values = np.column_stack([rng.normal(size=n) for rng in generators])
        for row in values:
            row *= np.sqrt(variance)
            variance = 0.05 + 0.1 * row * row + 0.85 * variance
        return values

    return more


def _errors(name: str, rate: float, correlation: float = 0.0) -> Stream:
    if correlation:
        return Stream(name, _each(lambda rng: _clustered(rng, rate, correlation)), errors=True)
    return Stream(name, _independent(lambda rng, n: (rng.random(n) < rate).astype(np.float64)), errors=True)


STREAMS = (
    Stream("N(100, 15)", _independent(lambda rng, n: 100 + 15 * rng.normal(size=n))),
    Stream("U(0, 1)", _independent(lambda rng, n: rng.random(n))),
    Stream("lognormal", _independent(lambda rng, n: np.exp(rng.normal(size=n)))),
    Stream("t3", _independent(lambda rng, n: rng.standard_t(3, size=n))),
    Stream("AR(.5)", _each(lambda rng: _autoregressive(rng, 0.5))),
    Stream("AR(.9)", _each(lambda rng: _autoregressive(rng, 0.9))),
    Stream("ARMA(1, 1)", _each(_noisy)),
    Stream("exp AR(.9)", _each(_skewed)),
    Stream("Poisson(2)", _independent(lambda rng, n: rng.poisson(2, n).astype(np.float64))),
    Stream("70% zeros", _independent(lambda rng, n: np.where(rng.random(n) < 0.7, 0.0, np.exp(rng.normal(size=n))))),
    Stream("season", _each(_season), timed=True),
    Stream("season, AR(.5)", _each(lambda rng: _season(rng, 0.5)), timed=True),
    Stream("lognormal season", _each(_skewed_season), timed=True),
    Stream("season, irregular", _each(lambda rng: _season(rng, irregular=True)), timed=True, irregular=True),
    Stream("bursts of 20 identical", _each(_bursts)),
    Stream("each value for 20 rows", _each(lambda rng: _bursts(rng, every=1.0)), required=False),
    _errors("errors .01", 0.01),
    _errors("errors .05", 0.05),
    _errors("errors .1", 0.1),
    _errors("errors .3", 0.3),
    _errors("errors .1, correlated .3", 0.1, 0.3),
    _errors("errors .1, correlated .8", 0.1, 0.8),
    Stream("GARCH(.1, .85)", _garch, required=False),
    Stream("season, no times", _each(_season), required=False),
    Stream("AR(.99)", _each(lambda rng: _autoregressive(rng, 0.99)), required=False),
)
