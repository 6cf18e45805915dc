"""The course of a finding over windows: opened when several in a row say so, worse, and over when several in a row do not."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

Kind = Literal["worse", "improved", "beyond"]
"""Harm, its opposite, or what is neither."""
Turning = Literal["opened", "updated", "resolved"]

_FURTHER = 1.2
"""How many times further than last told is worth telling."""


class Seen(NamedTuple):
    """What one window says."""

    kind: Kind | None
    """None where it finds nothing."""
    extent: float
    """How far beyond it is."""
    back: bool
    """Whether it contradicts the finding that is open; a window may do neither."""


class Turn(NamedTuple):
    """A step in the course of a finding."""

    step: Turning
    kind: Kind
    since: int
    """Start of the first of the windows that opened it."""


class Course:
    """At most one finding at a time: so many windows in a row open it, and as many end it.

    A window that says nothing is not to be taken: it neither counts nor interrupts a row.
    """

    def __init__(self, windows: int) -> None:
        self._windows = windows
        self.open: Kind | None = None
        self.told = 0.0
        """The extent that was told last."""
        self._since = self._backs = 0
        self._run: Kind | None = None
        self._length = self._first = 0

    def take(self, seen: Seen, start: int) -> Turn | None:
        """Takes a window, by its start."""
        self._count(seen.kind, start)
        if self.open is None:
            return self._opened(seen)
        self._backs = self._backs + 1 if seen.back else 0
        if self._backs >= self._windows:
            ended, self.open = self.open, None
            return Turn("resolved", ended, self._since)
        if seen.kind == self.open and seen.extent >= _FURTHER * self.told:
            self.told = seen.extent
            return Turn("updated", self.open, self._since)
        return None

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [self.open, self.told, self._since, self._backs, self._run, self._length, self._first]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self.open, self.told, self._since, self._backs, self._run, self._length, self._first = state

    def _count(self, kind: Kind | None, start: int) -> None:
        """Counts windows in a row that find the same."""
        if kind is None or kind != self._run:
            self._run, self._length, self._first = kind, 0, start
        if kind is not None:
            self._length = min(self._length + 1, self._windows)

    def _opened(self, seen: Seen) -> Turn | None:
        if seen.kind is None or self._length < self._windows:
            return None
        self.open, self.told, self._since, self._backs = seen.kind, seen.extent, self._first, 0
        return Turn("opened", seen.kind, self._since)
