"""How complete labels usually are by the age of their predictions, and whether they come later than that."""

from __future__ import annotations

from typing import Any, NamedTuple

_KEPT = 30
_KNOWN = 10
"""Windows of an age after which it is known what is usual."""
_POINTS = 0.05
_IN_A_ROW = 3
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


class Punctuality:
    """Looks at the share of labels of each window whenever that is looked at, always at the same ages."""

    def __init__(self) -> None:
        self._shares: dict[int, list[float]] = {}
        """The last ones by age, the newest last."""
        self._short: dict[int, int] = {}
        """How many of the last in a row were shorter than usual."""
        self._late: int | None = None
        """The youngest age at which labels were found late; None while they are not."""
        self._over = 0
        """The end of the window that was as usual again: what is late of it and of those before it was late already."""

    def see(self, end: int, age: int, predictions: int, labelled: int) -> Late | None:
        """Takes the labels of a window, by its end, at an age; says so when they are late three times, and when no more."""
        if predictions < _LEAST or (age not in self._shares and len(self._shares) >= _AGES):
            return None
        share, known = labelled / predictions, self._shares.setdefault(age, [])
        usual = min(known, default=0.0)
        if len(known) < _KNOWN or share >= usual - _POINTS:
            known.append(share)
            del known[:-_KEPT]
            self._short.pop(age, None)
            return self._back(end, age, share, usual)
        if end <= self._over:
            return None
        self._short[age] = self._short.get(age, 0) + 1
        if self._short[age] < _IN_A_ROW:
            return None
        late, self._late = self._late, age if self._late is None else min(age, self._late)
        return Late(age, share, usual, over=False) if late is None else None

    def by_age(self) -> list[tuple[int, float]]:
        """The share of labels that the last window of each age had, unless it was shorter than usual."""
        return [(age, shares[-1]) for age, shares in sorted(self._shares.items()) if shares]

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {"shares": list(self._shares.items()), "short": list(self._short.items()), "late": [self._late, self._over]}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._shares = {age: list(shares) for age, shares in state["shares"]}
        self._short, (self._late, self._over) = dict(state["short"]), state["late"]

    def _back(self, end: int, age: int, share: float, usual: float) -> Late | None:
        """Over where no window is short at the age at which labels were found late, nor at a younger one."""
        if self._late is None or age > self._late or any(short <= self._late for short in self._short):
            return None
        self._late, self._over, self._short = None, end, {}
        return Late(age, share, usual, over=True)
