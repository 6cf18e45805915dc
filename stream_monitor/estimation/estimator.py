"""What outcomes of a version say about its scores, or about how large its errors are, and what that lets expect of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from stream_monitor.estimation.cbpe import Cbpe
from stream_monitor.estimation.dle import Dle
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.joining.packed import Values
from stream_monitor.metrics.class_numbers import ClassNumbers
from stream_monitor.metrics.ranking import Ranking
from stream_monitor.metrics.reading import Readings
from stream_monitor.metrics.vocabulary import Word

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


class Asked(NamedTuple):
    """Predictions of which something is expected, one array each, [n]."""

    score: Floats
    scores: npt.NDArray[np.float32]
    """[n, c], by the classes that have scores."""
    predicted: Values
    features: npt.NDArray[np.float32]
    """[n, d], where they are kept."""

    def take(self, which: Any) -> Asked:
        """Some of them."""
        predicted = Values(*(column[which] for column in self.predicted))
        return Asked(self.score[which], self.scores[which], predicted, self.features[which])

    @classmethod
    def of(cls, outcomes: Outcomes) -> Asked:
        """Those of some outcomes."""
        return cls(outcomes.score, outcomes.scores, Values(outcomes.value, outcomes.code), outcomes.features)


class Estimator(Protocol):
    """Of one version; it never changes, so that all of a window is expected by the same one."""

    @property
    def width(self) -> int:
        """How many sums a window takes."""

    @property
    def learnt_from(self) -> int:
        """How many outcomes it has learnt from."""

    def add(self, expected: Expected, asked: Asked, weights: Floats | None = None) -> None:
        """Takes predictions of a window."""

    def read(self, expected: Expected) -> Readings:
        """What is expected of it."""

    def taught(self, expected: Expected) -> float:
        """From how many outcomes like those of a window it has learnt."""

    def state(self) -> Any:
        """Everything, as plain values and arrays."""


class ByScores:
    """Of a classifier: confidence-based, from its scores; without words it is that of two classes.

    Of classes that were not known when it learnt, there are the predicted one and all others.
    """

    def __init__(self, numbers: ClassNumbers, words: Sequence[Word]) -> None:
        self._numbers, self._words = numbers, words
        self.cbpe = Cbpe(len(words) + 2)
        self.width = self.cbpe.width

    @property
    def learnt_from(self) -> int:
        """How many outcomes it has learnt from."""
        return self.cbpe.learnt_rows

    def learn(self, outcomes: Outcomes) -> None:
        """Learns from outcomes, once."""
        actual = self._numbers.classes(Values(outcomes.label_value, outcomes.label_code), self._words)
        asked = Asked.of(outcomes)
        self.cbpe.learn(self.scores(asked), actual.astype(np.int64), outcomes.weight, self._predicted(asked))

    def add(self, expected: Expected, asked: Asked, weights: Floats | None = None) -> None:
        """Takes predictions of a window, by their scores."""
        scores = self.scores(asked)
        predicted = self._predicted(asked)
        chances = self.cbpe.chances(scores, predicted)
        self.cbpe.add(expected.sums, np.zeros(len(predicted), np.int64), predicted, chances, weights)
        if not self._words:
            there = ~np.isnan(chances)
            sides = np.stack((chances, 1 - chances)) * (1.0 if weights is None else weights)
            expected.ranking = expected.ranking or Ranking()
            expected.ranking.add(scores[there], *sides[:, there])

    def read(self, expected: Expected) -> Readings:
        """What is expected of it."""
        found = self.cbpe.read(expected.sums[0])
        if expected.ranking is not None:
            found["roc_auc"] = expected.ranking.expected_roc_auc(self.cbpe.learnt)
            found["average_precision"] = expected.ranking.expected_average_precision(self.cbpe.learnt)
        return found

    def taught(self, expected: Expected) -> float:
        """From how many outcomes like those of a window it has learnt."""
        return self.cbpe.taught(expected.sums[0])

    def state(self) -> Any:
        """Everything, as plain values and arrays."""
        return [[list(word) for word in self._words], self.cbpe.state()]

    @classmethod
    def restored(cls, numbers: ClassNumbers, state: Any) -> ByScores:
        """From a `state()`."""
        words, cbpe = state
        estimator = cls(numbers, [(float(value), int(code)) for value, code in words])
        estimator.cbpe.restore(cbpe)
        return estimator

    def scores(self, asked: Asked) -> Floats:
        """Scores as it takes them; NaN where there are none."""
        return self._numbers.scores(asked.score, asked.scores, asked.predicted, self._words)

    def _predicted(self, asked: Asked) -> npt.NDArray[np.int64]:
        return self._numbers.classes(asked.predicted, self._words).astype(np.int64)


class ByFeatures:
    """Of a regression: what a model expects that has learnt from its features how large errors are."""

    width = Dle.width

    def __init__(self, features: int, dle: Dle) -> None:
        self._features, self._dle = features, dle

    @property
    def learnt_from(self) -> int:
        """How many outcomes it has learnt from."""
        return self._dle.learnt_rows

    def add(self, expected: Expected, asked: Asked, weights: Floats | None = None) -> None:
        """Takes predictions of a window, by their features."""
        known = asked.features[:, : self._features].astype(np.float64)
        self._dle.add(expected.sums, np.zeros(len(known), np.int64), self._dle.estimate(known, asked.predicted.value), weights)

    def read(self, expected: Expected) -> Readings:
        """What is expected of it."""
        return self._dle.read(expected.sums[0])

    def taught(self, expected: Expected) -> float:
        """From how many outcomes it has learnt, whatever those of a window are like."""
        return self.learnt_from

    def state(self) -> Any:
        """Everything, as plain values and arrays."""
        return [self._features, self._dle.state()]

    @classmethod
    def restored(cls, state: Any) -> ByFeatures:
        """From a `state()`."""
        dle = Dle()
        dle.restore(state[1])
        return cls(state[0], dle)
