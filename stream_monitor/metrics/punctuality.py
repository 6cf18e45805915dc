"""How complete labels usually are by the age of their predictions, and whether they come later than that."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

_KEPT = 30
_KNOWN = 10
"""Windows of an age after which it is known what is usual."""
_POINTS = 0.05
_IN_A_ROW = 3
_SURELY = 4.0
"""Standard errors by which windows in a row have fewer labels than those before, by their counts alone."""
_LEAST = 30
"""Predictions of a window below which it says nothing."""
_AGES = 32


class Late(NamedTuple):
    """Labels that come later than usual, or that do so no more."""

    age: int
    """Of the predictions when that showed, microseconds."""
    coverage: float
    usual: float
    """The smallest share of labels that windows of this age had."""
    over: bool
    lost: bool = False
    """Whether it is the age at which no label can come any more."""


class Count(NamedTuple):
    """Predictions of windows, and how many of them have a label."""

    predictions: int
    labelled: int
    windows: int = 1

    @property
    def share(self) -> float:
        """Of predictions that have one."""
        return self.labelled / self.predictions

    def plus(self, other: Count) -> Count:
        """Of both."""
        return Count(*(mine + its for mine, its in zip(self, other, strict=True)))


_NONE = Count(0, 0, 0)


class Punctuality:
    """Looks at the share of labels of each window whenever that is looked at, always at the same ages."""

    def __init__(self) -> None:
        self._known: dict[int, list[Count]] = {}
        """The last ones by age, the newest last."""
        self._short: dict[int, Count] = {}
        """Of the last in a row that were shorter than usual."""
        self._late: int | None = None
        """The youngest age at which labels were found late; None while they are not."""
        self._back = 0
        """How many of the last windows of that age in a row had no fewer labels than any before."""
        self._lost = False
        """Whether it was said that they do not come at all."""
        self._over = 0
        """The end of the window that was as usual again: what is late of it and of those before it was late already."""

    def see(self, end: int, age: int, predictions: int, labelled: int, final: bool = False) -> Late | None:
        """Takes the labels of a window, by its end, at an age; says so when they are late three times, and when no more.

        It is said once more when windows that are `final` show that labels do not come at all.
        """
        if predictions < _LEAST or (age not in self._known and len(self._known) >= _AGES):
            return None
        now, known = Count(predictions, labelled), self._known.setdefault(age, [])
        usual = min((one.share for one in known), default=0.0)
        if len(known) < _KNOWN or now.share >= usual - _POINTS:
            if self._late is None or now.share >= usual:
                known.append(now)
                del known[:-_KEPT]
            self._short.pop(age, None)
            return self._again(end, age, now.share, usual)
        self._back = 0 if age == self._late else self._back
        if end <= self._over:
            return None
        self._short[age] = short = self._short.get(age, _NONE).plus(now)
        if short.windows < _IN_A_ROW or not _surely(short, known):
            return None
        late, lost = self._late, self._lost
        if late is None or age < late:
            self._late, self._back = age, 0
        self._lost = lost or final
        return Late(age, now.share, usual, over=False, lost=final) if late is None or lost != self._lost else None

    def by_age(self) -> list[tuple[int, float]]:
        """The share of labels that the last window of each age had, unless it was shorter than usual."""
        return [(age, known[-1].share) for age, known in sorted(self._known.items()) if known]

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "known": [[age, [list(one) for one in known]] for age, known in self._known.items()],
            "short": [[age, list(short)] for age, short in self._short.items()],
            "late": [self._late, self._back, self._lost, self._over],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._known = {age: [Count(*one) for one in known] for age, known in state["known"]}
        self._short = {age: Count(*short) for age, short in state["short"]}
        self._late, self._back, self._lost, self._over = state["late"]

    def _again(self, end: int, age: int, share: float, usual: float) -> Late | None:
        """Over once windows in a row have as many as usual at the age found late, and none is short at a younger one."""
        if self._late is None or age != self._late:
            return None
        self._back = self._back + 1 if share >= usual else 0
        if self._back < _IN_A_ROW or any(short < self._late for short in self._short):
            return None
        self._late, self._back, self._lost, self._over, self._short = None, 0, False, end, {}
        return Late(age, share, usual, over=True)


def _surely(short: Count, known: list[Count]) -> bool:
    """Whether windows in a row have fewer labels than those before by more than chance."""
    before = Count(*map(sum, zip(*known, strict=True)))
    every = before.plus(short)
    error = math.sqrt(every.share * (1 - every.share) * (1 / before.predictions + 1 / short.predictions))
    return before.share - short.share > _SURELY * error
