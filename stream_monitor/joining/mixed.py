"""Numbers and texts in one column: the numbers of texts far away from all others."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FAR = 2.0**60
"""Less than minus this are the numbers of texts."""
APART = 1024.0
"""Between the numbers of two texts, so that they differ in float64."""
_TEXTS = 2.0**31


def far(codes: npt.NDArray[Any]) -> Floats:
    """The numbers of texts that have such codes; NaN stays."""
    numbers: Floats = -FAR - codes * APART
    return numbers


def codes(column: Floats) -> Floats:
    """The codes of texts in a column; NaN where there is none."""
    found: Floats = np.where((column <= -FAR) & (column >= -FAR - _TEXTS * APART), (-FAR - column) / APART, np.nan)
    return found
