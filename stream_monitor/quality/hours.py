"""How often events come at each hour of the week."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.quality.batches import Batch, batches

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

HOUR = 3_600_000_000
"""Microseconds."""
WEEK = 168
_WEEKS = 4
_MONDAY = 72
"""Hours from the Monday before the epoch to the epoch."""
_MOST = 2**31 - 1
_DAYS = 3
"""Days of the same kind that are to be seen, until there are four weeks."""
_STEADY = 3
"""Times less than the mean, which no hour may have had, for a stream to be known after some days."""
_TELLING, _HALF_A_DAY = 20, 12
"""Events that hours are to have on average to be looked at one by one: of fewer, as many as have so many together."""
_EULER = 0.577
"""The longest of n random stretches is log(n) + 0.577 mean ones on average."""
_WEEKEND = np.r_[108:WEEK, 0:12]
"""Hours of the week at which it is Saturday or Sunday somewhere: from Friday noon to Monday noon in UTC."""
_ALIKE = slice(0, 120), slice(120, WEEK)
"""Hours of weekdays and of weekends."""
_EARLY = 4 * 24
"""Hours at the beginning in which a silence may not be said yet."""
_BUSY = 30
"""Hours with events that are to be seen before it is known how long silences are."""
_ASIDE = 2
"""Silences that were said and are not usual on other days: the longest ones, as more of them are how the stream is."""
_TAIL = (0, 24, 48)
"""Hours before the last event that may be left out for it: what trickles in when something has stopped is not usual."""


class Usual(NamedTuple):
    """What an hour of the week has as a rule."""

    events: int
    """At least."""
    stretch: int
    """Microseconds: the longest part of such an hour without an event."""
    mean: float
    """Events."""
    sure: float
    """The least mean of the hour and its neighbours."""


UNKNOWN = np.array([[0.0, HOUR, 0.0]])
"""Events, stretch and mean of an hour of which nothing is known."""


class Hours:
    """The last four weeks: events of each hour, and its longest stretch without one.  11 kB."""

    def __init__(self) -> None:
        self._events = np.full((WEEK, _WEEKS), -1, np.int32)
        """-1 where no such hour was seen; the newest first."""
        self._stretches = np.zeros((WEEK, _WEEKS), np.int32)
        """Milliseconds, rounded up."""
        self._last = -1
        """The last hour that was recorded; -1 before the first."""
        self._aside: list[tuple[int, int]] = []
        """The first and the last hour of silences that were said, the longest one last."""
        self._usual: list[Usual] = []
        """Of each hour of the week, once it was asked for."""
        self._batches: list[Batch] = []
        """The same."""
        self._missed = -1.0
        """Once it was asked for."""
        self._clump = 0.0
        """The same."""

    def record(self, hour: int, events: int, stretch: int) -> None:
        """Takes an hour, by its number since the epoch, that is over; `stretch` is in microseconds."""
        at = (hour + _MONDAY) % WEEK
        for kept, value in ((self._events, events), (self._stretches, -(-stretch // 1_000))):
            kept[at, 1:] = kept[at, :-1].copy()
            kept[at, 0] = min(value, _MOST)
        self._last = hour
        self._forget()

    def pass_silent(self, first: int, last: int) -> None:
        """Takes the hours from `first` to before `last` in which there was nothing."""
        for hour in range(max(first, last - WEEK * _WEEKS), last):
            self.record(hour, 0, HOUR)

    def leave_aside(self, first: int, last: int) -> None:
        """Takes the hours of a silence that was said, or of what was missing by one.

        Until there are four weeks it is usual on its own day of the week, which may be a day off, but not on days alike.
        """
        said = [(start, end) for start, end in (*self._aside, (first, last)) if end > first - WEEK * _WEEKS]
        self._aside = sorted(said, key=lambda one: one[1] - one[0])[-_ASIDE:]
        self._forget()

    def usual(self, hour: int) -> Usual:
        """What an hour and its neighbours usually have, so that a day may begin or end an hour off; nothing if not known yet.

        An hour of the week is known once it was seen four times, one odd one aside; or once, and three days that are both on
        the weekend or both not; or, where no hour (or hours that have 20 events together, half a day at most) had less than a
        third of the mean, after any three days. Of these the last hours may have had less, up to two days after three: a
        stream that ebbs away is not forgotten by that. An hour that is of the weekend in some time zone is not known before it
        was seen. What was left aside counts where an hour is known by itself, and not for others.
        """
        if not self._usual:
            self._usual = self._work_out()
        return self._usual[(hour + _MONDAY) % WEEK]

    def missed(self) -> float:
        """The most events, by the means of their hours, that a silence there was between two events may have taken.

        The longest silence of four weeks is left aside, until then those that were said; it is infinite while there were few
        hours with events.
        """
        if self._missed < 0:
            self._missed = self._most_missed()
        return self._missed

    def clump(self) -> float:
        """How many events come together, by the median of hours that had any; at least 1.

        It is how many times longer an hour's longest stretch without an event is than if as many came at random.
        """
        if not self._clump:
            self._clump = self._work_out_clump()
        return self._clump

    def batch(self, hour: int) -> Batch:
        """The batch that usually comes from an hour on."""
        if not self._batches:
            events = np.where(self._left_aside()[0], -1, self._events)
            self._batches = batches(self._in_order(events).astype(np.int64), self._first)
        return self._batches[(hour + _MONDAY) % WEEK]

    @property
    def most(self) -> int:
        """The most events that an hour had."""
        return int(self._events.max())

    def state(self) -> dict[str, Any]:
        """Everything, as arrays."""
        return {
            "events": self._events.copy(), "stretches": self._stretches.copy(), "last": self._last,
            "aside": [list(one) for one in self._aside],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._events, self._stretches, self._last = state["events"].copy(), state["stretches"].copy(), state["last"]
        self._aside = [(first, last) for first, last in state.get("aside", ())]
        self._forget()

    def _forget(self) -> None:
        self._usual.clear()
        self._batches.clear()
        self._missed = -1.0
        self._clump = 0.0

    @property
    def _first(self) -> int:
        """The hour of the week with which four weeks began that are over."""
        return (self._last + 1 + _MONDAY) % WEEK

    def _in_order(self, kept: Counts) -> Counts:
        """What is kept of these four weeks, the newest hour last."""
        return np.roll(kept, -self._first, axis=0)[:, ::-1].T.ravel()

    def _most_missed(self) -> float:
        events, stretches = self._in_order(self._events), self._in_order(self._stretches)
        said = self._in_order(self._left_aside()[1].astype(np.int32)) > 0
        busy = np.flatnonzero(events > 0)
        counts = ~(said[busy[1:]] & said[busy[:-1]])
        if np.count_nonzero(counts) < _BUSY - 1:
            return math.inf
        means = np.array([self.usual(hour).sure for hour in range(self._last + 1 - len(events), self._last + 1)])
        passed = np.concatenate(([0.0], np.cumsum(means * stretches / (HOUR / 1_000))))
        silences = np.sort((passed[busy[1:] + 1] - passed[busy[:-1]])[counts])
        return float(silences[-2 if events.min() >= 0 else -1])

    def _work_out_clump(self) -> float:
        busy = self._events > 0
        events = self._events[busy].astype(np.float64)
        at_random = (np.log(events + 1.5) + _EULER) / (events + 1)
        sizes = self._stretches[busy] * 1_000 / HOUR / at_random
        return max(float(np.median(sizes)), 1.0) if len(sizes) else 1.0

    def _work_out(self) -> list[Usual]:
        """Of each hour of the week, by the best that is known of it."""
        n, own = self._summed_up(self._events, self._stretches, 1)
        _, said = self._left_aside()
        days, alike = self._of_days_alike(np.where(said, -1, self._events))
        known = np.where((n == _WEEKS)[:, np.newaxis], own, alike)
        known[(n == 0) | ((n < _WEEKS) & (days < _DAYS))] = self._every(said)
        known[_WEEKEND[n[_WEEKEND] == 0]] = UNKNOWN
        by_own = np.flatnonzero(said.any(axis=1) & (n < _WEEKS))
        _, theirs = self._summed_up(self._events[by_own], self._stretches[by_own])
        for column, less in enumerate((np.minimum, np.maximum, np.minimum)):
            known[by_own, column] = less(known[by_own, column], theirs[:, column])
        near = np.stack((np.roll(known, 1, axis=0), known, np.roll(known, -1, axis=0)))
        fewest, longest, means = near[:, :, 0].min(axis=0), near[:, :, 1].max(axis=0), known[:, 2]
        columns = fewest.astype(np.int64), longest.astype(np.int64), means, near[:, :, 2].min(axis=0)
        return [Usual(*one) for one in zip(*(column.tolist() for column in columns), strict=True)]

    def _left_aside(self) -> tuple[Mask, Mask]:
        """Which of the hours that are kept are of silences that were said, and with others; none once there are four weeks.

        Others are of the first days, in which none could be said, and without events alone of all days alike.
        """
        said = np.zeros(self._events.shape, np.bool_)
        if self._events.min() >= 0:
            return said, said
        newest = self._last - (self._last + _MONDAY - np.arange(WEEK)) % WEEK
        hours = newest[:, np.newaxis] - WEEK * np.arange(_WEEKS)
        for first, last in self._aside:
            said |= (first <= hours) & (hours <= last) & (self._events >= 0)
        early = (self._events == 0) & (hours < hours[self._events >= 0].min(initial=self._last) + _EARLY) & ~said
        for rows in _ALIKE if early.any() else ():
            alone = (self._by_time(np.where(said, -1, self._events), rows) == 0).sum(axis=1) == 1
            seen = (self._by_time(self._events, rows) > 0).sum(axis=1) >= _DAYS
            early[rows] &= np.tile(alone & seen, (rows.stop - rows.start) // 24)[:, np.newaxis]
        return said, said | early

    def _by_time(self, kept: Counts, rows: slice) -> Counts:
        """Of days alike what is kept of each hour of the day, [24, n]."""
        return kept[rows].reshape(-1, 24, _WEEKS).swapaxes(0, 1).reshape(24, -1)

    def _of_days_alike(self, events: Counts) -> tuple[Ints, Floats]:
        """For each hour of the week, how often days of its kind were seen at that time of day, and what they had."""
        parts = []
        for rows in _ALIKE:
            n, found = self._summed_up(self._by_time(events, rows), self._by_time(self._stretches, rows))
            days = (rows.stop - rows.start) // 24
            parts.append((np.tile(n, days), np.tile(found, (days, 1))))
        (n_week, week), (n_weekend, weekend) = parts
        return np.concatenate((n_week, n_weekend)), np.concatenate((week, weekend))

    def _summed_up(self, events: Counts, stretches: Counts, odd: int = 0) -> tuple[Ints, Floats]:
        """For each row, how many hours were seen; fewest events and longest stretch but for the odd ones, and the mean."""
        seen = events >= 0
        n = seen.sum(axis=1)
        fewest = np.sort(np.where(seen, events, _MOST), axis=1)[:, odd].astype(np.int64)
        longest = np.sort(np.where(seen, stretches, 0), axis=1)[:, -1 - odd].astype(np.int64) * 1_000
        total = np.where(seen, events, 0).sum(axis=1, dtype=np.int64)
        return n, np.column_stack((fewest, longest, total / np.maximum(n, 1)))

    def _every(self, said: Mask) -> Floats:
        """What every hour has, if there are three days, and no hour of them is quiet."""
        hours, stretches = self._in_order(np.where(said, -1, self._events)), self._in_order(self._stretches)
        for tail in _TAIL:
            end = len(hours) - tail
            seen = hours[:end][hours[:end] >= 0].astype(np.int64)
            if len(seen) < 24 * _DAYS or not seen.any():
                continue
            mean = float(seen.mean())
            together = min(math.ceil(_TELLING / mean), _HALF_A_DAY)
            if int(np.convolve(seen, np.ones(together, np.int64), "valid").min()) * _STEADY >= together * mean:
                return self._summed_up(hours[np.newaxis, :end], stretches[np.newaxis, :end])[1]
        return UNKNOWN
