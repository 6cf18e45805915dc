"""Independent replications of a stream, watched as the signals of one detector."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from benchmarks.streams import Stream
from detectors import Array
from detectors.scan import Scan

TOGETHER = 50
"""Signals of one detector: what a processor's cache holds."""
_ROWS = 4_000


def first_alarms(stream: Stream, seeds: list[list[int]], reference: int, horizon: int, settings: dict[str, Any]) -> Array:
    """Rows to the first alarm of each replication, float64[len(seeds)]; infinite where there is none within the horizon."""
    found = np.full(len(seeds), np.inf)
    for at in range(0, len(seeds), TOGETHER):
        mine = seeds[at : at + TOGETHER]
        found[at : at + len(mine)] = _together(stream, mine, reference, horizon, settings)
    return found


def _together(stream: Stream, seeds: list[list[int]], reference: int, horizon: int, settings: dict[str, Any]) -> Array:
    more = stream.begin([np.random.default_rng(seed) for seed in seeds])
    detector = Scan(len(seeds), **settings)
    detector.fit(more(reference), stream.times(0, reference))
    found = np.full(len(seeds), np.inf)
    for row in range(0, horizon, _ROWS):
        rows = min(_ROWS, horizon - row)
        for change in detector.update(more(rows), stream.times(reference + row, rows)):
            found[change.signal] = min(found[change.signal], change.row + 1)
        if np.isfinite(found).all():
            break
    return found


class RunLength(NamedTuple):
    """What was measured of a promised run length."""

    ratio: float
    """Measured, by exposure and alarms (times are exponential, and censored), to what was asked."""
    error: float
    """Its standard error."""
    early: float
    """The share of alarms in the first tenth of the run length; 1 - exp(-.1) = .095 if the hazard is constant."""
    alarms: int

    @property
    def text(self) -> str:
        """The three numbers."""
        return f"{self.ratio:.2f} ±{self.error:.2f} {self.early:.3f}".replace("0.", ".")


def run_length(alarms: Array, asked: float, horizon: float) -> RunLength:
    """What rows to first alarms, float64[runs], infinite beyond the horizon, say of the run length that was asked for."""
    count = max(int(np.isfinite(alarms).sum()), 1)
    ratio = float(np.minimum(alarms, horizon).sum()) / count / asked
    return RunLength(ratio, ratio / math.sqrt(count), float((alarms <= asked / 10).mean()), int(np.isfinite(alarms).sum()))
