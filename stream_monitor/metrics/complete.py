"""The next outcomes of a version to learn from: of predictions whose labels are complete."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.gathered import Gathered
from stream_monitor.joining.join import Join
from stream_monitor.joining.outcomes import NO_OUTCOMES, Outcomes
from stream_monitor.metrics.cohorts import Cohorts

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Losses = Callable[[Outcomes], Floats]

_ERRORS = 0.25
"""Standard errors by which labels that are still to come may move what is learnt."""


class Waiting:
    """What waits for a label, or for a better one, by the windows that have closed; looked up once for all that ask."""

    def __init__(self, join: Join, cohorts: Cohorts, length: int) -> None:
        self._join, self._cohorts, self.length, self.now = join, cohorts, length, join.clock.now
        self._found: dict[int, Outcomes] = {}

    def of(self, version: int, first: int) -> Iterator[tuple[int, int, Outcomes]]:
        """Numbers and ends of one of the shortest windows after the other, from a first one on, and what waits of a version."""
        for window in self._cohorts.open(first):
            start, end = window * self.length, (window + 1) * self.length
            if window not in self._found:
                self._found[window], _ = self._join.cohort(start, end)
            yield window, end, self._found[window].part(self._found[window].version == version)


class Complete:
    """Of predictions whose wait is over, and of windows in which hardly any waits for a label.

    Labels of one class, or of large errors, may come later than others.  Those that are there early, however old their
    predictions, are then others than there will be, and what is learnt of them is wrong in a world that does not change.
    """

    def __init__(self, window: int = 0) -> None:
        self.window = window
        """The number of the first of the shortest windows that has not been taken while its predictions waited."""
        self.again = 0
        """The clock before which not to look again at windows in which too many waited."""
        self._matured = Gathered()

    def mature(self, windows: Ints, outcomes: Outcomes, most: int, losses: Losses) -> None:
        """Takes predictions whose wait is over, int64[n] the numbers of their windows, until as many outcomes have losses."""
        mine = np.flatnonzero((windows >= self.window) & (outcomes.sign > 0) & ~np.isnan(losses(outcomes)))
        self._matured.add(outcomes.part(mine[: max(most - self._matured.n, 0)]))

    def rests(self, now: int, least: int) -> bool:
        """Whether there is nothing new to look at."""
        return now < self.again and self._matured.n < least

    def taken(
        self, waiting: Iterable[tuple[int, int, Outcomes]], now: int, least: int, most: int, losses: Losses
    ) -> Outcomes | None:
        """Up to so many outcomes, and never again; None if there are fewer than `least`.

        `waiting` are the numbers and ends of one window after the other, and its predictions that wait for a label, or for a
        better one.  A window in which too many do is looked at again when it is half as old again.
        """
        found, window, without = self._matured.together()[0] if self._matured.n else NO_OUTCOMES, self.window, 0
        for number, end, rows in waiting:
            if len(found.row) >= most:
                break
            more = Outcomes.joined([found, rows.part(rows.sign > 0)])
            without += int(np.count_nonzero(rows.sign <= 0))
            if without > _few(losses(more)):
                self.again = now + (now - end) // 2
                break
            found, window = more, number + 1
        found = found.part(~np.isnan(losses(found)))
        if len(found.row) < least:
            return None
        self.window, self._matured = window, Gathered()
        return found.take(slice(most))

    def forget(self) -> None:
        """Leaves out those whose wait is over so far."""
        self._matured = Gathered()

    def state(self) -> list[Any]:
        """Everything, as plain values and arrays."""
        return [self.window, self.again, self._matured.state()]

    @classmethod
    def restored(cls, state: list[Any]) -> Complete:
        """From a `state()`."""
        complete = cls()
        complete.window, complete.again, complete._matured = state[0], state[1], Gathered.restored(state[2])
        return complete


class Completes:
    """One for each version that has still to learn."""

    def __init__(self, versions: Iterable[int] = (), window: int = 0) -> None:
        """Learns from one of the shortest windows on."""
        self._of = {version: Complete(window) for version in versions}

    def mature(self, windows: Ints, outcomes: Outcomes, missing: Mapping[int, int], losses: Losses) -> None:
        """Takes predictions whose wait is over, by how many each version is missing that has still to learn."""
        for version, most in missing.items():
            mine = np.flatnonzero(outcomes.version == version)
            if len(mine):
                self._of.setdefault(version, Complete()).mature(windows[mine], outcomes.part(mine), most, losses)

    def taken(
        self, version: int, began: int, waiting: Waiting, enough: int, least: int, most: int, losses: Losses
    ) -> Outcomes | None:
        """The next outcomes of a version that began then, as `Complete.taken`; None as well while it rests, by `enough`."""
        complete = self._of.setdefault(version, Complete())
        if complete.rests(waiting.now, enough):
            return None
        first = max(complete.window, began // waiting.length)
        return complete.taken(waiting.of(version, first), waiting.now, least, most, losses)

    def forget(self) -> None:
        """Leaves out those whose wait is over so far."""
        for complete in self._of.values():
            complete.forget()

    def retire(self, version: int) -> None:
        """Forgets a version."""
        self._of.pop(version, None)

    def state(self) -> list[Any]:
        """Everything, as plain values and arrays."""
        return [[version, complete.state()] for version, complete in self._of.items()]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self._of = {version: Complete.restored(complete) for version, complete in state}


def _few(losses: npt.NDArray[np.float64]) -> float:
    """How many outcomes beside these make no difference, if they are all right or all wrong, or have large errors all."""
    losses = losses[~np.isnan(losses)]
    worse = int(np.count_nonzero(losses > losses.mean())) if len(losses) else 0
    return _ERRORS * math.sqrt(min(worse, len(losses) - worse))
