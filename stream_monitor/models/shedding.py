"""How much of a stream models learn from, so that they take no more than their share of the time.

The time that models take is measured outside of what is replayed; what follows from it is a number of halvings that the
record of the stream holds, as any control event, so that a replay learns from the same rows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.sampling import sampled

MOST = 30


class Shedding(NamedTuple):
    """Learns from one in 2**halvings of the predictions, by the hash of their id."""

    halvings: int = 0

    def learnt(self, ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Which predictions are learnt from, by the 128 bits of their ids' hashes, uint64[n, 2].

        The other half of the bits decides who is waited for where there are too many, so that the two have nothing in common.
        """
        return sampled(ids[:, 0], self.halvings)


def halvings(cost_us: float, rows_per_s: float, share: float, now: int = 0) -> int:
    """How often to halve so that rows of a cost, at a rate, take no more than a share of one core.

    It rises at once and falls by one at a time, when there would be room for twice as many even then.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share}")
    taken = cost_us * 1e-6 * rows_per_s / share
    needed = min(MOST, _doublings(taken))
    if needed >= now:
        return needed
    return now - 1 if _doublings(2 * taken) < now else now


def _doublings(ratio: float) -> int:
    """The least h with ratio <= 2**h."""
    count = 0
    while ratio > 1.0 and count < MOST:
        ratio, count = ratio / 2.0, count + 1
    return count
