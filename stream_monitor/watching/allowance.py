"""How many false alarms a group of signals may raise, and what that is for each of them."""

from __future__ import annotations

import math
from typing import NamedTuple


class Allowance(NamedTuple):
    """A group's place under a line of the budget.

    The line is split by weight: each signal has the group's `weight`, and `others` is what all signals outside the group
    weigh together.
    """

    per_microsecond: float
    """False alarms that the whole line may raise in a microsecond of event time."""
    per_prediction: float
    """The same for each prediction."""
    weight: float
    others: float
    interval: float = 0.0
    """Microseconds from one value of the group to the next, as seen so far; 0 if nothing has been seen."""
    predictions: float = 1.0
    """Predictions for each value of the group."""

    def run_length(self, signals: int, interval: float) -> float:
        """How many values of each of so many signals may pass between two false alarms; infinite: it is never to alarm.

        `interval` is taken where nothing is known yet.
        """
        if not self.weight or not signals:
            return math.inf
        share = self.weight / (self.others + self.weight * signals)
        rate = share * (self.per_microsecond * (self.interval or interval or 1.0) + self.per_prediction * self.predictions)
        return max(1 / rate, _SHORTEST) if rate > 0 else math.inf


class Spent(NamedTuple):
    """What became of a budget so far."""

    expected: float = 0.0
    """False alarms that were to be expected."""
    opened: int = 0
    """Changes that were declared, right or wrong."""

    def plus(self, other: Spent) -> Spent:
        """Both together."""
        return Spent(self.expected + other.expected, self.opened + other.opened)


NOTHING = Allowance(0.0, 0.0, 0.0, 0.0)
"""Of a group that is under no budget."""
_SHORTEST = 100.0
"""Nobody means to be alarmed more often."""
