"""Whether what was estimated of windows is what labels then show: if not for long, the relation has changed, not the inputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any, Literal, NamedTuple

from stream_monitor.metrics.reading import Reading

Side = Literal["above", "below"]

_SIDES: tuple[Side, ...] = ("below", "above")
_Z = 1.959963984540054
_TOGETHER = 4.5
"""Standard deviations by which windows have to lie apart together: of all stretches that end with a window, one in 10,000."""
_AT_LEAST = 3
"""Windows that it takes: a single one counts for no more than each of so many that just lie apart."""
_WIDEST = 3
"""How many times as uncertain as an estimate what labels show may be: the interval of two errors has hardly an end."""
_FEWEST = 5
"""Outcomes, at least, of a window that is judged; of fewer a band may be all there is from 0 to 1."""
_KEPT = 100
"""Windows, at most, that are taken together."""
_NO_MORE = 0.1
"""The part of the variance by what was learnt, which windows share, that chance in them must be for more to say no more."""


class Together(NamedTuple):
    """What the last windows say as one, weighted by their outcomes."""

    gap: float
    """By how many standard deviations the realised metric lies above the estimated one."""
    start: int
    estimated: Reading
    realised: Reading


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
    together: Together | None = None
    """The windows that say so only together; None where each does, or nothing has changed."""


class Window(NamedTuple):
    """What one window said."""

    apart: Side | None
    start: int
    rows: float
    """Outcomes."""
    estimated: float
    realised: float
    own: float
    """The variance of their difference by the window's own outcomes."""
    learnt: float
    """That by what the estimate was learnt from, which all windows share."""

    @property
    def off(self) -> float:
        """By how much the realised metric lies above the estimated one."""
        return self.realised - self.estimated

    @property
    def gap(self) -> float:
        """The same, no further than one window counts."""
        limit = _TOGETHER * math.sqrt(self.own / _AT_LEAST + self.learnt)
        return min(max(self.off, -limit), limit)


