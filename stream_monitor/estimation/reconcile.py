"""Whether what was estimated of windows is what labels then show: if not for long, the relation has changed, not the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from stream_monitor.metrics.reading import Reading

Side = Literal["above", "below"]


class Reconciliation(NamedTuple):
    """What a window and those before it say."""

    apart: Side | None
    """Where the realised interval lies of the estimated band; None where they meet, or one of them is not known."""
    windows: int
    """In how many of the last it lay there."""
    changed: Side | None
    """The same once that is often enough: the realised metric is that way off what scores or features let expect."""


class Reconciled:
    """Compares both, one closed window after the other, for one metric.

    The relation has changed when they were apart in the same direction in `often` of the last `of` windows, and is as it was
    when they were in none of these.  Windows in
    which one of them has no interval are passed over.  Apart are 95% intervals that do not meet.  An estimated band holds what
    chance does to labels, so that of one window in 10,000 is apart by chance if both are equally wide; one in 20, and then
    the next ones too, if what estimates were learnt from is much less than a window.
    """

    def __init__(self, often: int = 3, of: int = 3) -> None:
        if not 1 <= often <= of:
            raise ValueError(f"often must be between 1 and of ({of}), got {often}")
        self._often, self._of = often, of
        self._last: list[Side | None] = []
        self.changed: Side | None = None
        """Where realised values have lain often enough of what was estimated, until none of the last ones do."""

    def add(self, estimated: Reading, realised: Reading) -> Reconciliation:
        """Takes the next window."""
        if _known(estimated) and _known(realised):
            self._last = [*self._last, _apart(estimated, realised)][-self._of :]
            apart = self._last[-1]
            self._judge()
        else:
            apart = None
        windows = self._last.count(apart) if apart else 0
        return Reconciliation(apart, windows, self.changed)

    def state(self) -> tuple[list[Side | None], Side | None]:
        """Everything but the settings, as plain values."""
        return list(self._last), self.changed

    def restore(self, state: tuple[Sequence[Side | None], Side | None]) -> None:
        """Goes on from a `state()`."""
        self._last, self.changed = list(state[0]), state[1]

    def _judge(self) -> None:
        sides: tuple[Side, Side] = "below", "above"
        often = [side for side in sides if self._last.count(side) >= self._often]
        if len(often) == 1:
            self.changed = often[0]
        elif often or self.changed not in self._last:
            self.changed = None


def _known(reading: Reading) -> bool:
    return reading.low is not None and reading.high is not None


def _apart(estimated: Reading, realised: Reading) -> Side | None:
    low, high = realised.low, realised.high
    if high is not None and estimated.low is not None and high < estimated.low:
        return "below"
    return "above" if low is not None and estimated.high is not None and low > estimated.high else None
