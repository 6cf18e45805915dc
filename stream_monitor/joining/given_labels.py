"""Labels as columns, and what each counts for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.blocks import Rows
from stream_monitor.joining.packed import Values

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class GivenLabels(NamedTuple):
    """Labels in canonical form, one array each."""

    value: Floats
    code: npt.NDArray[np.int32]
    known: Ints
    """When each was known."""
    weight: Floats

    def take(self, which: Ints) -> GivenLabels:
        """Some of them."""
        return GivenLabels._make(column[which] for column in self)

    @classmethod
    def of(cls, labels: Sequence[tuple[float, int, int, float]]) -> GivenLabels:
        """Some labels as tuples, at least one."""
        value, code, known, weight = zip(*labels, strict=True)
        return cls(np.array(value, np.float64), np.array(code, np.int32), np.array(known, np.int64), np.array(weight))

    def repeats(self, one: Values) -> bool:
        """Whether a single label says what one before it said."""
        return bool(one.code[0] == self.code[0] and (one.value[0] == self.value[0] or one.code[0] >= 0))


def weights(rows: Rows) -> Floats:
    """What labels count for: their weight over the probability with which their prediction was chosen to be labelled."""
    weight = np.ones(len(rows))
    for name, power in (("weight", 1), ("inclusion_probability", -1)):
        if name in rows.number_names:
            given = rows.number(name)
            weight = weight * np.where(np.isnan(given), 1.0, given) ** power
    return weight
