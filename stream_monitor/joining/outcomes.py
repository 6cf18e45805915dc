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
    """The stream's clock when the label joined first; if its absence is the label, when that came to be one."""
    value: Floats
    code: Codes
    label_value: Floats
    label_code: Codes
    sign: npt.NDArray[np.int8]
    """1: new. Of a correction or a withdrawal, -1: what is taken back, and 2: what replaces it. 0: there is no label."""
    score: Floats
    weight: Floats
    """Of the prediction, times that of the label, over the probability with which it was chosen to be labelled."""
    label_weight: Floats
    """The part of it that is the label's."""
    segments: npt.NDArray[np.uint64]
    """[n, k]: the hash of each configured key's value; 0 where there is none."""
    scores: npt.NDArray[np.float32]
    """[n, c]: the scores of classes."""
    ids: npt.NDArray[np.uint64]
    """[n, 2]: the hashes of the predictions' ids."""
    features: npt.NDArray[np.float32]
    """[n, d]: features, where they are kept."""

    @property
    def delays(self) -> Floats:
        """Seconds from prediction to label, float64[n]; 0 where the label's time is the earlier one."""
        found: Floats = np.maximum(self.known - self.time, 0) / 1e6
        return found

    def take(self, which: Any) -> Outcomes:
        """Some of them: an index, a mask or a slice."""
        return Outcomes._make(column[which] for column in self)

    def part(self, which: npt.NDArray[Any]) -> Outcomes:
        """Some of them in their order: ascending indices, or a mask."""
        whole = which.all() if which.dtype == np.bool_ else len(which) == len(self.row)
        return self if whole else self.take(which)

    @classmethod
    def joined(cls, parts: Sequence[Outcomes]) -> Outcomes:
        """All of some, one after the other."""
        return cls._make(stacked(columns) for columns in zip(*parts, strict=True))


def stacked(columns: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Columns after each other; those of several numbers a row are as wide as the widest."""
    widths = {column.shape[1] for column in columns if column.ndim == 2}
    if len(widths) > 1:
        columns = [_widened(column, max(widths)) for column in columns]
    return np.concatenate(columns)


def _widened(column: npt.NDArray[Any], width: int) -> npt.NDArray[Any]:
    missing = np.nan if column.dtype.kind == "f" else 0
    wide = np.full((len(column), width), missing, column.dtype)
    wide[:, : column.shape[1]] = column
    return wide


_PLAIN = ("i8", "i4", "i8", "i8", "i8", "i8", "f8", "i4", "f8", "i4", "i1", "f8", "f8", "f8")
_WIDE = (((0, 0), "u8"), ((0, 0), "f4"), ((0, 2), "u8"), ((0, 0), "f4"))
NO_OUTCOMES = Outcomes._make((*(np.empty(0, kind) for kind in _PLAIN), *(np.empty(shape, kind) for shape, kind in _WIDE)))
