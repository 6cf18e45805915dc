"""A group of signals through its life: first rows become the reference, all after them are watched."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from stream_monitor.watching.recent import Marks
from stream_monitor.watching.signals import Finding, Signals, Sort
from stream_monitor.watching.warmup import Warmup

Floats = npt.NDArray[np.float64]

_FEW = 10
"""Distinct values up to which a numeric feature is of low cardinality: a case for counts, not for KS."""


class Group:
    """Signals of one sort that share rows."""

    def __init__(self, sort: Sort, rows: int, settings: dict[str, dict[str, Any]], resolve_after: int, limit: int = 1) -> None:
        self.sort = sort
        self.warmup = Warmup(rows)
        self.signals: Signals | None = None
        self.not_watched: dict[str, str] = {}
        """Names that are kept but not watched, and why."""
        self.span = 0
        """Event time from the first to the last row of the reference, microseconds."""
        self.fresh = False
        """Whether the reference is newer than the last snapshot of it."""
        self._settings, self._resolve_after, self._limit = settings, resolve_after, limit
        self._columns: dict[tuple[str, ...], npt.NDArray[np.int64]] = {}

    def update(self, names: tuple[str, ...], values: Floats, marks: Marks) -> list[Finding]:
        """Takes the next rows, float64[n, k] of the named signals; NaN and infinities are missing values."""
        values = np.where(np.isfinite(values), values, np.nan)
        if self.signals is None:
            taken = self.warmup.take(names, values, marks.time)
            if not self.warmup.complete:
                return []
            self.finish()
            values, marks = values[taken:], marks.part(taken, len(marks.row))
        if not len(values) or self.signals is None or not self.signals.names:
            return []
        return self.signals.update(self._aligned(names, values), marks)

    def finish(self) -> None:
        """Makes a reference of the rows there are."""
        names, reference = self.warmup.finished(self._limit)
        self.span = self.warmup.last - self.warmup.first
        self.adopt(*self._worth_watching(names, reference))

    def adopt(self, names: tuple[str, ...], reference: Floats) -> None:
        """Takes a reference that was made elsewhere, float64[m, d]."""
        settings = self._settings if names else {}
        self.signals = Signals(self.sort, names, np.ascontiguousarray(reference), settings, self._resolve_after)
        self.warmup = Warmup(self.warmup.wanted)
        self._columns.clear()
        self.fresh = True

    def begin_again(self, rows: int) -> None:
        """Learns a new reference from the next rows."""
        self.warmup, self.signals, self.not_watched, self.fresh = Warmup(rows), None, {}, True

    def configure(self, settings: dict[str, dict[str, Any]], resolve_after: int) -> None:
        """Takes new settings; the reference stays, detectors begin again."""
        self._settings, self._resolve_after = settings, resolve_after
        if self.signals is not None and self.signals.names:
            self.signals.configure(settings, resolve_after)

    def summary(self) -> list[dict[str, Any]]:
        """What every detector says now; nothing during warm-up."""
        return self.signals.summary() if self.signals else []

    @property
    def changed(self) -> bool:
        """Whether `arrays()` may say something else than when they were last `saved`."""
        return self.fresh or self.signals is None

    def arrays(self) -> dict[str, bytes]:
        """The reference by signal, or what there is of it, as bytes of float64."""
        if self.signals is None:
            return self.warmup.arrays()
        return {name: self.signals.reference[:, i].tobytes() for i, name in enumerate(self.signals.names)}

    def state(self) -> dict[str, Any]:
        """Everything but the arrays, as plain values and arrays."""
        return {
            "warmup": self.warmup.state(), "span": self.span, "not_watched": self.not_watched,
            "names": list(self.signals.names) if self.signals else sorted(self.warmup.arrays()),
            "signals": self.signals.state() if self.signals else None,
        }  # fmt: skip

    def restore(self, state: dict[str, Any], arrays: dict[str, bytes]) -> None:
        """Goes on from a `state()` and its `arrays()`."""
        self.span, self.not_watched = state["span"], dict(state["not_watched"])
        arrays = {name: arrays[name] for name in state["names"]}
        if state["signals"] is None:
            self.warmup.restore(state["warmup"], arrays)
            return
        columns = [np.frombuffer(array, np.float64) for array in arrays.values()]
        self.adopt(tuple(arrays), np.stack(columns, axis=1) if columns else np.empty((0, 0)))
        self.warmup.wanted, self.fresh = state["warmup"]["wanted"], False
        assert self.signals is not None
        self.signals.restore(state["signals"])

    def _worth_watching(self, names: tuple[str, ...], reference: Floats) -> tuple[tuple[str, ...], Floats]:
        if self.sort != "feature":
            return names, reference
        self.not_watched = {}
        for i, name in enumerate(names):
            column = reference[:, i]
            values = column[~np.isnan(column)]
            distinct = len(np.unique(values))
            if 2 * len(values) < len(column):
                self.not_watched[name] = "mostly missing in the reference"
            elif 1 < distinct <= _FEW:
                self.not_watched[name] = f"low cardinality: {distinct} values"
        kept = [i for i, name in enumerate(names) if name not in self.not_watched]
        return tuple(names[i] for i in kept), reference[:, kept]

    def _aligned(self, names: tuple[str, ...], values: Floats) -> Floats:
        """The columns of the watched signals; NaN for one that these rows do not have."""
        assert self.signals is not None
        if names == self.signals.names:
            return values
        columns = self._columns.get(names)
        if columns is None:
            at = {name: i for i, name in enumerate(names)}
            columns = self._columns[names] = np.array([at.get(name, -1) for name in self.signals.names], np.int64)
            if len(self._columns) > 64:
                self._columns = {names: columns}
        if (columns >= 0).all():
            return values[:, columns]
        padded = np.concatenate((values, np.full((len(values), 1), np.nan)), axis=1)
        return padded[:, columns]
