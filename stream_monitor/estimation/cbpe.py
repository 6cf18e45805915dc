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
from stream_monitor.metrics.reading import Readings

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MOST_CLASSES = 50
"""The sums of a window are then 41 kB; 1.9 kB with ten classes, 56 bytes with two."""


class Cbpe:
    """Estimates for a number of classes; with two, scores are those of class 1, float64[n], else of each, float64[n, classes].

    Expected confusions are sums over rows, so they can be kept by window and by segment, and be taken back.  With more than
    two classes each is calibrated against the others, as in NannyML: of scores that were far off, estimates then remain
    off by up to .01 (measured with four classes), which bands do not hold.
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

    @property
    def learnt_rows(self) -> int:
        """How many outcomes chances were learnt from; bands are wide while they are few."""
        return self.calibrations[0].rows

    @property
    def learnt(self) -> tuple[float, float]:
        """How many of these were of the first calibration's class, and how many were not."""
        positives = self.calibrations[0].positives
        return positives, self.learnt_rows - positives

    def learn(self, scores: Floats, actual: Ints, weights: Floats | None = None) -> None:
        """Learns anew from outcomes: scores, and classes that came true, int64[n]; rows of another class are left out."""
        known = (actual >= 0) & (actual < max(len(self.calibrations), 2))
        weights = np.ones(len(actual)) if weights is None else weights
        columns = [scores] if self._binary else list(scores.T)
        for number, (calibration, column) in enumerate(zip(self.calibrations, columns, strict=True), self._binary):
            calibration.fit(column[known], (actual[known] == number).astype(np.float64), weights[known])

    def chances(self, scores: Floats) -> Floats:
        """The chance of class 1, or of each class, in the shape of the scores; what `add` and a `Ranking` take."""
        if self._binary:
            return self.calibrations[0].apply(scores)
        each = np.stack([calibration.apply(column) for calibration, column in zip(self.calibrations, scores.T)], axis=1)
        total = np.cumsum(each, axis=1)[:, -1:]
        shares: Floats = np.where(total > 0, each / np.where(total > 0, total, 1.0), 1.0 / each.shape[1])
        return np.where(np.isnan(total), np.nan, shares)

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

    def state(self) -> list[Any]:
        """Everything that was learnt, as plain values."""
        return [calibration.state() for calibration in self.calibrations]

    def restore(self, state: list[Any]) -> None:
        """Goes on from a `state()`."""
        for calibration, its in zip(self.calibrations, state, strict=True):
            calibration.restore(its)
