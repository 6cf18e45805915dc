"""CBPE: performance of a classifier estimated from its scores alone, before labels arrive.

Confidence-based performance estimation of NannyML: Białek, Kuberski, Perrakis and Bifet (2024), Estimating Model Performance
Under Covariate Shift Without Labels.  It sees what a change of the inputs does, and never what a change of the relation does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.estimation.calibration import Calibration
from stream_monitor.estimation.expected_confusion import ExpectedBinary, ExpectedClasses
from stream_monitor.estimation.temperature import Temperature
from stream_monitor.metrics.reading import Readings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_CLASSES = 50
"""The sums of a window are then 41 kB; 1.9 kB with ten classes, 56 bytes with two."""


class Cbpe:
    """Estimates for a number of classes; with two, scores are those of class 1, float64[n], else of each, float64[n, classes].

    Expected confusions are sums over rows, so they can be kept by window and by segment, and be taken back.  With more than
    two classes each is calibrated against the others, as in NannyML.  That alone leaves accuracy off by up to .027 where
    scores were far off (2.5 times too sure, or half as sure, ten classes), however many outcomes were learnt from; so the
    chance that the predicted class is right is calibrated by its score (top-label calibration: Gupta and Ramdas 2022), which
    leaves .004, .008 where inputs shift by .7 standard deviations; macro F1 may be off by .016.  What one score says depends on
    the others, so that these chances are off by up to .05 where inputs move to where classes are hard to tell.  So before that
    all scores are given one temperature; what is too sure in all classes alike is then right wherever inputs move.  A class
    that was never true though scores let expect it has no chance (by its scores macro F1 of 4 classes was .094 too high).
    """

    def __init__(self, classes: int) -> None:
        if not 2 <= classes <= MOST_CLASSES:
            raise ValueError(f"classes must be between 2 and {MOST_CLASSES}, got {classes}")
        self._binary = classes == 2
        self._expected = ExpectedBinary() if self._binary else ExpectedClasses(classes)
        self.width = self._expected.width
        """How many sums a window has."""
        self.calibrations = [Calibration() for _ in range(1 if self._binary else classes)]
        """Of the positive class, or of each against the others."""
        self.temperature = Temperature()
        """Of all scores of more than two classes; calibrations are of what it makes of them."""
        self.right = Calibration()
        """Of the predicted one of more than two classes."""

    @property
    def learnt_rows(self) -> int:
        """How many outcomes chances were learnt from; bands are wide while they are few."""
        return self.calibrations[0].rows

    @property
    def learnt(self) -> tuple[float, float]:
        """How many of these were of the first calibration's class, and how many were not."""
        positives = self.calibrations[0].positives
        return positives, self.learnt_rows - positives

    @property
    def calibrated(self) -> bool:
        """Whether any scores are not used as they are."""
        return self.temperature.helps or any(one.helps for one in (*self.calibrations, self.right))

    def learn(self, scores: Floats, actual: Ints, weights: Floats | None = None, predicted: Ints | None = None) -> None:
        """Learns anew from outcomes: scores, and classes that came true, int64[n]; rows of another class are left out.

        Of more than two classes that with the highest score is taken as `predicted`, int64[n], where it is not given.
        """
        known = (actual >= 0) & (actual < max(len(self.calibrations), 2))
        weights = np.ones(len(actual)) if weights is None else weights
        if self._binary:
            self.calibrations[0].fit(scores[known], (actual[known] == 1).astype(np.float64), weights[known])
            return
        self.temperature.fit(scores[known], actual[known], weights[known])
        tempered = self.temperature.apply(scores)
        for number, calibration in enumerate(self.calibrations):
            is_true = (actual[known] == number).astype(np.float64)
            calibration.fit(tempered[known, number], is_true, weights[known], scores[known, number])
        predicted = _highest(scores) if predicted is None else predicted
        known &= (predicted >= 0) & (predicted < len(self.calibrations))
        known &= ~self._absent()[np.where(known, predicted, 0)]
        right = (actual == predicted).astype(np.float64)
        self.right.fit(_of(tempered, predicted)[known], right[known], weights[known])

    def chances(self, scores: Floats, predicted: Ints | None = None) -> Floats:
        """The chance of class 1, or of each class, in the shape of the scores; what `add` and a `Ranking` take."""
        if self._binary:
            return self.calibrations[0].apply(scores)
        predicted = _highest(scores) if predicted is None else predicted
        scores = self.temperature.apply(scores)
        each = np.stack([calibration.apply(column) for calibration, column in zip(self.calibrations, scores.T)], axis=1)
        each[:, self._absent()] *= 0.0
        total = np.cumsum(each, axis=1)[:, -1:]
        shares: Floats = np.where(total > 0, each / np.where(total > 0, total, 1.0), 1.0 / each.shape[1])
        shares = np.where(np.isnan(total), np.nan, shares)
        return self._righted(shares, scores, predicted)

    def _righted(self, shares: Floats, scores: Floats, predicted: Ints) -> Floats:
        """With the calibrated chance of the predicted class; the others share the rest as before, or as often as they came."""
        if not self.right.helps:
            return shares
        classes = shares.shape[1]
        right = self.right.apply(_of(scores, predicted))[:, np.newaxis]
        right = np.where(self._absent()[np.clip(predicted, 0, classes - 1)][:, np.newaxis], 0.0, right)
        is_predicted = predicted[:, np.newaxis] == np.arange(classes)
        rest = 1 - _of(shares, predicted)[:, np.newaxis]
        came = np.where(is_predicted, 0.0, [calibration.positives for calibration in self.calibrations])
        came = came / np.maximum(np.cumsum(came, axis=1)[:, -1:], 1e-300)
        others = np.where(rest > 0, shares / np.where(rest > 0, rest, 1.0), came)
        return np.where(is_predicted, right, (1 - right) * others)

    def _absent(self) -> npt.NDArray[np.bool_]:
        return np.array([calibration.absent for calibration in self.calibrations])

    def add(self, sums: Floats, cell: Ints, predicted: Ints, chances: Floats, weights: Floats | None = None) -> None:
        """Adds rows to the sums of their cells: float64[cells, width], in place, by cell, predicted class and chances of each.

        Rows of another class or without a chance are left out; negative weights take back.
        """
        good = (predicted >= 0) & (predicted < max(len(self.calibrations), 2))
        good &= ~np.isnan(chances if self._binary else chances[:, 0])
        if not good.all():
            cell, predicted, chances = cell[good], predicted[good], chances[good]
            weights = None if weights is None else weights[good]
        terms = self._expected.terms(predicted, chances)
        terms[:, 1] = 1.0
        if weights is not None:
            terms *= weights[:, np.newaxis]
            terms[:, 1] *= np.abs(weights)
        places = cell[:, np.newaxis] * self.width + np.arange(self.width)
        np.add.at(sums.reshape(-1), places.reshape(-1), terms.reshape(-1))

    def read(self, sums: Floats) -> Readings:
        """Estimates from the sums of one cell, float64[width].

        With two classes accuracy, precision, recall, specificity and f1, with more accuracy and macro_f1.  Between low and
        high is what labels will show of these rows, with 95% confidence, if only the inputs have changed.
        """
        return self._expected.read(sums, self.learnt)

    def taught(self, sums: Floats) -> float:
        """From how many outcomes like those of a cell, float64[width], chances were learnt."""
        return self._expected.taught(sums, self.learnt)

    def state(self) -> list[Any]:
        """Everything that was learnt, as plain values."""
        return [*(one.state() for one in (*self.calibrations, self.right)), self.temperature.state()]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        *known, temperature = state
        for calibration, its in zip((*self.calibrations, self.right), known, strict=True):
            calibration.restore(its)
        self.temperature.restore(temperature)


def _highest(scores: Floats) -> Ints:
    return np.asarray(scores.argmax(axis=1))


def _of(columns: Floats, classes: Ints) -> Floats:
    """What each row has in the column of its class; any where it is another one."""
    found: Floats = np.take_along_axis(columns, np.clip(classes, 0, columns.shape[1] - 1)[:, np.newaxis], axis=1)[:, 0]
    return found
