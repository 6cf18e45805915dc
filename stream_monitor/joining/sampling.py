"""Which predictions are waited for where there are too many: one in 1, 2, 4, ... by the hash of the id."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.id_table import Hashes, Indices

Mask = npt.NDArray[np.bool_]


class Sampling:
    """The rate, and what it was before, so that rows that were saved since can be sampled again."""

    def __init__(self) -> None:
        self.halvings = 0
        """One prediction in 2**halvings is waited for."""
        self._history: list[list[int]] = []
        """The position from which each rate held."""

    def change(self, by: int, position: int) -> None:
        """Halves the rate once more, or once less, for the rows from a position on; fewer means for older rows too."""
        self.halvings += by
        self._history.append([position, self.halvings])

    def mask(self, ids: Hashes) -> Mask:
        """Which ids are sampled at the present rate."""
        return sampled(ids[:, 1], self.halvings)

    def survivors(self, ids: Hashes, positions: Indices) -> Mask:
        """Which of the rows that were there once are there still: those that were sampled at every rate since."""
        mask = np.ones(len(ids), np.bool_)
        rates = [[0, 0], *self._history, [2**62, 0]]
        for i, (at, _) in enumerate(rates[:-1]):
            if at <= positions[-1] and rates[i + 1][0] > positions[0]:
                kept = sampled(ids[:, 1], max(halvings for _, halvings in rates[i:]))
                mask &= (positions < at) | (positions >= rates[i + 1][0]) | kept
        return mask

    def forget(self, position: int) -> None:
        """Forgets the rates that no row from a position on has seen."""
        while len(self._history) > 1 and self._history[1][0] <= position:
            del self._history[0]

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"halvings": self.halvings, "history": [list(entry) for entry in self._history]}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.halvings, self._history = state["halvings"], [list(entry) for entry in state["history"]]


def sampled(hashes: npt.NDArray[np.uint64], halvings: int) -> Mask:
    """Which of hashes, uint64[n], are the one in 2**halvings that is chosen."""
    if not halvings:
        return np.ones(len(hashes), np.bool_)
    chosen: Mask = (hashes >> np.uint64(64 - halvings)) == 0
    return chosen
