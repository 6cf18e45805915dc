"""Predictions whose label does not come, where that is a label too."""

from __future__ import annotations

import numpy as np

from stream_monitor.joining import met
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.given_labels import GivenLabels, Ints
from stream_monitor.joining.outcomes import NO_OUTCOMES, Outcomes
from stream_monitor.joining.waiting import ABSENT, WAITING, Waiting


class Absence:
    """After so long without a label a prediction has `value`, in canonical form; never if that is None."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self.value: tuple[float, int] | None = None
        self.lead = 0
        """How long before its deadline a prediction has waited for so long, microseconds."""

    def at_once(self, chosen: Ints, numbers: Ints, clock: Ints) -> Outcomes:
        """Outcomes of predictions so late that they have waited for so long when they come, by their rows."""
        if self.value is None:
            return NO_OUTCOMES
        rows = self._waiting.rows(numbers)
        late = (rows["deadline"] - self.lead <= clock[chosen]) & (rows["status"] == WAITING)
        return self._outcomes(numbers[late], chosen[late], clock[chosen[late]])

    def by_now(self, before: int, clock: Ints, labelled: dict[int, int] | None = None) -> Outcomes:
        """Outcomes of predictions without a label for so long; `labelled` says at which row one is about to get one."""
        if self.value is None or clock[-1] == before:
            return NO_OUTCOMES
        due = self._due(before, int(clock[-1]))
        row = np.searchsorted(clock, self._time(due), "left")
        label = np.array([(labelled or {}).get(number, len(clock)) for number in due.tolist()], np.int64)
        due, row = due[label >= row], row[label >= row]
        return self._outcomes(due, row, self._time(due))

    def in_silence(self, before: int, now: int) -> Outcomes:
        """Outcomes of predictions without a label for so long while no row came, each at its own time."""
        if self.value is None:
            return NO_OUTCOMES
        due = self._due(before, now)
        return self._outcomes(due, np.zeros(len(due), np.int64), self._time(due))

    def first(self, before: int, now: int) -> int:
        """The first clock after one, up to `now`, at which there is such an outcome; far away if there is none."""
        if self.value is None or now <= before:
            return FAR
        due = self._due(before, now)
        return int(self._time(due)[0]) if len(due) else FAR

    def _outcomes(self, numbers: Ints, row: Ints, clock: Ints) -> Outcomes:
        assert self.value is not None
        n, known = len(numbers), self._time(numbers)
        value, code = self.value
        labels = GivenLabels(np.full(n, value), np.full(n, code, np.int32), known, np.ones(n))
        met.label(self._waiting, numbers, labels, clock, ABSENT)
        return met.outcomes(self._waiting, numbers, row, 1)

    def _time(self, numbers: Ints) -> Ints:
        time: Ints = self._waiting.rows(numbers)["deadline"] - self.lead
        return time

    def _due(self, before: int, now: int) -> Ints:
        due = self._waiting.due(before, now, self.lead)
        unanswered: Ints = due[self._waiting.rows(due)["status"] == WAITING]
        return unanswered
