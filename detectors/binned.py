"""Numbers by the quantiles of a reference: how many fall between which."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import Array, Direction
from .heading import heading

Ints = npt.NDArray[np.int64]


class Bins:
    """Bins of the reference's quantiles, each from above the last edge up to its own; ties make fewer.

    What is not finite is missing.
    """

    def __init__(self, reference: Array, most: int) -> None:
        """Takes the reference, float64[m, d]."""
        self.most = most
        self._edges = [_edges(column[np.isfinite(column)], most) for column in reference.T]
        self.number = np.array([len(edges) + 1 for edges in self._edges], np.int64)
        """How many bins each signal has, int64[d]."""
        rows, signals = reference.shape
        self.reference = self.counts(reference, rows)[0] if rows else np.zeros((signals, most), np.int64)
        """How many values of the reference each bin has, int64[d, most]."""

    def counts(self, values: Array, each: int) -> Ints:
        """How many values each bin has of every `each` rows of float64[n, d], int64[n / each, d, most]."""
        n, signals = values.shape
        cells = self.most + 1
        codes = np.full((signals, n), self.most)
        for signal, edges in enumerate(self._edges):
            present = np.isfinite(values[:, signal])
            codes[signal, present] = np.searchsorted(edges, values[present, signal])
        part = np.arange(n) // each
        places = codes + cells * (part * signals + np.arange(signals)[:, np.newaxis])
        found = np.bincount(places.ravel(), minlength=n // each * signals * cells)
        return found.reshape(n // each, signals, cells)[:, :, :-1]


def direction(window: Ints, reference: Ints) -> Direction:
    """Where values went, by how far the distribution functions over the bins are apart in either direction."""
    gap = np.cumsum(window) / max(int(window.sum()), 1) - np.cumsum(reference) / max(int(reference.sum()), 1)
    return heading(up=float(-gap.min()), down=float(gap.max()))


def _edges(column: Array, most: int) -> Array:
    """Upper edges of all bins but the last, each a value of the reference, so that ties do not depend on rounding."""
    if not len(column):
        return np.empty(0)
    ordered = np.sort(column)
    at = np.arange(1, most) * len(ordered) // most
    edges = np.unique(ordered[np.maximum(at - 1, 0)])
    below: Array = edges[edges < ordered[-1]]
    return below
