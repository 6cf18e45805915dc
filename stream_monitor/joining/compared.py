"""Outcomes of predictions that have come to a certain age, with the label that they have by then."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream_monitor.joining import met
from stream_monitor.joining.chunk import Table
from stream_monitor.joining.given_labels import Ints
from stream_monitor.joining.outcomes import NO_OUTCOMES, Outcomes
from stream_monitor.joining.packed import unpacked
from stream_monitor.joining.waiting import ABSENT, LABELLED, Waiting

Amended = dict[int, list[tuple[int, Table]]]
"""By number: rows of the section at which a label was amended, and what was known before, ROW[1]."""

_MOST = 100_000
"""Predictions that are given once more at another age."""


class Compared:
    """A prediction without a label at that age gives none, and what comes later changes nothing."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self.lead = 0
        """How long before its deadline a prediction is so old, microseconds."""
        self.step = 1
        """Microseconds of the clock in which predictions come together, unless some would leave by that."""
        self._until: int | None = None
        """The clock up to which predictions of that age have been given."""

    def change(self, lead: int, clock: int, since: int) -> None:
        """Takes another age from a clock on; those that have come to the former age `since` a clock are given once more.

        Predictions that are past the age by then come at once, as far as they still wait.
        """
        self._until = min(clock, max(clock - lead, since + self.lead - lead))
        self.lead = lead
        due = self._waiting.due(self._until, clock, lead)
        if len(due) > _MOST:
            self._until = int(self._waiting.rows(due[-_MOST - 1 : -_MOST])["deadline"][0]) - lead

    def by_now(self, before: int, clock: Ints, amended: Amended | None = None) -> Outcomes:
        """Outcomes up to the clock of the last row, int64[n], each at the first row after the step in which it was so old."""
        step = self.step if self.lead >= self.step else 1
        since, now = before // step * step if self._until is None else self._until, int(clock[-1]) // step * step
        if now <= since:
            return NO_OUTCOMES
        self._until = None
        numbers = self._waiting.due(since, now, self.lead)
        if not len(numbers):
            return NO_OUTCOMES
        there = self._waiting.rows(numbers)
        old = there["deadline"] - self.lead
        row = np.searchsorted(clock, -(-old // step) * step, "left")
        if amended:
            for i in np.flatnonzero(np.isin(numbers, list(amended))).tolist():
                there[i] = _then(amended[int(numbers[i])], int(row[i]), there[i : i + 1])[0]
        known = (there["status"] == LABELLED) | (there["status"] == ABSENT)
        if self.lead:  # no label comes after the wait, and that none came is known when it ends
            known &= there["at"] < old
        if not known.all():
            numbers, there, row = numbers[known], there[known], row[known]
        found = met.outcomes(self._waiting, numbers, row, 1)
        if not amended:
            return found
        label = unpacked(there["label"])
        return found._replace(
            label_value=label.value, label_code=label.code, known=there["known"].copy(), at=there["at"].copy()
        )

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [self.lead, self.step, self._until]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self.lead, self.step, self._until = state


def _then(changes: list[tuple[int, Table]], row: int, now: Table) -> Table:
    """What was known of a prediction before a row of the section."""
    return next((before for at, before in changes if at >= row), now)
