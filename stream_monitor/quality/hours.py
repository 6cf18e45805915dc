"""How often events come at each hour of the week."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]

HOUR = 3_600_000_000
"""Microseconds."""
WEEK = 168
_WEEKS = 4
_MONDAY = 72
"""Hours from the Monday before the epoch to the epoch."""
_MOST = 2**31 - 1
_DAYS = 3
"""Days of the same kind that are to be seen, where a weekday was seen once only."""
_STEADY = 3
"""Times less than the mean, which no hour may have had, for a stream to be known after some days."""


class Usual(NamedTuple):
    """What an hour of the week has at least, as a rule."""

    events: int
    stretch: int
    """Microseconds: the longest part of such an hour without an event."""


UNKNOWN = Usual(0, HOUR)


class Hours:
    """The last four weeks: events of each hour, and its longest stretch without one.  11 kB."""

    def __init__(self) -> None:
        self._events = np.full((WEEK, _WEEKS), -1, np.int32)
        """-1 where no such hour was seen; the newest first."""
        self._stretches = np.zeros((WEEK, _WEEKS), np.int32)
        """Milliseconds, rounded up."""
        self._usual: list[Usual] = []
        """Of each hour of the week, once it was asked for."""

    def record(self, hour: int, events: int, stretch: int) -> None:
        """Takes an hour, by its number since the epoch, that is over; `stretch` is in microseconds."""
        at = (hour + _MONDAY) % WEEK
        for kept, value in ((self._events, events), (self._stretches, -(-stretch // 1_000))):
            kept[at, 1:] = kept[at, :-1].copy()
            kept[at, 0] = min(value, _MOST)
        self._usual.clear()

    def pass_silent(self, first: int, last: int) -> None:
        """Takes the hours from `first` to before `last` in which there was nothing."""
        for hour in range(max(first, last - WEEK * _WEEKS), last):
            self.record(hour, 0, HOUR)

    def usual(self, hour: int) -> Usual:
        """What an hour usually has; nothing where that is not known yet.

        An hour of the week is known once it was seen twice; or once, and as often as three days that are both on the weekend
        or both not; or, where no hour had less than a third of the mean, after any three days.  One odd hour in four does not
        count.
        """
        if not self._usual:
            self._usual = self._work_out()
        return self._usual[(hour + _MONDAY) % WEEK]

    def state(self) -> dict[str, Any]:
        """Everything, as arrays."""
        return {"events": self._events.copy(), "stretches": self._stretches.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._events, self._stretches = state["events"].copy(), state["stretches"].copy()
        self._usual.clear()

    def _work_out(self) -> list[Usual]:
        """Of each hour of the week, by the best that is known of it."""
        n, own = self._least(self._events, self._stretches)
        days, alike = self._of_days_alike()
        _, steady = self._least(self._events.reshape(1, -1), self._stretches.reshape(1, -1))
        known = np.where((n >= 2)[:, np.newaxis], own, alike)
        known[(n == 0) | ((n == 1) & (days < _DAYS))] = steady[0] if self._steady() else UNKNOWN
        return [Usual(events, stretch) for events, stretch in known.tolist()]

    def _of_days_alike(self) -> tuple[Ints, Ints]:
        """For each hour of the week, how often days of its kind were seen at that time of day, and what they had at least."""
        parts = []
        for first, days in ((0, 5), (5, 2)):
            rows = slice(24 * first, 24 * (first + days))
            columns = (kept[rows].reshape(days, 24, _WEEKS).swapaxes(0, 1) for kept in (self._events, self._stretches))
            n, least = self._least(*(column.reshape(24, -1) for column in columns))
            parts.append((np.tile(n, days), np.tile(least, (days, 1))))
        (n_week, week), (n_weekend, weekend) = parts
        return np.concatenate((n_week, n_weekend)), np.concatenate((week, weekend))

    def _least(self, events: Counts, stretches: Counts) -> tuple[Ints, Ints]:
        """For each row, how many hours were seen, and the fewest events and longest stretch, int64[n, 2]; one odd one aside."""
        seen = events >= 0
        n = seen.sum(axis=1)
        odd = (n >= _WEEKS).astype(np.int64)[:, np.newaxis]
        fewest = np.sort(np.where(seen, events, _MOST), axis=1)
        longest = np.sort(np.where(seen, stretches, 0), axis=1)[:, ::-1]
        least = [np.take_along_axis(kept, odd, axis=1).astype(np.int64) for kept in (fewest, longest)]
        return n, np.concatenate((least[0], least[1] * 1_000), axis=1)

    def _steady(self) -> bool:
        """Whether there are three days, and no hour of them is quiet."""
        events = self._events[self._events >= 0].astype(np.int64)
        return len(events) >= 24 * _DAYS and int(events.min()) * _STEADY * len(events) >= int(events.sum()) > 0
