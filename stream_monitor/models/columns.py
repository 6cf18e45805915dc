"""Features of rows as the columns that models learn from: numbers as they are, a category as a column that is 0 or 1."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.models.learners import Row

OWN = "prediction"
"""The name of the columns that say what the model in production predicted."""
MISSING = "\x01missing "
"""What columns that say that a feature is missing are called by, before its name."""
COLUMNS = 64
"""How many columns models see: those that come first."""
_CATEGORIES = 8
"""Of a feature that have a column: those that come first; all others have 0 in each."""
_LARGEST = 1e100


class Columns:
    """Knows which columns there are.  What a row becomes depends on the rows before it, not on how they were cut or ordered."""

    def __init__(self) -> None:
        self._features: dict[str, dict[float, str] | None] = {}
        """The columns of a feature's categories; None of a number."""
        self._count = 0
        self._missed: dict[str, None] = {}
        """Features with columns that a row lacked, in the order in which that was seen."""
        self.left_out: set[str] = set()
        """Features that came too late to have a column."""

    def rows(self, names: Sequence[str], values: npt.NDArray[np.float64], texts: Collection[str]) -> Iterator[Row]:
        """Each of the rows float64[n, d] as its columns; what is missing, infinite or beyond 1e100 has none."""
        order = sorted(range(len(names)), key=names.__getitem__)
        plan = [(names[i], names[i] in texts) for i in order]
        for row in values[:, order].tolist():
            yield self._row(plan, row)

    def missing(self, x: Row) -> Row:
        """What a row lacks, as columns that are 0 or 1, of each feature with columns from the first row that lacks it."""
        there = x.keys()
        lacking = dict.fromkeys(name for name, of in self._features.items() if there.isdisjoint(_columns(name, of)))
        self._missed |= lacking
        return {MISSING + name: float(name in lacking) for name in self._missed}

    def meaning(self, column: str) -> tuple[str, float | None]:
        """The feature of a column, and of a category which it is."""
        if column.startswith(MISSING):
            return column.removeprefix(MISSING), None
        if column.startswith(f"{OWN} = "):
            return OWN, float(column.removeprefix(f"{OWN} = "))
        for feature, categories in self._features.items():
            for category, name in (categories or {}).items():
                if name == column:
                    return feature, category
        return column, None

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        known = [[name, None if of is None else [list(pair) for pair in of.items()]] for name, of in self._features.items()]
        return {"features": known, "missed": list(self._missed), "left_out": sorted(self.left_out)}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self._features = {
            str(name): None if of is None else {float(category): str(column) for category, column in of}
            for name, of in state["features"]
        }
        self._missed = dict.fromkeys(map(str, state["missed"]))
        self._count = sum(1 if of is None else len(of) for of in self._features.values())
        self.left_out = set(map(str, state["left_out"]))

    def _row(self, plan: list[tuple[str, bool]], values: list[float]) -> Row:
        x: Row = {}
        for (name, text), value in zip(plan, values):
            if not -_LARGEST < value < _LARGEST:
                continue
            if text:
                self._category(x, name, value)
            elif self._features.get(name, False) is None or self._meet(name, None):
                x[name] = value
        return x

    def _category(self, x: Row, name: str, value: float) -> None:
        known = self._features.get(name)
        if known is None:
            known = {}
            if name in self._features or not self._meet(name, known):
                return
        if value not in known and len(known) < _CATEGORIES and self._room(name):
            known[value] = f"{name} = {value:g}"
            self._count += 1
        for category, column in known.items():
            x[column] = 1.0 if category == value else 0.0

    def _meet(self, name: str, kind: dict[float, str] | None) -> bool:
        """Takes a feature that is new, if there is room; a number that was a category, or the other way round, is left out."""
        if name in self._features or not self._room(name):
            return False
        self._features[name] = kind
        self._count += kind is None
        return True

    def _room(self, name: str) -> bool:
        if self._count < COLUMNS:
            return True
        if len(self.left_out) < COLUMNS:
            self.left_out.add(name)
        return False


def _columns(name: str, categories: dict[float, str] | None) -> Collection[str]:
    """The columns of a feature: of a number the one of its name."""
    return (name,) if categories is None else categories.values()
