"""What happened to each model version in tumbling windows of event time, the longer ones made of the shortest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from stream_monitor.config.stream import Metrics
from stream_monitor.joining.clock import FAR
from stream_monitor.joining.outcomes import Outcomes
from stream_monitor.metrics.intervals import share
from stream_monitor.metrics.reading import Readings
from stream_monitor.metrics.sketch import Sketch
from stream_monitor.metrics.tally import Tally
from stream_monitor.statuses import Outcome

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Number = TypeVar("Number", int, Ints)

_FEW = 16
"""Rows up to which plain numbers are quicker than arrays."""


class Window:
    """What happened in one window to one version; outcomes by when their label joined."""

    def __init__(self) -> None:
        self.predictions = 0
        self.corrected = 0
        self.withdrawn = 0
        self.latency = Sketch()
        self.delay = Sketch()
        self.tally = Tally()
        self.statuses = {"ok": 0, "error": 0, "timeout": 0}
        """How predictions went, of those that say so."""

    def amend(self, signs: npt.NDArray[np.int8], delays: Floats) -> None:
        """Takes the delays of labels, seconds, and how many of them changed earlier ones."""
        self.delay.add(delays[signs == 1])
        replaced = int((signs == 2).sum())
        self.corrected += replaced
        self.withdrawn += int((signs == -1).sum()) - replaced

    def latencies(self) -> dict[str, float | None]:
        """Quantiles of the latency, ms, as `p95`; None where none is known."""
        return {f"p{q}": self.latency.quantile(q / 100) for q in (50, 95, 99)}

    def rates(self) -> Readings:
        """The shares of predictions that failed and that came too late; empty where none says how it went."""
        ok, errors, late = (self.statuses[name] for name in ("ok", "error", "timeout"))
        if not ok + errors + late:
            return {}
        failed, rest = errors + late, ok + errors
        return {"error_rate": share(failed, ok, failed, ok), "timeout_rate": share(late, rest, late, rest)}

    def merge(self, other: Window) -> None:
        """Takes all that another one has."""
        self.predictions += other.predictions
        self.corrected += other.corrected
        self.withdrawn += other.withdrawn
        self.latency.merge(other.latency)
        self.statuses = {name: n + other.statuses[name] for name, n in self.statuses.items()}
        self.delay.merge(other.delay)
        self.tally.merge(other.tally)

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "predictions": self.predictions, "corrected": self.corrected, "withdrawn": self.withdrawn,
            "statuses": self.statuses, "latency": self.latency.state(), "delay": self.delay.state(),
            "tally": self.tally.state(),
        }  # fmt: skip

    @classmethod
    def restored(cls, state: dict[str, Any]) -> Window:
        """From a `state()`."""
        window = cls()
        window.predictions, window.corrected = state["predictions"], state["corrected"]
        window.withdrawn, window.statuses = state["withdrawn"], dict(state["statuses"])
        window.latency.restore(state["latency"])
        window.delay.restore(state["delay"])
        window.tally = Tally.restored(state["tally"])
        return window


class Key(NamedTuple):
    """A window by its number since the epoch, and a version; -1 for versions beyond the limit."""

    number: int
    version: int


class Closed(NamedTuple):
    """A window that is over."""

    length: int
    key: Key
    window: Window
    counts: dict[str, int]
    """Of the whole stream, in it."""

    @property
    def start(self) -> int:
        """Its first microsecond."""
        return self.key.number * self.length

    @property
    def end(self) -> int:
        """The first microsecond after it."""
        return self.start + self.length

    @property
    def coverage(self) -> float | None:
        """The share of predictions whose wait ended in it that got a label; None where no wait ended."""
        matured = self.counts.get("matured", 0)
        return self.counts.get("matured_labelled", 0) / matured if matured else None


class Windows:
    """The open windows.  One closes when the clock is a grace past its end; rows that come later count as late."""

    def __init__(self, metrics: Metrics) -> None:
        self.length, self.grace, self._longer = metrics.window, metrics.grace, metrics.longer
        self.open: dict[Key, Window] = {}
        self.counts: dict[str, int] = {}
        """Of the whole stream, since the last window closed."""
        self._made: dict[int, dict[Key, Window]] = {length: {} for length in self._longer}
        self._made_counts: dict[int, dict[str, int]] = {length: {} for length in self._longer}

    def count(self, counts: dict[str, int]) -> None:
        """Adds to the stream's counts."""
        _add(self.counts, counts)

    def next_close(self) -> int:
        """The clock at which the next window closes; far away if none is open."""
        due = self._end(min(key.number for key in self.open), self.length) if self.open else FAR
        for length, made in self._made.items():
            if made:
                due = min(due, self._end(min(key.number for key in made), length))
        return due

    def boundary_after(self, clock: int) -> int:
        """The next clock at which some window closes, open or not."""
        return ((clock - self.grace) // self.length + 1) * self.length + self.grace

    def predictions(
        self,
        versions: npt.NDArray[np.int32],
        times: Ints,
        clock: Ints,
        latency: Floats | None,
        statuses: Mapping[Outcome, Mask] | None = None,
    ) -> None:
        """Counts predictions by their time; a late one, or one ahead of the clock, by the clock."""
        if len(times) <= _FEW and statuses is None:
            self._few_predictions(versions.tolist(), times.tolist(), clock.tolist(), latency)
            return
        self.count({"late": int(np.count_nonzero(clock >= self._end(times // self.length, self.length)))})
        for key, rows in groups(self.numbers(times, clock), versions):
            window = self.window(key)
            window.predictions += len(rows)
            if latency is not None:
                window.latency.add(latency[rows])
            for name, which in (statuses or {}).items():
                window.statuses[name] += int(np.count_nonzero(which[rows]))

    def _few_predictions(self, versions: list[int], times: list[int], clock: list[int], latency: Floats | None) -> None:
        """The same one by one, which is faster where there are few."""
        late = 0
        for row, (version, time, now) in enumerate(zip(versions, times, clock, strict=True)):
            number = time // self.length
            overdue = now >= self._end(number, self.length)
            late += overdue
            window = self.window(Key(now // self.length if overdue or time > now else number, version))
            window.predictions += 1
            if latency is not None:
                window.latency.add(latency[row : row + 1])
        self.count({"late": late})

    def _end(self, number: Number, length: int) -> Number:
        """The clock at which a window closes, or each of many."""
        return (number + 1) * length + self.grace

    def numbers(self, times: Ints, clock: Ints) -> Ints:
        """The number of the window that each prediction counts in, int64[n]."""
        index = times // self.length
        found: Ints = np.where((clock >= self._end(index, self.length)) | (times > clock), clock // self.length, index)
        return found

    def places(self, outcomes: Outcomes, clock: int) -> Ints:
        """The number of the window that each outcome joined in, which is open then, int64[n]; -1 where that has closed.

        A new outcome joined in one that has closed if it was not clear until now what its loss is.
        """
        index = outcomes.at // self.length
        closed = clock >= self._end(index, self.length)
        self.count({"amended_too_late": int(np.count_nonzero(closed & (outcomes.sign != 1)))})
        found: Ints = np.where(closed, -1, index)
        for key, _ in groups(found, outcomes.version):  # it closes in time, however late outcomes are tallied
            if key.number >= 0:
                self.window(key)
        return found

    def window(self, key: Key) -> Window:
        """An open window; it is opened if need be."""
        return self.open.get(key) or self.open.setdefault(key, Window())

    def close(self, clock: int, everything: bool = False) -> Iterator[Closed]:
        """Gives the windows that are over, in order, the shortest first, and forgets them."""
        over = [key for key in sorted(self.open) if everything or clock >= self._end(key.number, self.length)]
        if over:
            for counts in self._made_counts.values():
                _add(counts, self.counts)
        for key in over:
            window = self.open.pop(key)
            for length, made in self._made.items():
                made.setdefault(Key(key.number * self.length // length, key.version), Window()).merge(window)
            yield Closed(self.length, key, window, self.counts)
        self.counts = {} if over else self.counts
        for length, made in self._made.items():
            late = [key for key in sorted(made) if everything or clock >= self._end(key.number, length)]
            for key in late:
                yield Closed(length, key, made.pop(key), self._made_counts[length])
            if late:
                self._made_counts[length] = {}

    def tallies(self) -> Iterator[Tally]:
        """Of all windows that are open."""
        yield from (window.tally for made in (self.open, *self._made.values()) for window in made.values())

    def state(self) -> dict[str, Any]:
        """Everything, as plain values."""
        return {
            "counts": self.counts, "open": [[*key, window.state()] for key, window in self.open.items()],
            "made": [[length, *key, window.state()] for length, made in self._made.items() for key, window in made.items()],
            "made_counts": [[length, counts] for length, counts in self._made_counts.items()],
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state()`."""
        self.counts = dict(state["counts"])
        for number, version, inner in state["open"]:
            self.open[Key(number, version)] = Window.restored(inner)
        for length, number, version, inner in state["made"]:
            self._made[length][Key(number, version)] = Window.restored(inner)
        self._made_counts = {length: dict(counts) for length, counts in state["made_counts"]}


def groups(index: Ints, versions: npt.NDArray[np.int32]) -> Iterator[tuple[Key, Ints]]:
    """The rows of each window and version, in row order."""
    if not len(index):
        return
    if len(index) == 1 or (index[0] == index[-1] and (index == index[0]).all() and (versions == versions[0]).all()):
        yield Key(int(index[0]), int(versions[0])), np.arange(len(index))
        return
    pairs, inverse = np.unique(np.stack((index, versions.astype(np.int64))), axis=1, return_inverse=True)
    for which, (number, version) in enumerate(pairs.T.tolist()):
        yield Key(number, version), np.flatnonzero(inverse == which)


def _add(counts: dict[str, int], more: dict[str, int]) -> None:
    for name, n in more.items():
        if n:
            counts[name] = counts.get(name, 0) + n
