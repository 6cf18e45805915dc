"""The first days of a stream, until a season can be told from a step that lies among them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detectors import Array

from .halves import DAILY
from .scores import UNIT
from .waves import BIN, COLUMNS, DAY, HOURS, Runs

_PART = DAY // 6
_PARTS = 16
"""So many parts of a day; what comes after them belongs to the last."""
_SHARE = 0.05
"""Of the rows, that must lie on either side of a step."""


class Steps(NamedTuple):
    """The most likely step of each of d columns, beside a season."""

    left: Array
    """The squares that both leave, [d]."""
    waves: Array
    """Sums of the waves behind it, [w, d]."""
    sums: Array
    """Sums of the scores behind it, [d]."""
    hours: Array
    """The rows behind it by hour of the week, [h, d]."""
    odd_waves: Array
    odd_sums: Array
    """Both of the odd days alone, for each way to split them, [2, w, d] and [2, d]."""


class Early:
    """Sums of d columns by parts of the first days."""

    def __init__(self, columns: int) -> None:
        self._waves, self._scores = np.zeros((_PARTS, COLUMNS)), np.zeros((_PARTS, columns))
        self._hours: dict[int, Array] = {}
        """The rows of each part that has any by hour of the week."""

    def take(self, sums: Array, when: Runs, first: int) -> None:
        """Takes the sums of runs of rows, float64[d, r]; the stream began at `first`."""
        part = np.clip((when.times[when.starts] // BIN * BIN - first) // _PART, 0, _PARTS - 1)
        if len(part) == 1:
            self._of(int(part[0]))[when.hours] += when.rows
            self._waves[part] += when.waves * when.rows
            self._scores[part] += sums.T
            return
        np.add.at(self._waves, part, when.waves * when.rows[:, np.newaxis])
        np.add.at(self._scores, part, sums.T)
        for one in np.unique(part).tolist():
            np.add.at(self._of(one), when.hours[part == one], when.rows[part == one])

    def steps(self, gram: Array, products: Array, squares: Array) -> Steps:
        """Beside a season of the first columns of the table, of which these are the normal equations: [w, w], [w, d], [d]."""
        w, behind = len(gram), np.cumsum(self._waves[::-1], axis=0)[::-1]
        sums = np.cumsum(self._scores[::-1], axis=0)[::-1]
        odd = np.array([split.is_odd(np.arange(_PARTS) * _PART) for split in DAILY])
        waves, none = np.zeros((COLUMNS, len(squares))), np.zeros(len(squares))
        found = Steps(
            none + np.inf, waves, none, np.zeros((HOURS, len(squares))), np.stack((waves, waves)), np.stack((none, none))
        )
        hours = np.zeros((_PARTS, HOURS))
        for part, rows_there in self._hours.items():
            hours[: part + 1] += rows_there
        for part in range(1, _PARTS):
            rows = behind[part, 0] / UNIT
            if not _SHARE < rows / gram[0, 0] < 1 - _SHARE:
                continue
            beside = behind[part, :w, np.newaxis] / UNIT
            solved = np.linalg.solve(np.block([[gram, beside], [beside.T, rows]]), np.vstack((products, sums[part])))
            left = squares - (solved[:-1] * products).sum(axis=0) - solved[-1] * sums[part]
            better = left < found.left
            found.left[better], found.sums[better] = left[better], sums[part, better]
            found.waves[:, better] = behind[part, :, np.newaxis]
            found.hours[:, better] = hours[part][:, np.newaxis]
            found.odd_waves[..., better] = (odd[:, part:] @ self._waves[part:])[..., np.newaxis]
            found.odd_sums[:, better] = (odd[:, part:] @ self._scores[part:])[:, better]
        return found

    def _of(self, part: int) -> Array:
        """The rows of a part by hour of the week."""
        return self._hours.setdefault(part, np.zeros(HOURS))

    def state(self) -> list[Array]:
        """Everything, as arrays."""
        parts = np.array(sorted(self._hours), np.int64)
        return [self._waves.copy(), self._scores.copy(), parts, np.array([self._hours[part] for part in parts.tolist()])]

    @classmethod
    def restored(cls, state: list[Array]) -> Early:
        """From a `state()`."""
        early = cls(0)
        waves, scores, parts, hours = state
        early._waves, early._scores = waves.copy(), scores.copy()
        early._hours = {part: rows.copy() for part, rows in zip(parts.tolist(), hours, strict=True)}
        return early
