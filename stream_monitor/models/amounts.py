"""What differences of losses amount to where a comparison cuts them: their means in full, of each of its sequences."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

_TIGHTEST = 0.01
"""Rho squared of the paper; intervals are tightest at some thousand rows."""


class Sums(NamedTuple):
    """Of differences in full, over some rows."""

    cut: int = 0
    """Rows in which the comparison saw less than all of a loss."""
    difference: float = 0.0
    squares: float = 0.0

    def plus(self, other: Sums) -> Sums:
        """Those of both."""
        return Sums(self.cut + other.cut, self.difference + other.difference, self.squares + other.squares)

    def interval(self, n: int, level: float) -> tuple[float, float, float]:
        """The mean of n rows, and what it is between with the confidence 1 - level at all times, if they are many.

        An asymptotic confidence sequence (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas 2024, theorem 2.2).
        """
        mean, mixed = self.difference / n, n * _TIGHTEST + 1.0
        variance = max(self.squares / n - mean * mean, 0.0)
        half = math.sqrt(variance * 2.0 * mixed / (n * n * _TIGHTEST) * math.log(math.sqrt(mixed) / level))
        return mean, mean - half, mean + half


class Amounts:
    """Sums of each sequence by themselves: one loss beyond all others spoils none that begins after it."""

    def __init__(self) -> None:
        self._last = Sums()
        """Of the rows that no sequence has yet."""
        self._sums: dict[int, Sums] = {}
        """By the row at which the sequence began."""

    def add(self, difference: float, cut: bool) -> None:
        """Takes the difference of a row."""
        self._last = self._last.plus(Sums(int(cut), difference, difference * difference))

    def settle(self, starts: Iterable[int]) -> None:
        """Gives the rows since the last time to the sequences that are kept, which all have them."""
        self._sums = {start: self._sums.get(start, Sums()).plus(self._last) for start in starts}
        self._last = Sums()

    def of(self, start: int) -> Sums:
        """Those of a sequence when it was last settled; none of one that is not kept."""
        return self._sums.get(start, Sums())

    def state(self) -> list[Any]:
        """Everything, as plain values."""
        return [list(self._last), [[start, *sums] for start, sums in self._sums.items()]]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        last, sums = state
        self._last = _sums(*last)
        self._sums = {int(start): _sums(*each) for start, *each in sums}


def _sums(cut: Any, difference: Any, squares: Any) -> Sums:
    return Sums(int(cut), float(difference), float(squares))
