"""Takes clusters of volatility out of whitened values: divides them by the scale that their past predicts."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from detectors import Array

from .scores import UNIT, spreads
from .whitening import SCALE, Whitening

_EVIDENCE = 2.0
"""By how much AIC must prefer to predict spreads before they are taken to cluster."""
_LARGEST = int(2 * UNIT)
Ints = npt.NDArray[np.int64]


class Volatility:
    """Of s columns whose spreads, float64[s, m], a `Whitening` predicts; learnt once, from what a reference leaves.

    Values of columns that cluster are divided by their predicted scale; their spreads are those of what comes of it, because
    scale multiplies: what is left of a spread after its prediction is taken away still clusters.
    """

    def __init__(self, whitened: Array, spread: Array, residuals: Array, by: Whitening) -> None:
        self.clustered: Ints = np.flatnonzero(by.gain > 2 * by.model.order + _EVIDENCE)
        """The columns that do."""
        if not len(self.clustered):
            return
        calm = self._calm(whitened, spread, residuals, by)
        squares = np.cumsum((calm / SCALE) ** 2, axis=1)[:, -1:]
        self._scale = np.round(1 / np.sqrt(squares / calm.shape[1]), 6)
        far = spreads(np.rint(calm * self._scale) * (UNIT / SCALE))
        self._centres = np.rint(np.cumsum(far, axis=1)[:, -1:] / calm.shape[1])

    def take(self, whitened: Array, spread: Array, residuals: Array, by: Whitening) -> None:
        """Replaces what clusters in `whitened` values and in `residuals` of their spreads, float64[s, n]."""
        if not len(self.clustered):
            return
        calm = np.rint(self._calm(whitened, spread, residuals, by) * self._scale)
        far = spreads(calm * (UNIT / SCALE)) - self._centres
        whitened[self.clustered], residuals[self.clustered] = calm, far * (SCALE / UNIT)

    def _calm(self, whitened: Array, spread: Array, residuals: Array, by: Whitening) -> Array:
        mine = self.clustered
        predicted = spread[mine] - residuals[mine] * (by.model.noise[mine, np.newaxis] * (UNIT / SCALE))
        at = np.clip(np.rint(predicted), -_LARGEST, _LARGEST).astype(np.int64) + _LARGEST
        calm: Array = whitened[mine] * _CALMING.take(at)
        return calm


def _sensitivity() -> float:
    """By how much a spread grows with the logarithm of the scale of normal values, on average."""
    z = (np.arange(50_000) + 0.5) / 10_000
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    far = ndtri(2 * ndtr(z) - 1)
    growth = 2 * density * z / (np.exp(-far * far / 2) / np.sqrt(2 * np.pi))
    return float((growth * 2 * density).sum() / 10_000)


_CALMING = np.exp(-np.arange(-_LARGEST, _LARGEST + 1) / UNIT / _sensitivity())
