"""What signals are compared with: their values in the reference, and what these amount to."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from detectors.scan import Scan

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Sort = Literal["feature", "score", "loss"]

_BASELINE = 4
"""A reference checks itself by comparing the rest with its first quarter."""
_SETTLED = 100.0
"""References that may be checked for one that is said to have changed though it has not."""
_EXTREME = 8.0
"""Standard deviations at which deviations are cut off, so that one row is no change of spread."""


class Reference:
    """Values of d signals, float64[m, d], NaN a missing one, and the event times of the rows."""

    def __init__(self, sort: Sort, names: tuple[str, ...], values: Floats, times: Ints, effects: Floats) -> None:
        values = np.ascontiguousarray(values)  # sums depend on the layout
        self.sort, self.names, self.values, self.times = sort, names, values, times
        self.effects = effects
        """The smallest changes that matter, in standard deviations, [d]."""
        present = ~np.isnan(values)
        self.rate = sort == "loss" and bool(np.isin(values[present], (0.0, 1.0)).all())
        self.n = present.sum(axis=0)
        n = np.maximum(self.n, 1)
        with np.errstate(over="ignore", invalid="ignore"):
            self.mean = np.where(present, values, 0.0).sum(axis=0) / n
            variance = np.where(present, (values - self.mean) ** 2, 0.0).sum(axis=0) / n
        if self.rate:  # a reference without a single error does not make the first one infinitely surprising
            rate = (self.mean * n + 0.5) / (n + 1)
            variance = rate * (1 - rate)
        self.sd = np.where((variance > 0) & np.isfinite(variance), np.sqrt(np.maximum(variance, 0.0)), 1.0)

    def squares(self, values: Floats) -> Floats:
        """Squared deviations from the mean, in variances."""
        with np.errstate(over="ignore", invalid="ignore"):
            deviation = (values - self.mean) / self.sd
        squares: Floats = np.clip(deviation, -_EXTREME, _EXTREME) ** 2
        return squares


def unsettled(reference: Reference) -> list[tuple[str, int]]:
    """The signals that have changed within their own reference, each with the event time since when."""
    first, names = len(reference.times) // _BASELINE, reference.names
    if not names:
        return []
    scan = Scan(len(names), run_length=_SETTLED * len(names) * len(reference.times), min_effect=tuple(reference.effects))
    scan.fit(reference.values[:first], reference.times[:first])
    found: dict[int, int] = {}
    for change in scan.update(reference.values[first:], reference.times[first:]):
        found.setdefault(change.signal, int(reference.times[first + change.start]))
    return [(names[signal], since) for signal, since in sorted(found.items())]
