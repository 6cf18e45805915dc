"""Whether predictions ebb away or swell: labels are then of older or younger ones than usual, and may be of other classes."""

from __future__ import annotations

import math
from typing import Any

from stream_monitor.metrics.sketch import Sketch

_WINDOWS = 4_096
"""Windows whose predictions are counted; of what is older, nothing is known to have ebbed."""
_PARTS = 20
"""Parts of equal size that labels are divided into by their delay."""
_TOO_MANY = 1.5
"""How many times more than usual the slowest labels are among those that come, or the quickest."""


class Ebb:
    """Counts the predictions of a version window by window, and how long their labels take.

    Labels that come later than before, or of which more are of a class that comes late, are no ebb: only that the predictions
    are missing which quick labels would be of, or that there are the more of these.
    """

    def __init__(self) -> None:
        self._made: dict[int, int] = {}
        """By the number of the window; those that had none are not in it."""
        self._delay = Sketch()
        """Seconds."""

    def window(self, number: int, predictions: int, delay: Sketch) -> None:
        """Takes a window that closed, after the one before."""
        if predictions:
            self._made[number] = predictions
        while self._made and (oldest := next(iter(self._made))) <= number - _WINDOWS:
            del self._made[oldest]
        self._delay.merge(delay)

    def at(self, number: int, length: int) -> float:
        """The share of labels in a window, of so many microseconds, that are of older or younger predictions than usual.

        It is 1 where these are so many more that nothing can be said.
        """
        made = [self._rate(number - seconds * 1e6 / length) for seconds in self._delay.parts(_PARTS)]
        if not made:
            return 0.0
        usual = sum(made) / len(made)
        quickest = (sum(made[:part]) / part for part in range(1, len(made)))
        slowest = (sum(made[part:]) / (len(made) - part) for part in range(1, len(made)))
        if usual == 0 or max(*quickest, *slowest) > _TOO_MANY * usual:
            return 1.0
        return sum(abs(each / usual - 1) for each in made) / len(made) / 2

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [list(self._made), list(self._made.values()), self._delay.state()]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self._made = dict(zip(state[0], state[1], strict=True))
        self._delay.restore(state[2])

    def _rate(self, begin: float) -> float:
        """Predictions in the time of a window, from when that would begin; of two windows that it lies in, a part of each."""
        number = math.floor(begin)
        later = begin - number
        return (1 - later) * self._made.get(number, 0) + later * self._made.get(number + 1, 0)
