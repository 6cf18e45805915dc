"""The last values of signals that come in categories, to say which of all others have moved."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from stream_monitor.watching.recent import Recent
from stream_monitor.watching.reference import Reference

Floats = npt.NDArray[np.float64]
Share = tuple[float, float, float]

ROWS = 512
"""Rows that are kept for it, one by one."""
_MOST = 3
"""Categories of a signal that are told from all others."""
_SURELY = 4.0
"""Standard errors by which they must have moved: there may be many, and the most moved of them are named."""


def moved(last: Recent, reference: Reference, signal: int, since: int) -> list[Share]:
    """Those among all others that have surely moved, the most first, with their shares of the reference and since a row.

    Of more rows than are kept, the last count.
    """
    known, now = reference.values[:, signal], last.values(signal)[max(since - last.oldest(), 0) :]
    known, now = known[~np.isnan(known)], now[~np.isnan(now)]
    if not len(known) or not len(now):
        return []
    both = np.unique(np.concatenate((known, now)))
    others = both[~np.isin(both, reference.categories[signal])]
    (before, was), (after, turned) = (_shares(some, others) for some in (known, now))
    change, error = np.abs(after - before), reference.error(signal, len(now))
    sure = (change > reference.effects[signal]) & (np.abs(turned - was) > _SURELY * error)
    order = np.flatnonzero(sure)[np.argsort(-change[sure], kind="stable")][:_MOST]
    return list(zip(others[order].tolist(), before[order].tolist(), after[order].tolist(), strict=True))


def told_apart(shares: list[Share], moved: list[Share]) -> list[Share]:
    """Shares, those of all others last, with some told from these."""
    *apart, (_, before, after) = shares
    before, after = before - sum(one[1] for one in moved), after - sum(one[2] for one in moved)
    return [*apart, *moved, (math.nan, max(before, 0.0), max(after, 0.0))]


def _shares(values: Floats, categories: Floats) -> tuple[Floats, Floats]:
    """The share of each of some categories in values, and as an angle, the variance of which is that of a standard normal
    mean, also of rare ones (Anscombe 1948).
    """
    values, n = np.sort(values), len(values)
    there = np.searchsorted(values, categories, "right") - np.searchsorted(values, categories, "left")
    return there / n, 2 * np.arcsin(np.sqrt((there + 0.375) / (n + 0.75)))
