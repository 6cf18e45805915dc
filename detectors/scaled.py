"""Rows in the units of a reference: what detectors of whole rows compare."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import Array

_FURTHEST = 10.0
"""Units from the median beyond which a value is no further away."""


class Scaled:
    """Medians and scales of a reference, float64[m, d]; missing or infinite values are at the median."""

    def __init__(self, reference: Array) -> None:
        columns = [column[np.isfinite(column)] for column in np.clip(reference, -1e150, 1e150).T]
        quartiles = [np.quantile(column, (0.25, 0.5, 0.75)) if len(column) else np.zeros(3) for column in columns]
        self._middle = np.array([middle for _, middle, _ in quartiles])
        widths = [(high - low) / 1.349 or _spread(column) for (low, _, high), column in zip(quartiles, columns)]
        self._scale = np.array([width if width > 0 else 1.0 for width in widths])

    def __call__(self, rows: Array) -> Array:
        """Rows in units from the median, clipped, 0 for missing values."""
        inside = np.where(np.isfinite(rows), np.clip(rows, -1e150, 1e150), self._middle)
        scaled: Array = np.clip((inside - self._middle) / self._scale, -_FURTHEST, _FURTHEST)
        return scaled


def there(rows: Array) -> npt.NDArray[np.bool_]:
    """Which rows have any value."""
    return np.asarray(np.isfinite(rows).any(axis=1), np.bool_)


def _spread(column: Array) -> float:
    return float(np.std(column)) if len(column) else 0.0
