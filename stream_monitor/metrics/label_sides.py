"""Predictions with a label against those without, among neighbours in time: these are of one age and of one hour of the day."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_NEIGHBOURS = 8
"""Predictions that follow one another within an hour."""
_TOGETHER, _STRETCHES = 2, 64
"""Neighbours, at least, whose labels may have come together, and in how many such stretches many predictions are cut."""
_HOUR = 3_600_000_000
_LIGHTEST, _HEAVIEST = 1e-15, 1e15


class Difference(NamedTuple):
    """Means on both sides, one array each: of a number, or the shares of several groups."""

    rest: Floats
    apart: Floats
    """By how much the mean of those with a label is more."""
    variance: Floats
    """Of what lies between them."""
    largest: Floats
    """The most of it that one row makes."""
    deviation: Floats
    """The standard deviation of rows."""


class Sides(NamedTuple):
    """What rows weigh; among neighbours that adds up to nothing.

    A row weighs what its label counts for, 0 without, less the mean of that among its neighbours.  Where a label counts for one
    over the chance to be there, each row weighs nothing on average, however few neighbours it has.
    """

    weight: Floats
    """float64[n], so that those without a label weigh -1 together."""
    rest: Floats
    """The same of these without the sign, and 0 of the others, float64[n]."""
    alike: float
    """Half the number of rows that would say as much, if there were as many on either side and all weighed the same."""
    stretch: Ints
    """The number of the stretch that each row is in, int64[n].

    Labels that come by batch, of predictions that are alike, say no more than a single one: what lies between both sides varies
    by at least the squares of what stretches add.
    """

    @classmethod
    def of(cls, labelled: Mask, counts: Floats, time: Ints) -> Sides:
        """The sides of rows in the order of their times, int64[n], in microseconds; float64[n] what their labels count for."""
        group = _stretches(time, _NEIGHBOURS)
        counted = np.where(labelled, np.clip(counts, _LIGHTEST, _HEAVIEST), 0.0)
        mean = (np.bincount(group, counted) / np.bincount(group))[group]
        weight, rest = counted - mean, np.where(labelled, 0.0, mean)
        total, squares = float(rest.sum()), float((weight * weight).sum())
        stretch = _stretches(time, _NEIGHBOURS * max(_TOGETHER, len(time) // (_NEIGHBOURS * _STRETCHES)))
        return cls(weight / (total or 1.0), rest / (total or 1.0), total * total / squares if squares else 0.0, stretch)

    def numbers(self, value: Floats) -> Difference:
        """Compares the mean of a number, float64[n]."""
        off = value - value.mean()
        added, spread = self.weight * off, float((off * off).mean())
        stretches = np.bincount(self.stretch, added)
        variance = max(float((added * added).sum()), float((stretches * stretches).sum()), spread / self.alike)
        sides = float((self.rest * value).sum()), float(added.sum()), variance, float(np.abs(added).max()), spread**0.5
        return Difference(*(np.array([one]) for one in sides))

    def shares(self, group: Ints, groups: int) -> Difference:
        """Compares the shares of groups, int64[n] the number of each row's."""
        share, size, heaviest = np.bincount(group, minlength=groups) / len(group), np.abs(self.weight), np.zeros(groups)
        np.maximum.at(heaviest, group, size)
        rest, apart, squares = (_summed(group, one, groups) for one in (self.rest, self.weight, size * size))
        spread = share * (1 - share)
        cells = (int(self.stretch[-1]) + 1) * groups
        stretches = _summed(self.stretch * groups + group, self.weight, cells).reshape(-1, groups)
        variance = np.maximum((1 - 2 * share) * squares + share * share / self.alike, spread / self.alike)
        variance = np.maximum(variance, (stretches * stretches).sum(axis=0))
        largest = np.maximum(heaviest * (1 - share), size.max() * share)
        return Difference(rest, apart, variance, largest, np.sqrt(spread))


def _stretches(time: Ints, rows: int) -> Ints:
    """The number of the rows that each row is among, up to so many that follow one another within an hour, int64[n]."""
    _, first, hour = np.unique(time // _HOUR, return_index=True, return_inverse=True)
    return np.cumsum((np.arange(len(time)) - first[hour]) % rows == 0) - 1


def _summed(group: Ints, value: Floats, groups: int) -> Floats:
    return np.bincount(group, value, groups).astype(np.float64)
