"""How sure a prediction is: the one score of it that is watched."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows

Floats = npt.NDArray[np.float64]


def confidence(rows: Rows) -> Floats:
    """The score of each row, or the highest of those of its classes where it has none, float64[n]; NaN if it has neither."""
    score = rows.number("score")
    of_classes = [i for i, name in enumerate(rows.number_names) if name.startswith("scores:")]
    return highest(score, rows.numbers[of_classes].T) if of_classes else score


def highest(score: Floats, of_classes: npt.NDArray[np.floating[Any]]) -> Floats:
    """The same of scores, float64[n], and those of classes, [n, c]."""
    return np.where(np.isnan(score), np.fmax.reduce(of_classes, axis=1, initial=np.nan), score)
