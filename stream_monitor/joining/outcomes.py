"""Predictions that met their labels, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


class Outcomes(NamedTuple):
    """Predictions that met their labels, in the order in which they did; one array each, [n]."""

    row: Ints
    """The row of the section at which it happened; as many as there were rows if it was silence."""
    version: Codes
    position: Ints
    """Of the prediction."""
    time: Ints
    """Of the prediction."""
    known: Ints
    """When the label was known; the prediction's time plus the wait if its absence is the label."""
    at: Ints
    """The stream's clock when the label joined first."""
    value: Floats
    code: Codes
    label_value: Floats
    label_code: Codes
    sign: npt.NDArray[np.int8]
    """1: new. Of a correction or a withdrawal, -1: what is taken back, and 2: what replaces it."""

    def take(self, which: Any) -> Outcomes:
        """Some of them: an index, a mask or a slice."""
        return Outcomes._make(column[which] for column in self)

    @classmethod
    def joined(cls, parts: Sequence[Outcomes]) -> Outcomes:
        """All of some, one after the other."""
        return cls._make(map(np.concatenate, zip(*parts, strict=True)))


NO_OUTCOMES = Outcomes._make(np.empty(0, kind) for kind in ("i8", "i4", "i8", "i8", "i8", "i8", "f8", "i4", "f8", "i4", "i1"))
