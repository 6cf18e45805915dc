"""Whether a share is larger than in the reference, by more than matters and by more than chance."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, xlogy

from stream_monitor.quality.known import Worst

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LEVEL = 1e-4
"""The chance that any feature of a window seems wrong in one way though it is like the reference."""


class Verdict(NamedTuple):
    """Which of d shares are too large, and which are as they should be; what lies between stays what it was."""

    bad: Mask
    well: Mask
    before: Floats
    after: Floats


def compare(k: Ints, n: Ints, reference: Worst, least: float, fewest: int, usual: Ints | int = 0) -> Verdict:
    """Compares k of n, [d] each, by the likelihood ratio of two binomial shares; one sided, at LEVEL over all d.

    Of k, `usual` may be in one burst, and is no evidence.
    """
    before, after = reference.share, k / np.maximum(n, 1)
    enough, evidence = n >= fewest, np.maximum(k - np.maximum(usual, 0), 0)
    surprising = _root(evidence, n, reference) > -ndtri(LEVEL / max(len(k), 1))
    over = evidence / np.maximum(n, 1) - before >= least
    return Verdict(enough & over & surprising, enough & (after - before < least / 2), before, after)


def _root(k: Ints, n: Ints, reference: Worst) -> Floats:
    """The root of twice the log likelihood ratio, about standard normal."""
    together, rows = k + reference.k, n + reference.n
    gained = _log(k, n) + _log(reference.k, reference.n) - _log(together, rows)
    root: Floats = np.sqrt(2 * np.maximum(gained, 0.0))
    return root


def _log(k: Ints, n: Ints) -> Floats:
    """The log likelihood of k of n at its own share."""
    share = k / np.maximum(n, 1)
    log: Floats = xlogy(k, share) + xlogy(n - k, 1 - share)
    return log
