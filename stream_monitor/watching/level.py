"""How high the loss of a version is, and how surely that is known."""

from __future__ import annotations

from typing import Any, NamedTuple

from stream_monitor.watching.by_segment import BySegment


class Level(NamedTuple):
    """A mean loss of a version."""

    number: int
    version: str
    mean: float
    error: float
    """Its standard error, persistence included."""
    sd: float
    """Of the losses in the reference."""
    n: int
    rate: bool
    """Whether losses are errors; otherwise they are absolute errors."""


class Past(NamedTuple):
    """How a version has erred that is followed by another one."""

    late: Level
    """By its reference or of late, whichever is worse, or since its loss rose; no surer than its loss varied from batch to
    batch in all its outcomes.

    Else one that errs by 10 or 20 points more at weekends, after a reference of weekdays, made a page of most versions that
    began at one (58 to 100% of them, with 500 outcomes a day; 2% so).  In calm streams as many that are worse are told.
    """
    whole: Level
    """By all its outcomes; of late where that is worse beyond doubt, or since its loss rose."""
    last: Level | None
    """By the fewer last outcomes that are most surely worse than these; None where none surely are."""
    by_segment: BySegment
    """All its outcomes."""

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [list(self.late), list(self.whole), self.last and list(self.last), self.by_segment.state()]

    @classmethod
    def restored(cls, state: list[Any]) -> Past:
        """From a `state()`."""
        late, whole, last, segments = state
        return cls(Level(*late), Level(*whole), last and Level(*last), BySegment.restored(segments))
