"""What the reference says about each feature: its range, what is missing, how it is spread."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.watching.group import Group

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

PARTS = 5
"""A share is compared with that in the worst fifth of the reference, so that its seasons and bursts are no surprise."""
GRID = 65
_WIDER, _MUCH_WIDER = 0.1, 1.0
"""Of the range, beyond which a value is outside; and beyond which it is of a feature that is quite slow."""
_TINY = 1e-300
"""As good as zero, and not zero."""
_INDEPENDENT, _SLOW = 0.01, 0.04
"""The part of the variance that is between fifths: at most of 2,000 independent values, at least of a feature quite slow."""
_USUAL_ROWS = 2_000
_RESTLESS = 0.1
"""A fifth with a larger share outside the range of the others: the feature counts something, or wanders."""


class Worst(NamedTuple):
    """How many of how many, in the fifth where the share is largest; [d] each."""

    k: Ints
    n: Ints
    whole_k: Ints
    whole_n: Ints
    """In all fifths together."""

    @property
    def throughout(self) -> Worst:
        """All fifths, where none has more than one, so that there are no bursts."""
        even = self.k <= 1
        return self._replace(k=np.where(even, self.whole_k, self.k), n=np.where(even, self.whole_n, self.n))

    @property
    def share(self) -> Floats:
        """The shares; 0 where there is nothing."""
        share: Floats = self.k / np.maximum(self.n, 1)
        return share


class Known(NamedTuple):
    """The d features of a reference."""

    names: tuple[str, ...]
    listed: frozenset[str]
    """Also those that are not watched."""
    texts: Mask
    low: Floats
    high: Floats
    """The range, widened; infinite for texts, for what is constant, and where the reference does not know its own range."""
    lowest: Floats
    highest: Floats
    categories: tuple[Mask, ...]
    """Of each text: whether the category of a number is in the reference; the last stands for all from there on."""
    missing: Worst
    outside: Worst
    """Values outside the range of the other fifths."""
    unseen: Worst
    common: Worst
    """The most common value."""
    grid: Floats
    """Quantiles, [d, 65]; NaN where there are no values."""
    below: Floats
    """The share of values that are not above each of them."""
    zeros: Floats
    """The share of values that are zero."""
    slow: Mask
    """Whether the fifths differ as those of seasons and walks do: the reference does not know all that is usual."""
    longest: Ints
    """The longest run of rows in which it is missing."""
    steady: Ints
    """The longest run of rows in which it has the same value."""


def known(group: Group) -> Known:
    """What a group's references say; the group has learnt."""
    references = [one for one in group.references() if one.names]
    names = [name for one in references for name in one.names]
    values = np.concatenate([one.values for one in references], axis=1) if references else np.empty((0, 0))
    texts = np.array([group.is_text(name) for name in names], np.bool_)
    parts = [np.ascontiguousarray(part) for part in np.array_split(values, PARTS)]
    present = np.stack([(~np.isnan(part)).sum(axis=0) for part in parts])
    rows = np.array([[len(part)] for part in parts])
    lowest, highest = _reduce(np.fmin, values), _reduce(np.fmax, values)
    slowness = _slowness(values, parts)
    low, high = _widened(lowest, highest, (_MUCH_WIDER - _WIDER) * slowness)
    outside = _worst(_outside(parts), present)
    free = texts | (lowest == highest) | (outside.share > _RESTLESS)
    grid, below = _grid(values)
    return Known(
        names=tuple(names), listed=frozenset((*names, *group.not_watched)), texts=texts,
        low=np.where(free, -np.inf, low), high=np.where(free, np.inf, high), lowest=lowest, highest=highest,
        categories=tuple(_table(values[:, i]) for i in np.flatnonzero(texts)),
        missing=_worst(rows - present, np.broadcast_to(rows, present.shape)), outside=outside,
        unseen=_worst(_unseen(parts, texts), present), common=_worst(_common(parts), present),
        grid=grid, below=below, zeros=(values == 0).sum(axis=0) / np.maximum(present.sum(axis=0), 1),
        slow=slowness > 0, longest=_longest(np.isnan(values)), steady=_longest(values[1:] == values[:-1]) + 1,
    )  # fmt: skip


