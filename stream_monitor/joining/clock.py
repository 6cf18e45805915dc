"""A stream's clock: the largest event time that is not ahead of its arrival; silence moves it on, lag never does.

What says no time of its own, so that it has that of its record, below zero, never moves it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Progress

Times = npt.NDArray[np.int64]

AHEAD = 300_000_000
"""Microseconds that an event may be ahead of its arrival and still move the clock."""
FAR = 2**62
"""A clock that never comes."""
UNSET = -FAR


class Clock:
    """Event time of one stream, in microseconds since the epoch."""

    def __init__(self) -> None:
        self.now = UNSET
        self._heard = UNSET
        self._heard_at = UNSET
        self._drained: dict[str, int] = {}

    @property
    def started(self) -> bool:
        """Whether there was ever an event."""
        return self.now > UNSET

    def rows(self, times: Times, arrived: int) -> tuple[Times, int]:
        """The clock at each row, int64[n], and how many rows are ahead of their arrival and do not move it.

        A stream that begins with such a row is at its arrival, one that begins with a row without a time at its record's.
        """
        limit, ahead = arrived + AHEAD, 0
        if int(times.max()) <= limit and int(times.min()) >= 0:
            running = times.copy()
        else:
            late = times > limit
            ahead, running = int(late.sum()), np.where(late | (times < 0), UNSET, times)
        first = int(running[0])
        begin = arrived if times[0] >= 0 else -int(times[0])
        running[0] = max(first, self.now) if self.started or first > UNSET else begin
        if len(running) > 1:
            np.maximum.accumulate(running, out=running)
        return running, ahead

    def heard(self, now: int, arrived: int, times: Times) -> None:
        """Takes the clock at the last of some rows, when they arrived, and their times: without any they end no silence."""
        self.now = now
        if self._heard == UNSET or int(times.max()) >= 0:
            self._heard, self._heard_at = max(self._heard, arrived), now

    def progress(self, entries: Iterable[Progress], arrived: int) -> int:
        """Takes how far this stream's inputs were read; gives the clock after the silence that this proves.

        It ticks on from the last row rather than to the arrival time, so that old events can be loaded late.
        """
        for entry in entries:
            self._drained[_input(entry.topic, entry.partition)] = arrived if entry.drained else UNSET
        if self._heard == UNSET or not self._drained:
            return self.now
        return max(self.now, self._heard_at + min(self._drained.values()) - self._heard)

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [self.now, self._heard, self._heard_at, dict(self._drained)]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self.now, self._heard, self._heard_at, drained = state
        self._drained = dict(drained)


def known_at(times: Times, clock: Times) -> Times:
    """When rows say that they happened; their records' times, though not beyond the clock, where they say nothing."""
    return np.where(times < 0, np.minimum(-times, clock), times) if int(times.min()) < 0 else times


@lru_cache(10_000)
def _input(topic: str, partition: int) -> str:
    return f"{topic}/{partition}"
