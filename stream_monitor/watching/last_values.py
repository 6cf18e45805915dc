"""The last values of signals that come in categories: which of all others have moved, and in what shares they come."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stream_monitor.watching.reference import Reference

Floats = npt.NDArray[np.float64]

MOST = 3
"""Categories of a signal that are told from all others."""
_SURELY = 4.0
"""Standard errors by which they must have moved: there may be many, and the most moved of them are named."""


def moved(reference: Reference, signal: int, now: Floats) -> list[float]:
    """Those among all others of a signal that have surely moved in values, float64[n] and none missing; the most first."""
    known = present(reference.values[:, signal])
    if not len(known) or not len(now):
        return []
    both = np.unique(np.concatenate((known, now)))
    others = both[~np.isin(both, reference.categories[signal])]
    before, after = shares(known, others), shares(now, others)
    turned = np.abs(_angles(after, len(now)) - _angles(before, len(known)))
    change = np.abs(after - before)
    sure = (change > reference.effects[signal]) & (turned > _SURELY * reference.error(signal, len(now)))
    found: list[float] = others[np.flatnonzero(sure)[np.argsort(-change[sure], kind="stable")][:MOST]].tolist()
    return found


def told_apart(all_shares: Floats, of: Floats) -> Floats:
    """Shares, that of all others last, with those `of` some of these told from it."""
    rest = max(float(all_shares[-1] - of.sum()), 0.0)
    return np.concatenate((all_shares[:-1], of, [rest]))


def shares(values: Floats, categories: Floats) -> Floats:
    """The share of each of some categories in values."""
    values = np.sort(values)
    there = np.searchsorted(values, categories, "right") - np.searchsorted(values, categories, "left")
    return there / max(len(values), 1)


def present(values: Floats) -> Floats:
    """Those that are not missing."""
    return values[~np.isnan(values)]


def _angles(shares: Floats, n: int) -> Floats:
    """Shares of n values as angles, the variance of which is that of a standard normal mean, also of rare ones
    (Anscombe 1948).
    """
    angles: Floats = 2 * np.arcsin(np.sqrt((shares * n + 0.375) / (n + 0.75)))
    return angles
