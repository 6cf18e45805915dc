"""The order in which the rows of a file are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt

from consumers.files.arrivals import NEVER, Arrived, arrivals

Read = Callable[[], Iterable[bytes]]
Time = Callable[[bytes], int | None]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
TOGETHER = 1_000_000
"""Rows that are held at once: a file that is not in order is read again for each so many."""
_NONE = -1
_OUTSIDE = 10
"""How many times as far as the middle nine tenths of the times span a time may lie outside them, and a month beside."""
_MONTH = 30 * 86_400_000_000
_MINUTE = 60_000_000
_FEW = 0.01
"""The share of rows that may be elsewhere than when they happened, by more than a minute, in a file that is as it came."""


def as_they_came(read: Read, time: Time, together: int = TOGETHER) -> Iterator[Arrived]:
    """Predictions as their file has them, a late one when it came, if nearly all are where they happened.

    Those of any other file come in order of their times.  `read` gives the file from its beginning.
    """
    times = _times(read, time)
    came = np.fromiter(arrivals(None if at == _NONE else at for at in map(int, times)), np.int64, len(times))
    known = times != _NONE
    there = known & (np.abs(came - times) <= _MINUTE)
    if np.count_nonzero(known & ~there) <= _FEW * len(times):
        return _ordered(read, came, 0, together)
    most = 2 * np.count_nonzero(there) > np.count_nonzero(known)
    return _ordered(read, _believed(times, there if most else known), 0, together)


def in_time_order(read: Read, time: Time, source: int = 0, together: int = TOGETHER) -> Iterator[Arrived]:
    """Rows in order of the times at which they happened, which is when they arrive; those of one time as the file has them.

    A row without a time, or with one that is far from all others, follows its predecessor.
    """
    times = _times(read, time)
    return _ordered(read, _believed(times, times != _NONE), source, together)


def _times(read: Read, time: Time) -> Ints:
    return np.fromiter((_NONE if (at := time(value)) is None else at for value in read()), np.int64)


def _ordered(read: Read, times: Ints, source: int, together: int) -> Iterator[Arrived]:
    """The rows in order of these times."""
    last = len(times) - 1 if source == 0 else None
    if (np.diff(times) >= 0).all():
        for place, (at, value) in enumerate(zip(times.tolist(), read(), strict=True)):
            yield Arrived(at, source, value, place == last)
        return
    order = np.argsort(times, kind="stable")
    places = np.empty(len(order), np.int64)
    places[order] = np.arange(len(order))
    for start in range(0, len(order), together):
        part = order[start : start + together]
        values = dict(_between(read(), places, start, start + together))
        for place, at in enumerate(times[part].tolist(), start):
            yield Arrived(at, source, values[place], place == last)


def _between(rows: Iterable[bytes], places: Ints, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
    """The rows whose places in the order are between two, each with its own."""
    return ((place, value) for place, value in zip(places.tolist(), rows, strict=True) if start <= place < stop)


def _believed(times: Ints, trusted: Mask) -> Ints:
    """The times, and instead of those that are missing or far from all that are trusted that of the row before, or behind."""
    known = np.sort(times[trusted])
    if not len(known):
        return np.full(len(times), NEVER)
    few = max(len(known) // 20, int(len(known) > 4))
    low, high = int(known[few]), int(known[-1 - few])
    room = _OUTSIDE * (high - low) + _MONTH
    believed = (times != _NONE) & (times >= low - room) & (times <= high + room)
    rows = np.where(believed, np.arange(len(times)), -1)
    before = np.maximum.accumulate(rows)
    return times[np.where(before < 0, int(np.argmax(believed)), before)]
