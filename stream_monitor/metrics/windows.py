"""Metrics of a stream over tumbling windows of event time, for each model version."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream_monitor.config.stream import Metrics
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.metrics.sketch import Sketch

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_FEW = 16
"""Rows up to which plain numbers are quicker than arrays."""


class Window:
    """What happened in one window to one version."""

    def __init__(self) -> None:
        self.predictions = 0
        self.latency = Sketch()
        self.delay = Sketch()
        self.outcomes = 0
        self.loss = 0.0
        self.squares = 0.0
        self.corrected = 0
        self.withdrawn = 0

    def add(self, losses: Floats, signs: npt.NDArray[np.int8], delays: Floats) -> None:
        """Takes outcomes, one after the other, so that no cut changes the sums."""
        if len(losses) <= _FEW and bool((signs == 1).all()):
            self.outcomes += len(losses)
            for loss in losses.tolist():
                self.loss += loss
                self.squares += loss * loss
            self.delay.add(delays)
            return
        weights = np.sign(signs).astype(np.float64)
        self.outcomes += int(weights.sum())
        self.loss = float(np.cumsum(np.concatenate(([self.loss], losses * weights)))[-1])
        self.squares = float(np.cumsum(np.concatenate(([self.squares], losses * losses * weights)))[-1])
        self.delay.add(delays[signs == 1])
        replaced = int((signs == 2).sum())
        self.corrected += replaced
        self.withdrawn += int((signs == -1).sum()) - replaced

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        plain = {name: value for name, value in vars(self).items() if not isinstance(value, Sketch)}
        return plain | {"latency": self.latency.state(), "delay": self.delay.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        for name, value in state.items():
            if name in ("latency", "delay"):
                getattr(self, name).restore(value)
            else:
                setattr(self, name, value)


class Key(NamedTuple):
    """A window by its number since the epoch, and a version; -1 for versions beyond the limit."""

    number: int
    version: int


class Windows:
    """The open windows.  One closes when the clock is a grace past its end; rows that come later count as late."""

    def __init__(self, metrics: Metrics) -> None:
        self.length, self.grace = metrics.window, metrics.grace
        self.open: dict[Key, Window] = {}
        self.counts: dict[str, int] = {}
        """Of the whole stream, since the last window closed."""

    def count(self, counts: dict[str, int]) -> None:
        """Adds to the stream's counts."""
        for name, n in counts.items():
            if n:
                self.counts[name] = self.counts.get(name, 0) + n

    def next_close(self) -> int:
        """The clock at which the next window closes; far away if none is open."""
        if not self.open:
            return 2**62
        return (min(key.number for key in self.open) + 1) * self.length + self.grace

    def boundary_after(self, clock: int) -> int:
        """The next clock at which some window closes, open or not."""
        return ((clock - self.grace) // self.length + 1) * self.length + self.grace

    def predictions(self, versions: npt.NDArray[np.int32], times: Ints, clock: Ints, latency: Floats | None) -> None:
        """Counts predictions by their time; a late one, or one ahead of the clock, by the clock."""
        if len(times) <= _FEW:
            self._few_predictions(versions.tolist(), times.tolist(), clock.tolist(), latency)
            return
        index = times // self.length
        late = (index + 1) * self.length + self.grace <= clock
        self.count({"late": int(late.sum())})
        index = np.where(late | (times > clock), clock // self.length, index)
        for key, rows in _groups(index, versions):
            window = self.open.setdefault(key, Window())
            window.predictions += len(rows)
            if latency is not None:
                window.latency.add(latency[rows])

    def _few_predictions(self, versions: list[int], times: list[int], clock: list[int], latency: Floats | None) -> None:
        """The same one by one, which is faster where there are few."""
        late = 0
        for row, (version, time, now) in enumerate(zip(versions, times, clock, strict=True)):
            number = time // self.length
            overdue = (number + 1) * self.length + self.grace <= now
            late += overdue
            key = Key(now // self.length if overdue or time > now else number, version)
            window = self.open.get(key) or self.open.setdefault(key, Window())
            window.predictions += 1
            if latency is not None:
                window.latency.add(latency[row : row + 1])
        self.count({"late": late})

    def outcomes(self, outcomes: Outcomes, losses: Floats, clock: int) -> None:
        """Counts outcomes by when their label joined; changes to what was counted in a closed window come too late."""
        index = outcomes.at // self.length
        closed = (index + 1) * self.length + self.grace <= clock
        self.count({"amended_too_late": int(np.count_nonzero(closed))})
        delays = (outcomes.known - outcomes.time) / 1e6
        for key, rows in _groups(np.where(closed, -1, index), outcomes.version):
            if key.number >= 0:
                window = self.open.setdefault(key, Window())
                window.add(losses[rows], outcomes.sign[rows], delays[rows])

    def close(self, clock: int, everything: bool = False) -> Iterator[tuple[Key, Window]]:
        """Gives the windows that are over, in order, and forgets them."""
        for key in sorted(self.open):
            if everything or (key.number + 1) * self.length + self.grace <= clock:
                yield key, self.open.pop(key)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "length": self.length, "grace": self.grace, "counts": self.counts,
            "open": [[*key, window.state()] for key, window in self.open.items()],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.length, self.grace, self.counts = state["length"], state["grace"], dict(state["counts"])
        for index, version, inner in state["open"]:
            self.open[Key(index, version)] = window = Window()
            window.restore(inner)


def _groups(index: Ints, versions: npt.NDArray[np.int32]) -> Iterator[tuple[Key, Ints]]:
    """The rows of each window and version, in row order."""
    if not len(index):
        return
    if len(index) == 1 or (index[0] == index[-1] and (index == index[0]).all() and (versions == versions[0]).all()):
        yield Key(int(index[0]), int(versions[0])), np.arange(len(index))
        return
    pairs, inverse = np.unique(np.stack((index, versions.astype(np.int64))), axis=1, return_inverse=True)
    for which, (number, version) in enumerate(pairs.T.tolist()):
        yield Key(number, version), np.flatnonzero(inverse == which)
