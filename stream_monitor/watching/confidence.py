"""How sure a prediction is: the one score of it that is watched."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows


def confidence(rows: Rows) -> npt.NDArray[np.float64]:
    """The score of each row, or the highest of those of its classes where it has none, float64[n]; NaN if it has neither."""
    score = rows.number("score")
    of_classes = [i for i, name in enumerate(rows.number_names) if name.startswith("scores:")]
    return np.where(np.isnan(score), np.fmax.reduce(rows.numbers[of_classes], axis=0), score) if of_classes else score
