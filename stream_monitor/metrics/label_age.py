"""The age of a prediction at which its label is compared with those of others.

Labels of errors may come later than others: a fraud is found out, a success is seen at once.  The first labels of a stream, the
last ones of a version and those of a quiet night are then others than usual, though nothing has changed.  Of predictions that
are all looked at when they are equally old, this is not so, whichever age that is.  So it is one at which most labels are
there, of errors and of others, and nearly all where that takes hardly longer: a change is to be seen soon.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.config.stream import Labels
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.metrics.sketch import Sketch

_FIRST, _RARELY = 60_000_000, 86_400_000_000
"""Microseconds after which delays are looked at first, and how rarely that is done at least."""
_ENOUGH, _SOME = 50, 20
"""Labels by which they are judged, all together, and errors or others."""
_NEARLY, _MOST, _HALF = 0.98, 0.6, 0.5
_ERRORS = 2.0
"""Standard errors by which labels must come later than is known."""
_HARDLY, _TWICE = 100, 2
"""Hardly longer is as long as so many labels take to come, or twice as long as most take, as where they come by the day."""
_MORE, _SECOND = 1.1, 1_000_000
_FEWER = 0.8
"""Times as many predictions in the same time as before are fewer, so that labels are later than usual."""
_PARTS = 8


class Delays:
    """Seconds from prediction to label, of labels that say that the prediction was right, and of others."""

    def __init__(self) -> None:
        self._sides = Sketch(), Sketch()

    @property
    def n(self) -> int:
        """How many there are."""
        return sum(side.n for side in self._sides)

    def add(self, seconds: npt.NDArray[np.float64], wrong: npt.NDArray[np.bool_]) -> None:
        """Takes labels."""
        for side, which in zip(self._sides, (~wrong, wrong), strict=True):
            side.add(seconds[which])

    def merge(self, other: Delays) -> None:
        """Takes all that another one has."""
        for mine, theirs in zip(self._sides, other._sides, strict=True):
            mine.merge(theirs)

    def together(self, share: float) -> int:
        """Within how many microseconds a share of them comes."""
        every = Sketch()
        for side in self._sides:
            every.merge(side)
        return int(1e6 * (every.quantile(share) or 0.0))

    def either(self, share: float, errors: float = 0.0) -> int:
        """The same of the later side, if there are some of it; or what it is at least, but for so many standard errors."""
        found = 0
        for side in self._sides:
            if side.n >= _SOME:
                surely = share - errors * math.sqrt(share * (1 - share) / side.n)
                found = max(found, int(1e6 * (side.quantile(surely) or 0.0)))
        return found

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [side.state() for side in self._sides]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        for side, inner in zip(self._sides, state, strict=True):
            side.restore(inner)


class LabelAge:
    """The age by which three in five labels are there, of errors and of others, or more; the wait while there are hardly any.

    It never becomes less.  It becomes more while a stream has not been seen for as long as predictions wait, so that there may
    be labels that take longer, and later if most labels of a day, or of a longer wait, have come to take longer than it, and
    than before.  Where predictions have become fewer, that is most labels of those of that time: others are late anyway.
    """

    def __init__(self) -> None:
        self._stated: int | None = None
        self._absent = False
        """Whether that is when all have a label, as absence is one."""
        self.next = FAR
        """The clock at which delays are looked at next."""
        self._found: int | None = None
        self._began = self.looked = 0
        """The clock then, and at the last look."""
        self._all, self._now, self._made = Delays(), Delays(), Delays()
        """Of all labels but those since a clock; of these; and of those of them whose predictions were made since then too."""
        self._since = 0
        self.predictions = 0
        """Since then."""
        self._rate = 0.0
        """Predictions in a microsecond before that."""
        self._pending: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]] = []

    @property
    def stated(self) -> bool:
        """Whether it is configured."""
        return self._stated is not None

    def within(self, wait: int) -> int:
        """The age, microseconds, where predictions wait for so long."""
        age = self._found if self._stated is None else self._stated
        return wait if age is None else min(age, wait)

    def partial(self, wait: int) -> int | None:
        """The age, where a part of labels comes later; of one that is configured it is not known, and may be."""
        age = self.within(wait)
        later = not self._absent if self.stated else self._all.together(_NEARLY) > age
        return age if 0 < age < wait and later else None

    def state_it(self, labels: Labels | None) -> None:
        """Takes what is configured, if it is not to be found out."""
        absent = labels.absent.after + 1 if labels and labels.absent else None
        self._absent = absent is not None
        self._stated = 0 if labels is None else absent or labels.age

    def begin(self, clock: int) -> None:
        """Says that the stream has begun."""
        if self.next == FAR and self._stated is None:
            self._began = self.looked = self._since = clock
            self.next = clock + _FIRST

    def is_young(self, wait: int) -> bool:
        """Whether at the last look there may have been delays that no label had shown, of predictions that wait for so long."""
        return self.looked - self._began < wait

    def take(self, outcomes: Outcomes, wrong: npt.NDArray[np.bool_]) -> None:
        """Takes outcomes as they come, and whether each prediction was wrong."""
        if self._stated is None:
            new = outcomes.sign == 1
            seconds, made = np.maximum(outcomes.at - outcomes.time, 0) / 1e6, outcomes.time >= self._since
            self._pending.append((seconds[new], wrong[new], made[new]))
            if len(self._pending) >= _PARTS:
                self._settle()

    def look(self, clock: int, wait: int) -> bool:
        """Looks at delays; whether labels are compared at another age from now on."""
        self._settle()
        before, seen, young = self.within(wait), clock - self._began, self.is_young(wait)
        self.looked, self.next = clock, clock + min(seen, max(wait, _RARELY))
        if self._now.n < _ENOUGH:
            return False
        now, judged = self._now, self._made if self._fewer(clock) else self._now
        known = max(self._found or 0, 0 if young else int(_MORE * self._all.either(_HALF)))
        self._all.merge(now)
        self._now, self._made, self._since = Delays(), Delays(), clock
        longer = max(judged.either(_HALF, _ERRORS), self._all.either(_MOST, _ERRORS) if young else 0)
        if self._found is None or longer > known:
            most, nearly = max(self._all.either(_MOST), now.either(_MOST)), self._all.together(_NEARLY)
            hardly = max(_TWICE * most, _HARDLY * seen // self._all.n)
            self._found = int(_MORE * max(most, nearly if nearly <= hardly else 0)) + _SECOND
        return self.within(wait) != before

    def state(self) -> list[Any]:
        """Everything but what is stated, as plain values."""
        self._settle()
        delays = [delays.state() for delays in (self._all, self._now, self._made)]
        seen = [self._since, self.predictions, self._rate]
        return [self._found, self._began, self.looked, self.next, seen, *delays]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self._found, self._began, self.looked, self.next, seen, *inner = state
        self._since, self.predictions, self._rate = seen
        for delays, one in zip((self._all, self._now, self._made), inner, strict=True):
            delays.restore(one)

    def _fewer(self, clock: int) -> bool:
        """Whether predictions have become fewer, now that another time begins."""
        before, self._rate, self.predictions = self._rate, self.predictions / max(1, clock - self._since), 0
        return self._rate < _FEWER * before

    def _settle(self) -> None:
        if self._pending:
            seconds, wrong, made = map(np.concatenate, zip(*self._pending, strict=True))
            self._now.add(seconds, wrong)
            self._made.add(seconds[made], wrong[made])
            self._pending = []
