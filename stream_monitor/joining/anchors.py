"""Places in the log from which a join can be made again, each for as long as somebody may need it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from stream_monitor.joining.clock import UNSET

_ROWS = 1024
"""Waiting rows between two anchors."""


@dataclass(slots=True)
class Anchor:
    """The beginning of a record of the log."""

    offset: int
    first: int
    """The first waiting row that came after it."""
    place: list[Any]
    """How things stood there."""
    until: int = UNSET
    """The clock until which it is needed."""


class Anchors:
    """In the order of the log; one that nobody needs any more gives way to the next."""

    def __init__(self) -> None:
        self._anchors: list[Anchor] = []
        self._offset = -1

    @property
    def offset(self) -> int:
        """The record that is being read."""
        return self._offset

    def begin(self, offset: int, row: int, now: int, place: Callable[[], list[Any]]) -> None:
        """Says that the rows to come stand in this record, and that the next row to wait has this number."""
        self._offset = offset
        last = self._anchors[-1] if self._anchors else None
        if last and last.offset == offset:
            return
        if last and last.until <= now:
            self._anchors.pop()
        elif last and row - last.first < _ROWS:
            return
        self._anchors.append(Anchor(offset, row, place()))

    def need(self, until: int, offset: int | None = None) -> None:
        """Keeps the log from a record on, or from the one that is being read, until the clock says so."""
        if offset is None:
            self._extend(until, len(self._anchors))
        else:
            self._extend(until, bisect_right(self._anchors, offset, key=attrgetter("offset")))

    def need_row(self, until: int, row: int) -> None:
        """Keeps the log from where a waiting row came."""
        self._extend(until, bisect_right(self._anchors, row, key=attrgetter("first")))

    def oldest(self, now: int) -> Anchor | None:
        """The first one that is needed; None if none is."""
        while self._anchors and self._anchors[0].until <= now and self._anchors[0].offset < self._offset:
            del self._anchors[0]
        needed = any(anchor.until > now for anchor in self._anchors)
        return self._anchors[0] if needed else None

    def _extend(self, until: int, behind: int) -> None:
        """Extends the anchor before a place in their order, if there is one."""
        if behind:
            anchor = self._anchors[behind - 1]
            anchor.until = max(anchor.until, until)
