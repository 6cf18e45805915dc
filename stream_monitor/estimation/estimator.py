"""What outcomes of a version say about its scores, or about how large its errors are, and what that lets expect of others."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from stream_monitor.estimation.cbpe import Cbpe
from stream_monitor.estimation.dle import Dle
from stream_monitor.metrics.ranking import Ranking
from stream_monitor.metrics.reading import Readings

Floats = npt.NDArray[np.float64]


class Expected:
    """What is expected of the predictions of one window."""

    def __init__(self, width: int) -> None:
        self.sums = np.zeros((1, width))
        self.ranking: Ranking | None = None

    def state(self) -> list[Any]:
        """Everything, as plain values and arrays."""
        return [self.sums, self.ranking.state() if self.ranking else None]

    @classmethod
    def restored(cls, state: list[Any]) -> Expected:
        """From a `state()`."""
        sums, ranking = state
        expected = cls(sums.shape[1])
        expected.sums = sums
        if ranking is not None:
            expected.ranking = Ranking()
            expected.ranking.restore(ranking)
        return expected


class Estimator(Protocol):
    """Of one version.  `known` are its scores, float64[n] or [n, classes], or its features, float64[n, d]."""

    @property
    def width(self) -> int:
        """How many sums a window takes."""

    @property
    def learnt_from(self) -> int:
        """How many outcomes it has learnt from."""

    def add(self, expected: Expected, known: Floats, predicted: Floats) -> None:
        """Takes predictions of a window."""

    def read(self, expected: Expected) -> Readings:
        """What is expected of it."""

    def state(self) -> Any:
        """Everything, as plain values and arrays."""

    def restore(self, state: Any) -> None:
        """Goes on from a `state()`."""


class ByScores:
    """Of a classifier: confidence-based, from its scores."""

    def __init__(self, classes: int) -> None:
        self.classes, self.cbpe = classes, Cbpe(classes)
        self.width = self.cbpe.width

    @property
    def learnt_from(self) -> int:
        """How many outcomes it has learnt from."""
        return self.cbpe.learnt_rows

    def add(self, expected: Expected, known: Floats, predicted: Floats) -> None:
        """Takes predictions of a window, by their scores."""
        chances = self.cbpe.chances(known)
        self.cbpe.add(expected.sums, np.zeros(len(predicted), np.int64), predicted.astype(np.int64), chances)
        if self.classes == 2:
            there = ~np.isnan(chances)
            expected.ranking = expected.ranking or Ranking()
            expected.ranking.add(known[there], chances[there], 1 - chances[there])

    def read(self, expected: Expected) -> Readings:
        """What is expected of it."""
        found = self.cbpe.read(expected.sums[0])
        if expected.ranking is not None:
            found["roc_auc"] = expected.ranking.expected_roc_auc(self.learnt_from)
            found["average_precision"] = expected.ranking.expected_average_precision(self.learnt_from)
        return found

    def state(self) -> Any:
        """Everything, as plain values and arrays."""
        return [self.classes, self.cbpe.state()]

    def restore(self, state: Any) -> None:
        """Goes on from a `state()`."""
        self.cbpe.restore(state[1])


class ByFeatures:
    """Of a regression: a model that learns from its features how large errors are."""

    width = Dle.width

    def __init__(self, features: int) -> None:
        self._features, self._dle = features, Dle()

    @property
    def learnt_from(self) -> int:
        """How many outcomes it has learnt from."""
        return self._dle.learnt_rows

    def learn(self, known: Floats, predicted: Floats, actual: Floats) -> None:
        """Takes outcomes, float64[n] each, with the features of their predictions, float64[n, d]."""
        self._dle.learn(known[:, : self._features], predicted, actual)

    def add(self, expected: Expected, known: Floats, predicted: Floats) -> None:
        """Takes predictions of a window, by their features."""
        errors = self._dle.estimate(known[:, : self._features], predicted)
        self._dle.add(expected.sums, np.zeros(len(predicted), np.int64), errors)

    def read(self, expected: Expected) -> Readings:
        """What is expected of it."""
        return self._dle.read(expected.sums[0])

    def state(self) -> Any:
        """Everything, as plain values and arrays."""
        return [self._features, self._dle.state()]

    def restore(self, state: Any) -> None:
        """Goes on from a `state()`."""
        self._dle.restore(state[1])