def _worst(k: Ints, n: Ints) -> Worst:
    at = np.argmax(k / np.maximum(n, 1), axis=0)
    column = np.arange(k.shape[1])
    whole = k.sum(axis=0).astype(np.int64), n.sum(axis=0).astype(np.int64)
    return Worst(k[at, column].astype(np.int64), n[at, column].astype(np.int64), *whole)


def _reduce(extreme: np.ufunc, values: Floats) -> Floats:
    """The smallest or largest of each column; NaN where there is none."""
    found: Floats = extreme.reduce(values, axis=0, initial=np.nan) + 0.0
    return found


def _widened(low: Floats, high: Floats, more: Floats | float = 0.0) -> tuple[Floats, Floats]:
    """Wider by a tenth, though not to zero where there is none, nor across it; then by `more`."""
    with np.errstate(over="ignore", invalid="ignore"):
        width = high - low
        lower, upper = low - _WIDER * width, high + _WIDER * width
        lower = np.where(low > 0, np.maximum(lower, _TINY), np.where(low == 0, 0.0, lower))
        upper = np.where(high < 0, np.minimum(upper, -_TINY), np.where(high == 0, 0.0, upper))
        return lower - more * width, upper + more * width


def _slowness(values: Floats, parts: list[Floats]) -> Floats:
    """From 0, where fifths differ no more than those of independent values, to 1."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        n = np.maximum((~np.isnan(values)).sum(axis=0), 1)
        mean = np.nansum(values, axis=0) / n
        total = np.nansum((values - mean) ** 2, axis=0)
        between = np.zeros(values.shape[1])
        for part in parts:
            m = (~np.isnan(part)).sum(axis=0)
            between += np.where(m > 0, m * (np.nansum(part, axis=0) / np.maximum(m, 1) - mean) ** 2, 0.0)
        excess = between / total - _INDEPENDENT * _USUAL_ROWS / np.maximum(n, 1)
        slowness: Floats = np.clip(np.nan_to_num(excess / (_SLOW - _INDEPENDENT)), 0.0, 1.0)
    return slowness


def _longest(true: Mask) -> Ints:
    """The longest run of each column."""
    rows = np.arange(1, len(true) + 1)[:, np.newaxis]
    before = np.maximum.accumulate(np.where(true, 0, rows), axis=0)
    longest: Ints = (rows - before).max(axis=0, initial=0)
    return longest


def _outside(parts: list[Floats]) -> Ints:
    """Values of each part outside the range of the others."""
    found = []
    for i, part in enumerate(parts):
        others = np.concatenate(parts[:i] + parts[i + 1 :])
        low, high = _widened(_reduce(np.fmin, others), _reduce(np.fmax, others))
        found.append(((part < low) | (part > high)).sum(axis=0))
    return np.stack(found)


def _unseen(parts: list[Floats], texts: Mask) -> Ints:
    """Values of each part in categories that the others do not have."""
    found = np.zeros((len(parts), len(texts)), np.int64)
    for i, part in enumerate(parts):
        others = np.concatenate(parts[:i] + parts[i + 1 :])
        for column in np.flatnonzero(texts).tolist():
            mine = part[:, column]
            found[i, column] = (~np.isin(mine, others[:, column]) & ~np.isnan(mine)).sum()
    return found


def _common(parts: list[Floats]) -> Ints:
    """How often the most common value comes in each part."""
    found = np.zeros((len(parts), parts[0].shape[1]), np.int64)
    for i, part in enumerate(parts):
        for column in range(part.shape[1]):
            _, counts = np.unique(part[~np.isnan(part[:, column]), column], return_counts=True)
            found[i, column] = counts.max(initial=0)
    return found


def _table(column: Floats) -> Mask:
    there = np.unique(column[~np.isnan(column)]).astype(np.int64)
    table = np.zeros(int(there.max(initial=0)) + 2, np.bool_)
    table[there] = True
    return table


def _grid(values: Floats) -> tuple[Floats, Floats]:
    """Quantiles of each column, as values that occur, and the share of values up to each."""
    grid, below = np.full((values.shape[1], GRID), np.nan), np.zeros((values.shape[1], GRID))
    for i, column in enumerate(values.T):
        ordered = np.sort(column[~np.isnan(column)])
        if len(ordered):
            at = (np.arange(GRID) * 2 + 1) * len(ordered) // (2 * GRID)
            grid[i] = ordered[at]
            below[i] = np.searchsorted(ordered, grid[i], "right") / len(ordered)
    return grid, below
