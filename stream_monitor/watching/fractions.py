"""Whether numbers that are not whole are classes of a classification, as half a star is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor import values
from stream_monitor.config.stream import Scalar

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_ENOUGH = 100
"""Predictions of a classification after which it must be clear."""
_AGAIN = 3
"""How often each has come by then, on average, if they are classes."""
_MOST = 75
"""So many of these predictions are no mixture, but the classes that were meant when the task was stated."""


class Fractions:
    """They are if one comes with scores of classes, or if few of them come again and again from the beginning on.

    Where a classification is stated, they also are if they come first, and go on coming.
    """

    def __init__(self, stated: bool = False, positive: Scalar | None = None) -> None:
        self.classes = False
        self._stated, self._sure = stated, False
        self._seen = 0
        self._first: list[float] = []
        self.state_class(positive)

    @property
    def open(self) -> bool:
        """Whether predictions may still say what they are."""
        return self._seen < _ENOUGH

    def state_class(self, one: Scalar | None) -> None:
        """Takes a class that is configured."""
        read = None if one is None else values.scalar(one)
        if isinstance(read, float) and not read.is_integer():
            self.are_classes()

    def are_classes(self) -> None:
        """Takes it for sure that they are."""
        self.classes = self._sure = True

    def strange(self, number: Floats) -> Mask | None:
        """Which of these numbers are no classes; None where all may be."""
        if self.classes:
            return None
        fractions = np.floor(number) < number
        return fractions if np.count_nonzero(fractions) else None

    def hear(self, number: Floats, scored: Callable[[], Mask]) -> Mask | None:
        """Learns from the next predictions, which may be `scored`; gives which are no classes, as `strange` does."""
        if self.open:
            room = _ENOUGH - self._seen
            first = [self._begin(*one) for one in zip(number[:room].tolist(), scored()[:room].tolist(), strict=True)]
            rest = self.hear(number[room:], lambda: scored()[room:]) if len(number) > room else None
            return np.concatenate((first, np.zeros(len(number) - len(first), np.bool_) if rest is None else rest))
        strange = self.strange(number)
        if strange is not None and (known := strange & scored()).any():
            self.are_classes()
            strange[np.argmax(known) :] = False
        return strange

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [self.classes, self._stated, self._sure, self._seen, self._first]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        self.classes, self._stated, self._sure, self._seen, first = state
        self._first = list(first)

    def _begin(self, number: float, scored: bool) -> bool:
        """Takes one of the first predictions; whether it is no class."""
        self._seen += 1
        fraction = number % 1 > 0
        if fraction:
            self._first.append(number)
            if scored or len(self._first) >= _AGAIN * len(set(self._first)):
                self.are_classes()
            self.classes |= self._stated and self._seen == 1
        strange = fraction and not self.classes
        if not self.open:
            self.classes = self._sure or (self._stated and len(self._first) >= _MOST)
        return strange
