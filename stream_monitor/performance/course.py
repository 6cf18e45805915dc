"""The course of a finding over windows: opened when several in a row say so, worse, and over when several in a row do not."""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

Kind = Literal["worse", "improved", "beyond"]
"""Harm, its opposite, or what is neither."""
Turning = Literal["opened", "updated", "resolved"]

_FURTHER = 1.2
"""How many times further than last told is worth telling, if it is further beyond doubt."""
_LONGER, _LONGEST = 3, 6
"""How many times the windows that open a finding end it where they leave a doubt, and how many these are at least."""
_UNKNOWN = 2
"""Windows that end a finding at least, of a metric of which no doubt is known."""


class Seen(NamedTuple):
    """What one window says."""

    kind: Kind | None
    """None where it finds nothing."""
    extent: float
    """How far beyond it is, the way of the finding that is open."""
    spare: float | None
    """By how much it contradicts the finding that is open; None where it does not, a window may do neither."""
    doubt: float | None
    """Half of its 95% interval, of the side that faces what it is compared with; None where it has none."""
    n: float
    """Its rows."""


class Turn(NamedTuple):
    """A step in the course of a finding."""

    step: Turning
    kind: Kind
    since: int
    """Start of the first of the windows that opened it."""


class Course:
    """At most one finding at a time: so many windows in a row open it, and as many end it, if they do so beyond doubt.

    By chance a few windows of few rows in a row contradict what goes on, so their intervals are put together; where these never
    suffice, as at the end of what a metric can be, more windows in a row are asked for.

    A window that says nothing is not to be taken: it neither counts nor interrupts a row.
    """

    def __init__(self, windows: int) -> None:
        self._windows = windows
        self.open: Kind | None = None
        self.told = 0.0
        """The extent that was told last."""
        self.lasting = 0.0
        """The mean extent of the windows since it began, by their rows: one that is extreme, of few rows, hardly moves it."""
        self._rows = 0.0
        self._since = self._backs = 0
        self._spare = self._doubt = 0.0
        """Of the last windows in a row that contradict it: how much they do, and the sum of squared doubts."""
        self._run: Kind | None = None
        self._length = self._first = 0

    def take(self, seen: Seen, start: int) -> Turn | None:
        """Takes a window, by its start."""
        self._count(seen.kind, start)
        self._average(seen)
        if self.open is None:
            return self._opened(seen)
        if self._is_over(seen):
            ended, self.open = self.open, None
            self.lasting = self._rows = 0.0
            return Turn("resolved", ended, self._since)
        if seen.kind == self.open and seen.extent >= max(_FURTHER * self.told, self.told + (seen.doubt or 0.0)):
            self.told = seen.extent
            return Turn("updated", self.open, self._since)
        return None

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [
            self.open, self.told, self._since, self._backs, self._spare, self._doubt, self._run, self._length, self._first,
            self.lasting, self._rows,
        ]  # fmt: skip

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self.open, self.told, self._since, self._backs, self._spare, self._doubt = state[:6]
        self._run, self._length, self._first, self.lasting, self._rows = state[6:]

    def _count(self, kind: Kind | None, start: int) -> None:
        """Counts windows in a row that find the same."""
        if kind is None or kind != self._run:
            self._run, self._length, self._first = kind, 0, start
        if kind is not None:
            self._length = min(self._length + 1, self._windows)

    def _average(self, seen: Seen) -> None:
        """Averages extents since the first of the windows in a row, or those since the finding that they opened."""
        if self.open is None and self._length <= 1:
            self.lasting = self._rows = 0.0
        self._rows += seen.n
        self.lasting += (seen.extent - self.lasting) * seen.n / self._rows if seen.n else 0.0

    def _is_over(self, seen: Seen) -> bool:
        """Counts windows in a row that contradict the finding; whether they suffice."""
        if seen.spare is None:
            self._backs, self._spare, self._doubt = 0, 0.0, 0.0
            return False
        self._backs += 1
        self._spare, self._doubt = self._spare + seen.spare, self._doubt + (seen.doubt or 0.0) ** 2
        if seen.doubt is None:
            return self._backs >= max(_UNKNOWN, self._windows)
        certain = self._spare >= math.sqrt(self._doubt)
        return self._backs >= (self._windows if certain else max(_LONGEST, _LONGER * self._windows))

    def _opened(self, seen: Seen) -> Turn | None:
        if seen.kind is None or self._length < self._windows:
            return None
        self.open, self.told, self._since = seen.kind, seen.extent, self._first
        self._backs, self._spare, self._doubt = 0, 0.0, 0.0
        return Turn("opened", seen.kind, self._since)
