"""Shares over windows: small ones that last are found by many rows, and what is said of one ends when that is certain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import xlogy

from stream_monitor.quality.known import Worst
from stream_monitor.quality.shares import Floats, Ints, Mask, Verdict, compare

_FEWEST, _TOGETHER = 1_000, 2_000
"""Rows of several windows by which they are judged together, and from which on they are not added up any more."""
_PART = 4
"""The part of the share that was said at which it is less than that, between half of what matters and all of it."""
_CERTAIN = 3.0
"""Standard errors at which a share is less than that."""


class Evidence(NamedTuple):
    """How many of how many, [d] each, in windows that have not decided anything."""

    k: Ints
    n: Ints

    @classmethod
    def none(cls, features: int) -> Evidence:
        """Before the first window."""
        return cls(np.zeros(features, np.int64), np.zeros(features, np.int64))


class Judged(NamedTuple):
    """What a window says, with those before it: of how many rows, and what is left for the next."""

    verdict: Verdict
    rows: Ints
    left: Evidence
    own: Evidence
    """Of the window alone."""


def judge(
    k: Ints, n: Ints, past: Evidence, shares: Floats, reference: Worst, least: float, fewest: int, usual: Ints | int = 0
) -> Judged:
    """Compares k of n, [d] each, by themselves, and with `past` windows, as `compare` does.

    Those of which such `shares` were said, NaN of others, are well when windows in a row, each of which seems so, make it
    certain: that they are far from what was said, so that one about as large as what matters does not end and begin by chance.
    """
    said = ~np.isnan(shares)
    alone = compare(k, n, reference, least, fewest, usual)
    surprising = np.where(said, k, np.maximum(k - np.maximum(usual, 0), 0))
    whole = Evidence(past.k + surprising, past.n + n)
    together = compare(whole.k, whole.n, reference.throughout, least, max(fewest, _FEWEST))
    slowly = together.bad & (past.n > 0) & (n >= fewest) & ~(said | alone.bad | alone.well)
    limit = alone.before + np.clip((shares - alone.before) / _PART, least / 2, least)
    well = alone.well & (~said | _surely_less(whole, limit))
    bad = alone.bad | slowly
    open_still = said & ~well & (alone.well | (n < fewest))
    kept = open_still | (~said & ~bad & (whole.n < _TOGETHER))
    return Judged(
        Verdict(bad, well, alone.before, np.where(slowly, together.after, alone.after)),
        np.where(slowly, whole.n, n),
        Evidence(np.where(kept, whole.k, 0), np.where(kept, whole.n, 0)),
        Evidence(k, n),
    )


def _surely_less(evidence: Evidence, limit: Floats) -> Mask:
    """Whether shares are less than a limit, by the likelihood ratio."""
    k, n = evidence
    share, most = k / np.maximum(n, 1), np.minimum(limit, 1 - 1e-9)
    gained = xlogy(k, share / most) + xlogy(n - k, (1 - share) / (1 - most))
    sure: Mask = (share < most) & (2 * gained >= _CERTAIN**2)
    return sure
