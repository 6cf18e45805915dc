"""When it is surprising that nothing comes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.config.duration import show
from stream_monitor.config.settings import Severity
from stream_monitor.events import iso
from stream_monitor.joining.clock import FAR
from stream_monitor.quality.hours import HOUR, WEEK, Hours, Usual
from stream_monitor.quality.issue import Issue

_EXPECTED = 30.0
"""Events that must have been missed; by chance alone that happens once in 10^13 silences (exp -30)."""
_LONGER = 3
"""Times the longest stretch without an event that such an hour has had, or the longest silence by what was missed in it."""
_RECENT, _CHANCE, _LEAST_LEVEL = 16, 1.5, 0.1
"""Events by which it is known whether less comes than did, times fewer that is chance, and how much less at most."""
_LEAST = 300_000_000
"""Microseconds without an event, at least: a restart of what sends them is no news."""
_OFF = 2 * HOUR
"""How much earlier or later than ever a batch may come."""
_AHEAD = 3 * WEEK
"""Hours for which it is known when silence becomes surprising."""


class Rhythm:
    """Learns from the clocks of events when they come, and what silence is; a fixed limit needs no learning.

    Silence is surprising once the events that such hours have at least add up to 30, or to 30 clumps where events come in
    clumps, and to what comes in three times the longest stretch that such an hour was without: time at which nothing is usual
    does not count.  Where few events come, hours without any are usual: it is also surprising once those that such hours have
    on average add up to 30, and to three times what they were in the longest silence between two events.  In the first four
    weeks a silence that was said is no part of what is usual, but on its own day of the week.  Where the last
    events took longer than usual, as many fewer are expected.  And once batches have not come that have 30 events at least, two
    hours after the last of them should have ended.  What is usual stays as it was at the last event until there is another.

    Of 8 streams of clumps (3, 8 or 20 events on average, 500 to 5,000 a day), 360 days each, one alarmed falsely, once.  Where
    traffic falls to a tenth, 1 in 16 alarms, once; to 3 in 100, half, once each.
    """

    def __init__(self, stream: str, what: str, limit: int | None, learns: bool, severity: Severity) -> None:
        self._stream, self._what = stream, what
        self.configure(limit, learns, severity)
        self._hours = Hours()
        self._hour = -1
        """The current hour, by its number since the epoch; -1 before the first event."""
        self._whole = False
        """Whether it was seen from its beginning."""
        self._events = 0
        self._stretch = 0
        self._last = -FAR
        self._recent = np.empty(0, np.int64)
        """The clock at each of the last events."""
        self.silent = False
        """Whether it was said."""
        self._excused = -FAR
        """The clock before which it is not said."""

    def configure(self, limit: int | None, learns: bool, severity: Severity) -> None:
        """Takes a limit in microseconds, or None to go by what is usual, from now on."""
        self._limit, self._learns, self._severity = limit, learns, severity
        self._due = self._least = -1

    @property
    def last(self) -> int:
        """The clock at the last event."""
        return self._last

    def begin(self, now: int) -> None:
        """Says the clock before the first rows; nothing if there was an event."""
        if self._last == -FAR:
            self._last, self._due = now, -1

    def see(self, times: npt.NDArray[np.int64]) -> Issue | None:
        """Takes the stream's clock at each event, ascending int64[n]; says so if they come again."""
        if not len(times):
            return None
        before, again = self._last, int(times[0])
        first, last = again // HOUR, int(times[-1]) // HOUR
        if first == last:
            self._add(times, first)
        else:
            hours, starts = np.unique(times // HOUR, return_index=True)
            for hour, some in zip(hours.tolist(), np.split(times, starts[1:]), strict=True):
                self._add(some, hour)
        if not self.silent:
            return None
        self.silent = False
        self._hours.leave_aside(before // HOUR, again // HOUR)
        gone = f"none came from {iso(before)} to {iso(again)}, for {_lasted(again - before)}"
        over = f"{self._what} of {self._stream} come again: {gone}"
        return Issue("NoData", "resolved", self._what, self._severity, "", over=over)

    def due(self) -> int:
        """The clock at which `silence` is to be asked for next, if nothing comes before; then it may say nothing still."""
        if self.silent or self._last == -FAR:
            return FAR
        if self._limit is not None:
            return max(self._last + self._limit, self._excused)
        if not self._learns:
            return FAR
        if self._least < 0:
            self._least = self._unsurprising()
        return max(self._due, self._last + self._least, self._excused)

    def pause(self) -> None:
        """Expects nothing until there is an event again."""
        self.silent = self.silent or self._last != -FAR

    def excuse(self, since: int, until: int, age: int) -> None:
        """Takes from when until when what these events follow from was silent, and the age by which most have followed.

        No silence is said before what came again is so old. Nor is it usual what was missing until then, or for as long again
        as the silence was: what follows later than that has thinned out little.
        """
        self._excused = until + age
        self._hours.leave_aside(since // HOUR, (until + min(age, until - since)) // HOUR)

    def silence(self, now: int) -> Issue | None:
        """What is to be said about nothing having come until a clock; said once."""
        if now < self.due():
            return None
        if self._limit is None:
            self._due = self._surprising()
        due = self.due()
        if now < due:
            return None
        self.silent = True
        expected = self._expected(due) if self._limit is None else math.nan
        usual = "" if self._limit is not None else f"; about {expected:,.0f} are usual in that time"
        summary = f"no {self._what} of {self._stream} for {_lasted(due - self._last)}, since {iso(self._last)}{usual}"
        return Issue("NoData", "opened", self._what, self._severity, summary, expected, 0.0)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values and arrays."""
        return {
            "hours": self._hours.state(), "hour": self._hour, "whole": self._whole, "events": self._events,
            "stretch": self._stretch, "last": self._last, "recent": self._recent.copy(),
            "silent": self.silent, "excused": self._excused,
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._hours.restore(state["hours"])
        self._hour, self._whole, self._events = state["hour"], state["whole"], state["events"]
        self._stretch, self._last = state["stretch"], state["last"]
        self._recent = state["recent"].copy()
        self.silent, self._excused = state["silent"], state["excused"]
        self._due = self._least = -1

    def _add(self, times: npt.NDArray[np.int64], hour: int) -> None:
        """Takes events of one hour."""
        if self._hour >= 0 and hour > self._hour:
            self._turn(hour)
        elif self._hour < 0:
            self._hour, self._last = hour, int(times[0])
        stretch = int(times[0]) - max(self._last, hour * HOUR)
        if len(times) > 1:
            stretch = max(stretch, int(np.diff(times).max()))
        self._stretch = max(self._stretch, stretch)
        self._events += len(times)
        self._last, self._due = int(times[-1]), -1
        self._recent = np.concatenate((self._recent, times[-_RECENT:]))[-_RECENT:]

    def _turn(self, hour: int) -> None:
        """Ends the hour that was current, and those without an event."""
        end = (self._hour + 1) * HOUR
        if self._whole:
            self._hours.record(self._hour, self._events, max(self._stretch, end - self._last))
        self._hours.pass_silent(self._hour + 1, hour)
        self._hour, self._whole, self._events, self._stretch = hour, True, 0, 0
        self._least = -1

    def _unsurprising(self) -> int:
        """Microseconds without an event that are not surprising at any time, a little less for what sums are rounded by."""
        return min(max(_LEAST, int((_EXPECTED - 1) * HOUR) // max(self._hours.most, 1)), 2 * _OFF)

    def _surprising(self) -> int:
        """The clock at which silence becomes surprising by what is usual."""
        if not self._learns or self._hour < 0:
            return FAR
        level = self._level()
        return min(self._by_hours(level), self._by_means(level), self._by_batches())

    def _level(self) -> float:
        """What part of the events that are usual on average there was lately, at most 1: traffic may have become less."""
        first = max(int(self._recent[0]), self._last - _AHEAD * HOUR)
        hours = range(first // HOUR, self._hour + 1)
        parts = ((hour, min(self._last, (hour + 1) * HOUR) - max(first, hour * HOUR)) for hour in hours)
        usual = sum(self._hours.usual(hour).mean * passed / HOUR for hour, passed in parts)
        return min(max(_CHANCE * (len(self._recent) - 1) / usual, _LEAST_LEVEL), 1.0) if usual else 1.0

    def _by_hours(self, level: float) -> int:
        least = _EXPECTED * self._hours.clump()
        return self._reached(
            (usual.events * level, max(_LONGER * usual.events * usual.stretch / HOUR, least), start, end)
            for usual, start, end in self._ahead()
        )

    def _by_means(self, level: float) -> int:
        longest = _LONGER * self._hours.missed()
        if math.isinf(longest):
            return FAR
        return self._reached((usual.sure * level, longest, start, end) for usual, start, end in self._ahead())

    def _ahead(self) -> Iterator[tuple[Usual, int, int]]:
        """What is usual in each hour to come, and from when to when there may be silence in it."""
        for hour in range(self._hour, self._hour + _AHEAD):
            yield self._hours.usual(hour), max(self._last, hour * HOUR), (hour + 1) * HOUR

    def _reached(self, hours: Iterable[tuple[float, float, int, int]]) -> int:
        """The clock at which enough events are missing.

        Of each hour: how many events are expected in it, how many must be missing at least, and from when to when.
        """
        expected, wanted = 0.0, _EXPECTED
        for per_hour, least, start, end in hours:
            if not per_hour:
                continue
            wanted = max(wanted, least)
            at = max(start + math.ceil(max(wanted - expected, 0.0) * HOUR / per_hour), self._last + _LEAST)
            if at < end:
                return at
            expected += per_hour * (end - start) / HOUR
        return FAR

    def _by_batches(self) -> int:
        expected = 0
        for at, events in self._missed():
            expected += events
            if expected >= _EXPECTED:
                return at
        return FAR

    def _missed(self) -> Iterator[tuple[int, int]]:
        """The clock at which each batch after the last event is too late, and how many events it has."""
        for hour in range(self._hour, self._hour + _AHEAD):
            batch = self._hours.batch(hour)
            if batch.events and hour * HOUR - _OFF > self._last:
                yield (hour + batch.hours) * HOUR + _OFF, batch.events

    def _expected(self, now: int) -> float:
        """Events that are usual from the last one until a clock: those of the batches that are missed, if there are some."""
        missed = sum(events for at, events in self._missed() if at <= now)
        hours = ((usual.mean, min(now, end) - start) for usual, start, end in self._ahead() if start < now)
        return missed or sum(mean * passed / HOUR for mean, passed in hours)


def _lasted(microseconds: int) -> str:
    return show(microseconds // 1_000_000 * 1_000_000)
