"""Whether what was estimated of windows is what labels then show: if not for long, the relation has changed, not the inputs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from stream_monitor.metrics.reading import Reading

Side = Literal["above", "below"]

_SIDES: tuple[Side, ...] = ("below", "above")
_Z = 1.959963984540054


class Reconciliation(NamedTuple):
    """What a window and those before it say."""

    apart: Side | None
    """Where the realised interval lies of the estimated band; None where they meet, or one of them is not known."""
    windows: int
    """In how many of the last it lay there."""
    changed: Side | None
    """The same once that is often enough: the realised metric is that way off what scores or features let expect."""
    since: int
    """The start of the first of the windows that said so; 0 where nothing has changed."""


class Window(NamedTuple):
    """What one window said."""

    apart: Side | None
    gap: float
    """By how many standard deviations the realised metric lies above the estimated one."""
    start: int


class Reconciled:
    """Compares both, one closed window after the other, for one metric.

    The relation has changed when they were apart in the same direction in `often` of the last `of` windows.  It is as it was
    when they were in none of these, and these together do not lie on that side either: of few outcomes both may meet though
    nothing is as it was.  Windows in which one of them has no interval are passed over.  Apart are 95% intervals that do not
    meet.  An estimated band holds what chance does to labels, so that one window in 10,000 is apart by chance if both are
    equally wide; one in 20, and then the next ones too, if what estimates were learnt from is much less than a window.
    """

    def __init__(self, often: int = 3, of: int = 3) -> None:
        if not 1 <= often <= of:
            raise ValueError(f"often must be between 1 and of ({of}), got {often}")
        self._often, self._of = often, of
        self._last: list[Window] = []
        self.changed: Side | None = None
        """Where realised values have lain often enough of what was estimated, until the last ones do not any more."""
        self._since = 0

    def add(self, estimated: Reading, realised: Reading, start: int = 0) -> Reconciliation:
        """Takes the next window, by its start."""
        window = _window(estimated, realised, start)
        if window is None:
            return Reconciliation(None, 0, self.changed, self._since)
        self._last = [*self._last, window][-self._of :]
        self._judge()
        windows = self._count(window.apart) if window.apart else 0
        return Reconciliation(window.apart, windows, self.changed, self._since)

    def state(self) -> list[Any]:
        """Everything but the settings, as plain values."""
        return [[list(window) for window in self._last], self.changed, self._since]

    def restore(self, state: Sequence[Any]) -> None:
        """Goes on from a `state()`."""
        last, self.changed, self._since = state
        self._last = [Window(*window) for window in last]

    def _judge(self) -> None:
        often = [side for side in _SIDES if self._count(side) >= self._often]
        before = self.changed
        if len(often) == 1:
            self.changed = often[0]
        elif often or not self._lasts():
            self.changed = None
        if self.changed != before:
            starts = [window.start for window in self._last if self.changed and window.apart == self.changed]
            self._since = min(starts, default=0)

    def _lasts(self) -> bool:
        """Whether any of the last windows lies where the first ones lay, or all of them together do."""
        together = sum(window.gap for window in self._last) / math.sqrt(len(self._last))
        return self._count(self.changed) > 0 or (together < -_Z if self.changed == "below" else together > _Z)

    def _count(self, side: Side | None) -> int:
        return sum(window.apart == side for window in self._last)


def _window(estimated: Reading, realised: Reading, start: int) -> Window | None:
    """What a window says; None where one of both is not known."""
    if estimated.low is None or estimated.high is None or realised.low is None or realised.high is None:
        return None
    if estimated.value is None or realised.value is None:
        return None
    apart: Side | None = None
    if realised.high < estimated.low or realised.low > estimated.high:
        apart = "below" if realised.high < estimated.low else "above"
    deviation = math.hypot(estimated.high - estimated.low, realised.high - realised.low) / (2 * _Z)
    return Window(apart, (realised.value - estimated.value) / deviation if deviation else 0.0, start)
