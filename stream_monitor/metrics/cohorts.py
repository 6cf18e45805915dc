"""What became of the predictions of each window, by when they were made: final once their wait is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from stream_monitor.config.stream import Metrics
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.metrics.punctuality import Late, Punctuality
from stream_monitor.metrics.sketch import Sketch
from stream_monitor.metrics.tally import Tally
from stream_monitor.metrics.windows import Key, groups

_NEARLY = 0.98
_RECENT = 30
"""Windows that are final, by which it is said how complete labels will be."""
_SLOWER = 4
"""How much older a cohort is each time it is looked at again, in lengths of its window."""


class Cohort:
    """Predictions of one window and version, with the labels that they have so far."""

    def __init__(self) -> None:
        self.predictions = 0
        self.labelled = 0
        self.waiting = 0
        """Those without a label whose wait is not over."""
        self.delay = Sketch()
        """From prediction to label, seconds."""
        self.tally = Tally()

    def count(self, outcomes: Outcomes, open: bool) -> None:
        """Counts predictions; while they are open, those without a label wait for one."""
        labelled = outcomes.sign > 0
        n = int(np.count_nonzero(labelled))
        self.predictions += len(labelled)
        self.labelled += n
        self.waiting += len(labelled) - n if open else 0
        self.delay.add(outcomes.delays[labelled])

    @property
    def coverage(self) -> float | None:
        """The share of predictions that have a label; None where there are none."""
        return self.labelled / self.predictions if self.predictions else None

    def merge(self, other: Cohort) -> None:
        """Takes all that another one has."""
        self.predictions += other.predictions
        self.labelled += other.labelled
        self.waiting += other.waiting
        self.delay.merge(other.delay)
        self.tally.merge(other.tally)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "predictions": self.predictions, "labelled": self.labelled, "waiting": self.waiting,
            "delay": self.delay.state(), "tally": self.tally.state(),
        }  # fmt: skip

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Cohort:
        """From a `state()`."""
        cohort = cls()
        cohort.predictions, cohort.labelled, cohort.waiting = state["predictions"], state["labelled"], state["waiting"]
        cohort.delay.restore(state["delay"])
        cohort.tally = Tally.restored(state["tally"])
        return cohort


class Seen(NamedTuple):
    """A cohort that is looked at."""

    length: int
    key: Key
    cohort: Cohort
    final: bool

    @property
    def start(self) -> int:
        """The first microsecond of its window."""
        return self.key.number * self.length

    @property
    def end(self) -> int:
        """The first microsecond after it."""
        return self.start + self.length


class Cohorts:
    """A cohort is looked at when its window closes, again and again as it ages, and at last when no label can come any more."""

    def __init__(self, metrics: Metrics) -> None:
        self._lengths = (metrics.window, *metrics.longer)
        self._next: dict[tuple[int, int], int] = {}
        """The clock at which each cohort, by length and number, is looked at next."""
        self._matured: dict[Key, Cohort] = {}
        """Of the shortest windows."""
        self._labelled: dict[tuple[int, int], int] = {}
        """How many labels each had when it was looked at last."""
        self._complete: list[tuple[int, int, Sketch]] = []
        """Predictions of the last windows that are final, how many of them got a label, and after how many seconds."""
        self._ages: dict[tuple[int, int], int] = {}
        """The age at which each of the shortest cohorts is looked at next, as it was meant."""
        self.punctuality = Punctuality()
        self.late: Late | None = None
        """What was found of it since that was last taken away."""

    def opened(self, length: int, number: int, now: int) -> None:
        """Says that a window has closed, so that its predictions are all there."""
        self._next.setdefault((length, number), now)

    def first(self, open: int) -> int:
        """The first of the shortest windows that some cohort needs, if those from one on are still open."""
        shortest = self._lengths[0]
        starts = [open * shortest // length * length for length in self._lengths]
        return min(*starts, *(number * length for length, number in self._next), FAR) // shortest

    def open(self, first: int) -> list[int]:
        """The shortest windows from one on that have closed and are not final, in their order."""
        return sorted(number for length, number in self._next if length == self._lengths[0] and number >= first)

    def due(self) -> int:
        """The clock at which the next one is looked at; far away if there is none."""
        return min(self._next.values(), default=FAR)

    def matured(self, outcomes: Outcomes) -> Iterator[tuple[Cohort, np.ndarray[Any, np.dtype[np.int64]]]]:
        """Takes predictions whose wait is over; gives the rows of each cohort, whose labels are for the caller to tally."""
        for key, rows in groups(outcomes.time // self._lengths[0], outcomes.version):
            cohort = self._matured.setdefault(key, Cohort())
            cohort.count(outcomes.take(rows), open=False)
            yield cohort, rows

    def growing(self, key: Key) -> Cohort | None:
        """What has matured of one of the shortest windows that has closed; None where that is final."""
        return self._matured.get(key) if (self._lengths[0], key.number) in self._next else None

    def look(self, now: int, wait: int, open: Callable[[int, int], Iterable[tuple[int, Cohort]]]) -> Iterator[Seen]:
        """The cohorts that are due, in order; `open` gives those that wait from one time to another, by version."""
        for length, number in sorted(place for place, due in self._next.items() if due <= now):
            place, start, end = (length, number), number * length, (number + 1) * length
            final = end + wait <= now
            found = self._together(length, number)
            if not final:
                for version, cohort in open(start, end):
                    found.setdefault(version, Cohort()).merge(cohort)
            labelled = sum(cohort.labelled for cohort in found.values())
            if length == self._lengths[0]:
                self._time(place, wait, sum(cohort.predictions for cohort in found.values()), labelled, final)
            if final or labelled != self._labelled.get(place, -1):
                yield from (Seen(length, Key(number, version), found[version], final) for version in sorted(found))
            if final:
                if length == self._lengths[0] and found:
                    self._remember(found.values())
                del self._next[place]
                self._labelled.pop(place, None)
                self._forget(now, wait)
            else:
                self._again(place, now, end + wait, labelled)

    def _time(self, place: tuple[int, int], wait: int, predictions: int, labelled: int, final: bool) -> None:
        """Compares how complete labels are with what is usual at this age."""
        age = wait if final else self._ages.get(place, 0)
        self._ages[place] = max(place[0], age) * _SLOWER
        if final:
            del self._ages[place]
        late = self.punctuality.see((place[1] + 1) * place[0], age, predictions, labelled, final)
        self.late = late or self.late

    def forecast(self) -> tuple[float, float] | None:
        """The share of predictions that get a label in time, and the seconds after which nearly all of these are there.

        By the last windows that are final; None where there are none.
        """
        predictions, labelled, delay = 0, 0, Sketch()
        for more, known, seconds in self._complete:
            predictions, labelled = predictions + more, labelled + known
            delay.merge(seconds)
        late = delay.quantile(_NEARLY)
        return None if late is None else (labelled / predictions, late)

    def _remember(self, cohorts: Iterable[Cohort]) -> None:
        every = Cohort()
        for cohort in cohorts:
            every.predictions, every.labelled = every.predictions + cohort.predictions, every.labelled + cohort.labelled
            every.delay.merge(cohort.delay)
        self._complete = [*self._complete[1 - _RECENT :], (every.predictions, every.labelled, every.delay)]

    def _again(self, place: tuple[int, int], now: int, last: int, labelled: int) -> None:
        length, number = place
        age = max(length, now - (number + 1) * length)
        self._next[place] = min(last, (number + 1) * length + age * _SLOWER)
        self._labelled[place] = labelled

    def _together(self, length: int, number: int) -> dict[int, Cohort]:
        """What has matured of a window, by version."""
        found: dict[int, Cohort] = {}
        for key in sorted(self._matured):
            if key.number * self._lengths[0] // length == number:
                found.setdefault(key.version, Cohort()).merge(self._matured[key])
        return found

    def _forget(self, now: int, wait: int) -> None:
        """Lets go of what no window needs any more."""
        shortest = self._lengths[0]

        def needed(number: int) -> bool:
            for length in self._lengths:
                place = length, number * shortest // length
                if place in self._next or (place[1] + 1) * length + wait > now:
                    return True
            return False

        self._matured = {key: cohort for key, cohort in self._matured.items() if needed(key.number)}

    def tallies(self) -> Iterator[Tally]:
        """Of all that has matured."""
        yield from (cohort.tally for cohort in self._matured.values())

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "next": [[*place, due] for place, due in self._next.items()],
            "labelled": [[*place, n] for place, n in self._labelled.items()],
            "ages": [[*place, age] for place, age in self._ages.items()], "punctuality": self.punctuality.state(),
            "complete": [[predictions, labelled, delay.state()] for predictions, labelled, delay in self._complete],
            "matured": [[*key, cohort.state()] for key, cohort in self._matured.items()],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._next = {(length, number): due for length, number, due in state["next"]}
        self._labelled = {(length, number): n for length, number, n in state["labelled"]}
        self._ages = {(length, number): age for length, number, age in state["ages"]}
        self.punctuality.restore(state["punctuality"])
        self._complete = []
        for predictions, labelled, delay in state["complete"]:
            self._complete.append((predictions, labelled, Sketch()))
            self._complete[-1][2].restore(delay)
        self._matured = {Key(number, version): Cohort.restored(inner) for number, version, inner in state["matured"]}