class Reconciled:
    """Compares both, one closed window after the other, for one metric.

    The relation has changed when they were apart in the same direction in `often` of the last `of` windows, or when the last
    windows, any number from `of` on, lie far on one side together.  More are taken until chance in them is little beside that
    in what estimates were learnt from: this is the same in each, and no number of windows makes it less.  It has been so since
    the window from which on all, `of` at least, are most clearly further off than half as far as they are now.  It is as it was
    when they were in none of the last `of`, and no windows together lie on that side either, taken until chance in them is less
    than that in what was learnt: of few outcomes both may meet though nothing is as it was.  What came before it changed, or
    was as before again, is not taken with what comes after.
    Windows in which one of them has no interval, or of fewer than five outcomes, are passed over.  The metric lies between 0
    and `highest`.

    Apart are 95% intervals that do not meet.  An estimated band holds what chance does to labels, so that one window in
    10,000 is apart by chance if both are equally wide; one in 20, and then the next ones too, if what estimates were learnt
    from is much less than a window.
    """

    def __init__(self, often: int = 3, of: int = 3, highest: float = 1.0) -> None:
        if not 1 <= often <= of:
            raise ValueError(f"often must be between 1 and of ({of}), got {often}")
        self._often, self._of, self._highest = often, of, highest
        self._last: list[Window] = []
        self.changed: Side | None = None
        """Where realised values have lain often enough of what was estimated, until the last ones do not any more."""
        self._since = 0

    def add(self, estimated: Reading, realised: Reading, start: int = 0, learnt: float = 1.0) -> Reconciliation:
        """Takes the next window, by its start.

        `learnt` is the share of the estimate's variance that comes from what it was learnt from; with 1 windows do not add up.
        """
        window = _window(estimated, realised, start, learnt)
        if window is None:
            return Reconciliation(None, 0, self.changed, self._since)
        self._last = [*self._last, window][-max(self._of, _KEPT) :]
        together = self._judge()
        windows = self._count(window.apart) if window.apart else 0
        return Reconciliation(window.apart, windows, self.changed, self._since, together)

    def state(self) -> list[Any]:
        """Everything but the settings, as plain values."""
        return [[list(window) for window in self._last], self.changed, self._since]

    def restore(self, state: Sequence[Any]) -> None:
        """Goes on from a `state()`."""
        last, self.changed, self._since = state
        self._last = [Window(*window) for window in last]

    def _judge(self) -> Together | None:
        """Decides; gives the windows that say so only together."""
        often = [side for side in _SIDES if self._count(side) >= self._often]
        stretches, before = list(self._stretches(1.0 if self.changed else _NO_MORE)), self.changed
        farthest = _farthest(stretches)
        if len(often) == 1:
            self.changed = often[0]
        elif not often and farthest and abs(farthest.gap) > _TOGETHER:
            self.changed = _SIDES[farthest.gap > 0]
        elif often or not self._lasts(stretches):
            self.changed = None
        if self.changed != before:
            self._since = self._began(stretches) if self.changed else 0
            self._last = [one for one in self._last if one.start >= self._since] if self.changed else self._last[-self._of :]
        return farthest if self.changed and not often else None

    def _lasts(self, stretches: Sequence[Together]) -> bool:
        """Whether any of the last windows lies where the first ones lay, or some of them together do."""
        return self._count(self.changed) > 0 or any(self._sign * one.gap > _Z for one in stretches)

    def _began(self, stretches: Sequence[Together]) -> int:
        """The start of the window from which on all, `of` at least, are most clearly further off than half as far as now."""
        farthest = max(stretches, key=lambda one: self._sign * one.gap, default=None)
        now = [window for window in self._last if farthest and window.start >= farthest.start]
        half = sum(window.rows * window.off for window in now) / max(sum(window.rows for window in now), 1.0) / 2
        beyond = accumulate(self._sign * window.rows * (window.off - half) for window in reversed(self._last))
        starts = [(total, window.start) for total, window in zip(beyond, reversed(self._last))]
        return max(starts[self._of - 1 :] or starts[-1:], key=itemgetter(0))[1]

    @property
    def _sign(self) -> int:
        return -1 if self.changed == "below" else 1

    def _count(self, side: Side | None) -> int:
        return sum(window.apart == side for window in self._last[-self._of :])

    def _stretches(self, chance: float) -> Iterator[Together]:
        """The last windows as one, from `of` to as many as leave chance in them that part of what was learnt as variances."""
        rows = estimated = realised = gap = own = learnt = 0.0
        for windows, window in enumerate(reversed(self._last), 1):
            rows += window.rows
            estimated += window.rows * window.estimated
            realised += window.rows * window.realised
            gap += window.rows * window.gap
            own += window.rows**2 * window.own
            learnt += window.rows * math.sqrt(window.learnt)
            if windows < self._of:
                continue
            deviation, value = math.hypot(math.sqrt(own), learnt), estimated / rows
            half = _Z * deviation / rows
            expected = Reading(value, rows, max(value - half, 0.0), min(value + half, self._highest))
            yield Together(gap / deviation if deviation else 0.0, window.start, expected, Reading(realised / rows, rows))
            if own <= chance * learnt**2:
                return


def _farthest(stretches: Sequence[Together]) -> Together | None:
    """What lies farthest off, on the side of the shortest that is far off: it is the newest."""
    newest = next((one for one in stretches if abs(one.gap) > _TOGETHER), None)
    alike = [one for one in stretches if newest is None or one.gap * newest.gap > 0]
    return max(alike, key=lambda one: abs(one.gap), default=None)


def _window(estimated: Reading, realised: Reading, start: int, learnt: float) -> Window | None:
    """What a window says; None where one of both is not known, or outcomes are too few."""
    if realised.n < _FEWEST or estimated.low is None or estimated.high is None or realised.low is None or realised.high is None:
        return None
    if estimated.value is None or realised.value is None:
        return None
    apart: Side | None = None
    if realised.high < estimated.low or realised.low > estimated.high:
        apart = "below" if realised.high < estimated.low else "above"
    deviation = max(estimated.high - estimated.value, estimated.value - estimated.low) / _Z
    shown = min((realised.high - realised.low) / (2 * _Z), _WIDEST * deviation)
    own = max(deviation * math.sqrt(1 - learnt), shown)
    return Window(apart, start, realised.n, estimated.value, realised.value, own * own, deviation * deviation * learnt)
