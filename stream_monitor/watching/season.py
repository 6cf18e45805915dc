"""Values as they would be at the times of their reference, once it is known what the time of day and week does to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.scanning.scores import UNIT
from detectors.scanning.seasons import Seasons
from detectors.scanning.waves import runs
from stream_monitor.watching.reference import EXTREME, Reference

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_MANY, _EVERY = 4_096, 8
"""Rows from which on one in so many is learnt from."""
_TOGETHER = 64
"""Rows that are learnt from at once, at least: one addition costs as much as many."""
_OF_SHARES = 1 / EXTREME
"""In place of a standard deviation of shares, however rare: no deviation is cut off."""
_GROWTH = 1.25
"""Seasons are fitted again whenever there are so many times as many rows."""


class Season:
    """Of the d columns of a reference: its signals or, if counted, the shares of their categories.

    Without it a change on top of a rhythm would be as large as the hour has it, and over in every trough.
    """

    def __init__(self, reference: Reference) -> None:
        self._reference, self._values, self._times = reference, reference.values, reference.times
        self._mean, self._sd, kinds = reference.mean, reference.sd, np.ones(len(reference.names), np.int64)
        if reference.counted:
            self._values, self._mean = reference.measured(reference.values), np.concatenate(reference.shares)
            self._sd, kinds = np.full(len(self._mean), _OF_SHARES), np.array([len(one) for one in reference.shares])
        self._seasons = Seasons(len(self._mean), True, np.repeat(kinds, kinds))
        self._rows = self._fitted = 0
        self._usual = np.zeros((len(self._mean), 1))
        """What the times of the reference do to it on average, in `UNIT`s of a standard deviation."""
        self._changed = np.zeros(len(self._mean), np.bool_)
        """In which columns a change was open when the rows came that are kept."""
        self._kept: list[tuple[Floats, Ints]] = []
        self._kept_rows = 0
        if len(self._values):
            self._learn(self._values, self._times, self._changed)

    def without(self, values: Floats, times: Ints, changed: Mask) -> Floats:
        """The next rows, float64[n, d], which it learns from; `changed` are columns in which a change is open, [d]."""
        parts, at = [], 0
        while at < len(values):
            next_stop = self._due() if self._rows >= _MANY else min(self._due(), _MANY)
            stop = min(len(values), at + next_stop - self._rows)
            parts.append(self._plain(values[at:stop], times[at:stop]))
            self._learn(values[at:stop], times[at:stop], changed)
            at = stop
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def of_reference(self) -> Floats:
        """The reference's columns, float64[m, d], without what is known of their seasons by now."""
        return self._plain(self._values, self._times)

    def state(self) -> dict[str, Any]:
        """Everything but the reference, as plain values and arrays."""
        self._settle()
        return {"rows": self._rows, "fitted": self._fitted, "usual": self._usual.copy(), **self._seasons.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()` of the same reference."""
        self._rows, self._fitted, self._usual = state["rows"], state["fitted"], state["usual"].copy()
        self._seasons.restore(state)
        self._kept, self._kept_rows = [], 0
        self._tell()

    def _plain(self, values: Floats, times: Ints) -> Floats:
        """Values, float64[n, d], as they would be at the times of the reference."""
        if not self._seasons.any:
            return values
        plain: Floats = values - ((self._waves(times) - self._usual) / UNIT).T * self._sd
        return plain

    def _due(self) -> int:
        """The row at which seasons are fitted again."""
        return int(self._fitted * _GROWTH) + 1

    def _learn(self, values: Floats, times: Ints, changed: Mask) -> None:
        if changed is not self._changed and not np.array_equal(changed, self._changed):
            self._settle()
            self._changed = changed
        some = slice(None) if self._rows < _MANY else slice(-self._rows % _EVERY, None, _EVERY)
        self._kept.append((values[some].copy(), times[some]))
        self._kept_rows += len(self._kept[-1][1])
        self._rows += len(values)
        due = self._rows == self._due() or not self._fitted
        if due or self._kept_rows >= _TOGETHER:
            self._settle()
        if due:
            self._seasons.suspect(changed)
            self._seasons.refit(changed)
            self._fitted = self._rows
            usual = self._waves(self._times).mean(axis=1, keepdims=True)
            self._usual = np.where(self._seasons.regressors[:, np.newaxis] > 0, np.rint(usual), 0.0)
            self._tell()

    def _tell(self) -> None:
        """Tells a reference of shares how far they persist by themselves."""
        if self._reference.counted:
            self._reference.allow_for_seasons(self.of_reference())

    def _settle(self) -> None:
        """Adds the rows that were kept."""
        if not self._kept_rows:
            return
        values, times = (np.concatenate(parts) for parts in zip(*self._kept, strict=True))
        self._kept, self._kept_rows = [], 0
        waves = self._waves(times)
        with np.errstate(over="ignore", invalid="ignore"):
            deviations = np.clip((values - self._mean) / self._sd, -EXTREME, EXTREME).T
            scores = np.where(np.isnan(deviations), waves, np.rint(deviations * UNIT))
        held = np.broadcast_to(self._changed[:, np.newaxis], scores.shape) if self._changed.any() else None
        self._seasons.take(np.ascontiguousarray(scores), scores - waves, held, runs(times))

    def _waves(self, times: Ints) -> Floats:
        """What the season of times is, [d, n]; 0 where there is none."""
        if not self._seasons.any:
            return np.zeros((len(self._mean), len(times)))
        waves: Floats = -self._seasons.without(np.zeros((len(self._mean), len(times))), runs(times))
        return waves
