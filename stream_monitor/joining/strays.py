"""Which of the labels that find no prediction come when its wait is over."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.sampling import sampled

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

_KEPT = 1_024
_WAITS = 4
"""Waits for which it is remembered that one was over."""


class Strays:
    """Ids of predictions whose wait was over without a label, and of labels that found none: a sample by the same hash.

    It is the same however they come in pieces, as long as all have come when it is asked.
    """

    def __init__(self) -> None:
        self._halvings = 0
        self._over, self._deadlines = np.empty(0, np.uint64), np.empty(0, np.int64)
        self._alone = np.empty(0, np.uint64)

    def over(self, ids: Hashes, deadlines: Ints) -> None:
        """Takes predictions without a label, by hashes uint64[n, 2] and when their wait was over."""
        chosen = sampled(ids[:, 1], self._halvings)
        self._over = np.concatenate((self._over, ids[chosen, 1]))
        self._deadlines = np.concatenate((self._deadlines, deadlines[chosen]))
        self._thin_out()

    def alone(self, ids: Hashes) -> None:
        """Takes labels that found no prediction, by hashes uint64[n, 2]."""
        self._alone = np.concatenate((self._alone, ids[sampled(ids[:, 1], self._halvings), 1]))
        self._thin_out()

    def late(self, now: int, wait: int) -> tuple[int, int]:
        """How many of how many labels that were taken since this was last asked came when a wait was over."""
        remembered = self._deadlines > now - _WAITS * wait
        self._over, self._deadlines = self._over[remembered], self._deadlines[remembered]
        alone, self._alone = self._alone, np.empty(0, np.uint64)
        return int(np.isin(alone, self._over).sum()), len(alone)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "halvings": self._halvings, "over": self._over.tolist(), "deadlines": self._deadlines.tolist(),
            "alone": self._alone.tolist(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._halvings, self._alone = state["halvings"], np.array(state["alone"], np.uint64)
        self._over, self._deadlines = np.array(state["over"], np.uint64), np.array(state["deadlines"], np.int64)

    def _thin_out(self) -> None:
        while max(len(self._over), len(self._alone)) > _KEPT:
            self._halvings += 1
            chosen = sampled(self._over, self._halvings)
            self._over, self._deadlines = self._over[chosen], self._deadlines[chosen]
            self._alone = self._alone[sampled(self._alone, self._halvings)]
