"""The losses of a version from its first one on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.watching.by_segment import BySegment
from stream_monitor.watching.reference import BATCHES

Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

_SHORTEST = 8
"""Losses in one of the first batches."""


class Lifetime:
    """Sums over batches of equally many losses: once there are twice as many batches as suffice, two and two become one."""

    def __init__(self) -> None:
        self.n = 0
        self.first = self.last = 0
        """Event times of the first loss and of the last, microseconds."""
        self.by_segment = BySegment()
        self._size, self._sums = _SHORTEST, np.zeros(2 * BATCHES)

    @property
    def span(self) -> int:
        """Event time from the first to the last, microseconds."""
        return self.last - self.first

    @property
    def mean(self) -> float:
        """Of all; NaN where there are none."""
        return float(self._sums.sum()) / self.n if self.n else math.nan

    def add(self, losses: Floats, times: npt.NDArray[np.int64], segments: Hashes) -> None:
        """Takes the next losses, float64[n], with the event times of their predictions, and their segments, uint64[n, k]."""
        self.by_segment.add(segments, losses)
        if len(losses):
            self.first, self.last = self.first if self.n else int(times[0]), int(times[-1])
        at = 0
        while at < len(losses):
            batch, inside = divmod(self.n, self._size)
            some = losses[at : at + self._size - inside]
            self._sums[batch] = np.cumsum(np.concatenate((self._sums[batch : batch + 1], some)))[-1]
            self.n, at = self.n + len(some), at + len(some)
            if self.n == self._size * len(self._sums):
                self._sums = np.concatenate((self._sums[0::2] + self._sums[1::2], np.zeros(BATCHES)))
                self._size *= 2

    def error(self, variance: float) -> float:
        """The standard error of the mean, persistence included; that of losses of such a variance at least."""
        means = self._sums[: self.n // self._size] / self._size
        with np.errstate(over="ignore", invalid="ignore"):
            between = self._size * float(means.var(ddof=1)) if len(means) > 1 else 0.0
        return math.sqrt(max(between, variance) / max(self.n, 1))

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        return {
            "n": self.n, "first": self.first, "last": self.last, "size": self._size, "sums": self._sums.copy(),
            "segments": self.by_segment.state(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.n, self.first, self.last = state["n"], state["first"], state["last"]
        self._size, self._sums = state["size"], state["sums"].copy()
        self.by_segment = BySegment.restored(state["segments"])
