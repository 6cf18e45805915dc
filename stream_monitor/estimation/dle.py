"""DLE: errors of a regression model estimated from features and predictions, before labels arrive.

Direct loss estimation of NannyML: a second model learns how large errors are.  It sees what a change of the inputs does, and
never what a change of the relation does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.estimation.error_tree import ErrorTree, grown
from stream_monitor.metrics.reading import NOTHING, Reading, Readings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FEWEST = 250
"""Outcomes from which the first tree is made."""
MOST = 2000
"""Of which a tree is grown as a rule; that of twice as many takes twice as long."""
_LARGEST = 1e70
"""Beyond, the fourth power of an error is no number."""
_Z = 1.959963984540054
_LEAST = 0.5


class Dle:
    """Expected absolute errors by a tree that is grown from outcomes.

    A tree is grown from `rows` outcomes and then replaces the one before: first from all, with smaller ones at 250, 500 and so
    on, later from one in `every`.  So it is never older than two such stretches, and the state is plain numbers: the tree
    in use and the outcomes of the next one, 350 kB with 20 features.  Where trees are grown from all outcomes, how large errors
    are as a whole is what the latest `rows` say: a change is followed in as many, wherever in a stretch it comes.

    Errors are taken to be of one shape whose size depends on features: their squares, and how much they vary, follow from the
    expected absolute error by ratios that are learnt from outcomes that the tree had not seen.
    """

    width = 5
    """How many sums a window has: rows, squares, and the expected error with its second and fourth powers."""

    def __init__(self, rows: int = MOST, every: int = 4) -> None:
        if rows < FEWEST:
            raise ValueError(f"rows must be at least {FEWEST}, got {rows}")
        if every < 1:
            raise ValueError(f"every must be at least 1, got {every}")
        self._rows, self._every = rows, every
        self.outcomes = 0
        """How many it has seen."""
        self.learnt_rows = 0
        """How many the tree in use was grown from; nothing is estimated while it is 0."""
        self._tree: ErrorTree | None = None
        self._kept: list[Floats] = []
        """Outcomes of which the next tree is grown: features, prediction and error."""
        self._powers = np.zeros(6)
        """Sums over outcomes of the error, its second and fourth power, and of those of the tree's expectation."""
        self._latest = np.empty((0, 2))
        """The errors of the latest outcomes and what the tree expects of each, where all are learnt from."""

    def learn(self, features: Floats, predicted: Floats, actual: Floats) -> None:
        """Takes outcomes in their order: float64[n, d], NaN where missing, and float64[n] each."""
        errors = np.abs(predicted - actual)
        good = errors < _LARGEST
        rows, errors = np.column_stack((features, predicted))[good], errors[good]
        while len(errors):
            due = self._next_tree()
            n = self._outcomes_for(due) - self.outcomes
            self._compare(rows[:n], errors[:n])
            self._keep(rows[:n], errors[:n])
            if self.outcomes == self._outcomes_for(due):
                self._replace(due)
            rows, errors = rows[n:], errors[n:]

    def still(self) -> Dle:
        """As it is now, for good: it is not to learn any more."""
        dle = Dle(self._rows, self._every)
        dle.outcomes, dle.learnt_rows, dle._powers, dle._tree = self.outcomes, self.learnt_rows, self._powers.copy(), self._tree
        dle._latest = np.cumsum(self._latest, axis=0)[-1:].copy()
        return dle

    def estimate(self, features: Floats, predicted: Floats) -> Floats:
        """The absolute error to expect of each row, float64[n]; NaN before there is a tree."""
        if self._tree is None:
            return np.full(len(predicted), np.nan)
        return self._tree.expected(np.column_stack((features, predicted))) * self._level()

    def add(self, sums: Floats, cell: Ints, estimates: Floats, weights: Floats | None = None) -> None:
        """Adds rows to the sums of their cells, float64[cells, width], in place; NaN is left out.

        Negative weights take back.
        """
        weights = np.ones(len(estimates)) if weights is None else weights
        good = ~np.isnan(estimates)
        cell, estimates, weights = cell[good], estimates[good], weights[good]
        square = estimates * estimates
        terms = np.stack((np.ones(len(cell)), np.abs(weights), estimates, square, square * square), axis=1)
        places = cell[:, np.newaxis] * self.width + np.arange(self.width)
        np.add.at(sums.reshape(-1), places.reshape(-1), (terms * weights[:, np.newaxis]).reshape(-1))

    def read(self, sums: Floats) -> Readings:
        """Estimates from the sums of one cell, float64[width]: mae and rmse.

        Between low and high is what labels will show of these rows, with 95% confidence, if only the inputs have changed.
        """
        rows, squares, first, second, fourth = sums.tolist()
        n = rows * rows / squares if squares > 0 else 0.0
        if n < _LEAST:
            return {"mae": NOTHING, "rmse": NOTHING}
        squared, spread, spread_of_squares = self._shape()
        share = (1 + n / max(self.learnt_rows, 1)) / (n * rows)
        rmse = math.sqrt(max(squared * second / rows, 0.0))
        off = math.sqrt(max(spread_of_squares * fourth * share, 0.0)) / (2 * rmse) if rmse else 0.0
        return {
            "mae": _reading(first / rows, n, math.sqrt(max(spread * second * share, 0.0))),
            "rmse": _reading(rmse, n, off),
        }

    def state(self) -> dict[str, Any]:
        """Everything but the settings, as plain values."""
        kept = np.concatenate(self._kept) if self._kept else np.empty((0, 0))
        return {
            "outcomes": self.outcomes, "learnt_rows": self.learnt_rows, "powers": self._powers.copy(), "kept": kept,
            "tree": None if self._tree is None else [column.copy() for column in self._tree], "latest": self._latest.copy(),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.outcomes, self.learnt_rows, self._powers = state["outcomes"], state["learnt_rows"], state["powers"].copy()
        self._kept = [state["kept"].copy()] if len(state["kept"]) else []
        self._latest = state["latest"].copy()
        self._tree = None if state["tree"] is None else ErrorTree(*(column.copy() for column in state["tree"]))

    def _taught(self) -> int:
        """How many of the outcomes trees have learnt."""
        return self.outcomes if self.outcomes <= self._rows else self._rows + -(-(self.outcomes - self._rows) // self._every)

    def _outcomes_for(self, taught: int) -> int:
        """The outcome with which so many are learnt."""
        return taught if taught <= self._rows else self._rows + (taught - self._rows - 1) * self._every + 1

    def _next_tree(self) -> int:
        """With how many learnt outcomes the next tree is made."""
        taught, due = self._taught(), FEWEST
        while due <= taught:
            due *= 2
        return min(due, self._rows) if taught < self._rows else (taught // self._rows + 1) * self._rows

    def _compare(self, rows: Floats, errors: Floats) -> None:
        """Adds to the sums what these outcomes show and the tree in use expects of them."""
        if self._tree is None:
            return
        expected = self._tree.expected(rows)
        if self._every == 1:
            self._latest = np.concatenate((self._latest, np.column_stack((errors, expected))))[-self._rows :].copy()
        powers = [power for base in (errors, expected) for power in (base, base * base, (base * base) * (base * base))]
        self._powers = np.cumsum(np.column_stack((self._powers, np.stack(powers))), axis=1)[:, -1].copy()

    def _keep(self, rows: Floats, errors: Floats) -> None:
        number = self.outcomes + np.arange(len(errors))
        chosen = (number < self._rows) | ((number - self._rows) % self._every == 0)
        self.outcomes += len(errors)
        if chosen.any():
            self._kept.append(np.column_stack((rows[chosen], errors[chosen])))

    def _replace(self, taught: int) -> None:
        """Grows the next tree, and takes it for unbiased; the shape of errors seen with the one before counts by half."""
        kept = np.concatenate(self._kept)
        self._tree, self.learnt_rows = grown(kept[:, :-1], kept[:, -1]), len(kept)
        if self._every == 1:
            self._latest = np.column_stack((kept[:, -1], self._tree.expected(kept[:, :-1])))
        level = _level(*self._powers[[0, 3]].tolist())
        self._powers = self._powers / 2 * np.array([1.0, 1.0, 1.0, level, level * level, (level * level) * (level * level)])
        if taught % self._rows == 0:
            self._kept = []

    def _level(self) -> float:
        """How large errors are for what the tree expects."""
        error, expected = np.cumsum(self._latest, axis=0)[-1] if len(self._latest) else self._powers[[0, 3]]
        return _level(float(error), float(expected))

    def _shape(self) -> tuple[float, float, float]:
        """Of an error whose expectation is 1: its mean square, its variance, the variance of its square."""
        error, second, fourth, expected, expected_second, expected_fourth = self._powers.tolist()
        if not (error > 0 and expected > 0):
            return math.pi / 2, math.pi / 2 - 1, math.pi**2 / 2
        square = _level(error, expected) ** 2
        squared, to_the_fourth = second / (expected_second * square), fourth / (expected_fourth * square * square)
        return squared, max(squared - 1, 0.0), max(to_the_fourth - squared * squared, 0.0)


def _level(error: float, expected: float) -> float:
    return error / expected if error > 0 and expected > 0 else 1.0


def _reading(value: float, n: float, deviation: float) -> Reading:
    return Reading(value, n, max(value - _Z * deviation, 0.0), value + _Z * deviation)
