"""The classes that predictions give scores for, by number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows

LIMIT = 64
"""Scores of further classes are not kept."""


class ScoredClasses:
    """Names get numbers as they come."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def scores(self, rows: Rows) -> npt.NDArray[np.float32] | None:
        """The scores of each row by class, float32[n, c], NaN where there is none; None if these rows have none."""
        given = [(i, name.removeprefix("scores:")) for i, name in enumerate(rows.number_names) if name.startswith("scores:")]
        if not given:
            return None
        for _, name in given:
            if name not in self.names and len(self.names) < LIMIT:
                self.names.append(name)
        found = np.full((len(rows), len(self.names)), np.nan, np.float32)
        for i, name in given:
            if name in self.names:
                found[:, self.names.index(name)] = rows.numbers[i]
        return found
