"""Outcomes that wait to be taken together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.outcomes import Outcomes

Columns = list[npt.NDArray[Any]]


class Gathered:
    """They are kept in the parts in which they came, until these are many: each of few rows takes more room than the rows."""

    def __init__(self, parts: int = 32) -> None:
        self._most = parts
        self._parts: list[tuple[Outcomes, Columns]] = []
        self.n = 0
        """How many outcomes there are."""

    def add(self, outcomes: Outcomes, *beside: npt.NDArray[Any]) -> None:
        """Takes outcomes, and what is known of each beside them, [n]."""
        if not len(outcomes.row):
            return
        self._parts.append((outcomes, list(beside)))
        self.n += len(outcomes.row)
        if len(self._parts) >= self._most:
            self._parts = [self.together()]

    def together(self) -> tuple[Outcomes, Columns]:
        """All of them, of which there are some, and what was beside them."""
        outcomes, beside = zip(*self._parts, strict=True)
        return Outcomes.joined(outcomes), [np.concatenate(columns) for columns in zip(*beside, strict=True)]

    def taken(self) -> tuple[Outcomes, Columns]:
        """The same; none waits any longer."""
        together = self.together()
        self._parts, self.n = [], 0
        return together

    def released(self, row: int, outcomes: Outcomes) -> Outcomes:
        """All of them, as if they had come at a row, and others after them, at that row or later."""
        if self.n:
            held, _ = self.taken()
            outcomes = Outcomes.joined([held, outcomes])
            outcomes.row[: len(held.row)] = row
        return outcomes._replace(row=np.maximum(outcomes.row, row))

    def state(self) -> list[Any]:
        """Everything, as plain values and arrays."""
        return [[list(outcomes), beside] for outcomes, beside in self._parts]

    @classmethod
    def restored(cls, state: list[Any], parts: int = 32) -> Gathered:
        """One that goes on from a `state()`."""
        gathered = cls(parts)
        gathered._parts = [(Outcomes._make(columns), list(beside)) for columns, beside in state]
        gathered.n = sum(len(outcomes.row) for outcomes, _ in gathered._parts)
        return gathered
