"""When the rows of a file would have arrived, and the order in which rows of several files would."""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

LOOKAHEAD = 1_000
"""Rows behind a row that say whether its time is to be believed."""
NEVER = 2**62
"""The arrival of rows that have no time, nor any row before or behind them: after everything."""
_FEW = 2
_HOUR = 3_600_000_000


class Arrived(NamedTuple):
    """A row and when it arrived."""

    time: int
    """Epoch microseconds."""
    source: int
    """Which of the files it is from."""
    value: bytes
    last: bool = False
    """Whether it is the last of the predictions."""


def arrivals(times: Iterable[int | None]) -> Iterator[int]:
    """When the rows of these event times arrived: each at its own, if most of the rows behind it are no earlier.

    So neither a row of the year 2099 nor a late one moves the others.  Rows without a time follow their predecessor.
    """
    window = _Window(iter(times))
    now: int | None = None
    while window.rows:
        now = window.front(now, window.take())
        yield now


def merged(*files: Iterable[Arrived]) -> Iterator[Arrived]:
    """The rows of all files in order of arrival; those of the first file first."""
    return heapq.merge(*files, key=lambda row: (row.time, row.source))


class _Window:
    """The times of the next rows of a file, as they are and in order."""

    def __init__(self, rows: Iterator[int | None]) -> None:
        self._source = rows
        self.rows: deque[int | None] = deque()
        self._times: list[int] = []
        self._first: int | None = None
        self._steps = 0
        for _ in range(LOOKAHEAD):
            self._fill()

    def take(self) -> int | None:
        """The time of the next row; the others are now those of the rows behind it."""
        time = self.rows.popleft()
        if time is not None:
            del self._times[bisect_left(self._times, time)]
        self._fill()
        return time

    def front(self, now: int | None, time: int | None) -> int:
        """The arrival of a row, given that of the one before it."""
        if now is None:
            believed = time is not None and (not self._times or time <= self._median())
            self._first = time if believed else self._times[0] if self._times else NEVER
            return NEVER if self._first is None else self._first
        if time is None or time <= now:
            return now
        if time > (self._median() if self._times else self._latest(now)):
            return now
        self._steps += 1
        return time

    def _latest(self, now: int) -> int:
        """What is believed of a last row: no step as long as the whole file so far, once there is a file to speak of."""
        return NEVER if self._steps < _FEW else now + max(_HOUR, now - (self._first or 0))

    def _median(self) -> int:
        return self._times[len(self._times) // 2]

    def _fill(self) -> None:
        for time in islice(self._source, 1):
            self.rows.append(time)
            if time is not None:
                insort(self._times, time)
