"""The age of a prediction at which its label is compared with those of others.

Labels of errors may come later than others: a fraud is found out, a success is seen at once.  The first labels of a stream, the
last ones of a version and those of a quiet night are then others than usual, though nothing has changed.  Of predictions that
are all looked at when they are equally old, this is not so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stream_monitor.config.stream import Labels
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.metrics.sketch import Sketch

_FIRST, _RARELY = 60_000_000, 86_400_000_000
"""Microseconds after which delays are looked at first, and how rarely that is done at least."""
_ENOUGH = 50
_SEEN = 4
"""How many times as long as nearly all labels take a stream must have been seen: then there are no later ones."""
_NEARLY, _MORE, _SECOND = 0.98, 1.1, 1_000_000
_MANY, _MANY_NOW = 0.05, 0.25
"""Shares of the labels, of all and of those since the last look, that may come later than the age."""


class LabelAge:
    """As old as nearly all labels are when they come; the wait while that is not known.  It never becomes less."""

    def __init__(self) -> None:
        self._stated: int | None = None
        self.next = FAR
        """The clock at which delays are looked at next."""
        self._found: int | None = None
        self._began = 0
        self._all, self._now = Sketch(), Sketch()
        """Seconds from prediction to label, of all labels and of those since the last look."""

    @property
    def known(self) -> bool:
        """Whether it has been found out."""
        return self._found is not None

    def within(self, wait: int) -> int:
        """The age, microseconds, where predictions wait for so long."""
        age = self._found if self._stated is None else self._stated
        return wait if age is None else min(age, wait)

    def state_it(self, labels: Labels | None) -> None:
        """Takes what is configured, if it is not to be found out."""
        absent = labels.absent.after + 1 if labels and labels.absent else None
        self._stated = 0 if labels is None else absent or labels.age

    def begin(self, clock: int) -> None:
        """Says that the stream has begun."""
        if self.next == FAR and self._stated is None:
            self._began, self.next = clock, clock + _FIRST

    def take(self, outcomes: Outcomes) -> None:
        """Takes outcomes as they come."""
        if self._stated is None:
            self._now.add(np.maximum(outcomes.at - outcomes.time, 0)[outcomes.sign == 1] / 1e6)

    def look(self, clock: int, wait: int) -> bool:
        """Looks at delays; whether labels are compared at another age from now on."""
        before, seen = self.within(wait), clock - self._began
        self.next = clock + min(seen, max(wait, _RARELY))
        if self._now.n < _ENOUGH:
            return False
        many, self._now = self._now.quantile(1 - _MANY_NOW) or 0.0, self._fresh()
        nearly, most = (1e6 * (self._all.quantile(share) or 0.0) for share in (_NEARLY, 1 - _MANY))
        if self._found is None:
            late = _SEEN * nearly <= seen
        else:
            late = most > self._found or 1e6 * many > self._found
            nearly = max(nearly, 1e6 * many)
        if late:
            self._found = int(_MORE * nearly) + _SECOND
        return self.within(wait) != before

    def state(self) -> list[Any]:
        """Everything but what is stated, as plain values."""
        return [self._found, self._began, self.next, self._all.state(), self._now.state()]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self._found, self._began, self.next, every, now = state
        self._all.restore(every)
        self._now.restore(now)

    def _fresh(self) -> Sketch:
        self._all.merge(self._now)
        return Sketch()
