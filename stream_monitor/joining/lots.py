"""Of outcomes whose labels count for more or for less, a part of which each prediction had the same chance to be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_MOST = 100.0
"""What counts for more times as much as the least is drawn as if it counted for so much."""


class Lots:
    """What counts for half as much as another is drawn half as often, by the hash of its id.

    Where the doubtful cases are reviewed more often than others, errors among what is drawn are as frequent as among all
    predictions, however often that is, and each is there once: what watches a rate needs no weights.
    """

    def __init__(self) -> None:
        self._least, self._most = np.inf, 0.0
        """What labels have counted for so far."""

    def drawn(self, ids: npt.NDArray[np.uint64], weight: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which of the next outcomes are drawn, by hashes of their ids, uint64[n, 2], and what labels count for, float64[n]."""
        if not len(weight):
            return np.zeros(0, np.bool_)
        counted = weight > 0
        least = np.fmin.accumulate(np.append(self._least, np.where(counted, weight, np.inf)))
        most = np.fmax.accumulate(np.append(self._most, weight))
        self._least, self._most = float(least[-1]), float(most[-1])
        if self._least == self._most:
            return counted
        even, heaviest = (ids[:, 0] >> np.uint64(11)) * 2.0**-53, np.minimum(most[1:], _MOST * least[1:])
        drawn: npt.NDArray[np.bool_] = even * heaviest < weight
        return drawn

    def state(self) -> list[float]:
        """Everything, as plain values."""
        return [self._least, self._most]

    def restore(self, state: list[float]) -> None:
        """Goes on from a `state()`."""
        self._least, self._most = state
