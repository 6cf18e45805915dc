"""Sums of waves and scores, and the season that fits them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detectors import Array

from .scores import UNIT

_RIDGE = 1.0
"""Rows by which each wave is drawn to nothing, so that hours that never come do not make waves fight each other."""


class Sums(NamedTuple):
    """Of rows of d columns: what seasons are fitted to."""

    gram: Array
    """Of the waves, [w, w]."""
    products: Array
    """Of waves and scores, [w, d]."""
    away: Array
    """Of the waves where rows were held, [w, d]."""
    away_sums: Array
    """Of the scores there, [d]."""

    @classmethod
    def none(cls, waves: int, columns: int) -> Sums:
        """Of no rows."""
        return cls(np.zeros((waves, waves)), np.zeros((waves, columns)), np.zeros((waves, columns)), np.zeros(columns))

    def equations(self, model: range) -> tuple[Array, Array]:
        """The normal equations of some waves, [w, w] and [w, d]."""
        at = np.array(model)
        gram = self.gram[np.ix_(at, at)] / UNIT**2
        gram[np.arange(1, len(at)), np.arange(1, len(at))] += _RIDGE
        return gram, self.products[at] / UNIT

    def fitted(self, model: range) -> tuple[Array, Array]:
        """A season of some waves, [w, d], beside a step of the rows that were held, [d]."""
        at, (gram, sums) = np.array(model), self.equations(model)
        away, rows = self.away[at] / UNIT, self.away[0] / UNIT
        some = np.flatnonzero(rows)
        beta: Array = np.linalg.solve(gram, sums).astype(np.float64, copy=False)
        step = np.zeros(sums.shape[1])
        if len(some):
            beside = np.linalg.solve(gram, away[:, some])
            own = rows[some] + _RIDGE - (away[:, some] * beside).sum(axis=0)
            step[some] = (self.away_sums[some] - (away[:, some] * beta[:, some]).sum(axis=0)) / own
            beta[:, some] -= beside * step[some]
        return beta, step

    def without(self, some: Sums) -> Sums:
        """The sums of the other rows than some, of as many waves as these."""
        w = len(some.gram)
        return Sums(
            self.gram[:w, :w] - some.gram, self.products[:w] - some.products, self.away[:w] - some.away,
            self.away_sums - some.away_sums,
        )  # fmt: skip

    def let_go(self) -> Sums:
        """As if nothing were held."""
        return self._replace(away=np.zeros_like(self.away), away_sums=np.zeros_like(self.away_sums))
