"""How long changes go unnoticed, beside an ADWIN with the same run length.  `python -m benchmarks.delays`.

A reference of 5,000 rows, 5,000 rows more, then the change; replications that alarm before it are left out.  ADWIN (river's)
sees the same rows, and its delta is the one with which its run length on that stream, measured, is that of the scan, measured.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
from river import drift

from benchmarks.false_alarms import SETTINGS, watched
from benchmarks.replications import TOGETHER, run_length
from benchmarks.streams import Generator, Stream, named
from benchmarks.table import table
from detectors import Array, Change
from detectors.scan import Scan

_REFERENCE = _BEFORE = 5_000
_AFTER = 20_000
"""Rows after which a change has been missed."""
_STEP = 80
_FEATURES = 20
_ADWIN: Any = drift.ADWIN  # without types
_CALIBRATION = 100


class Case(NamedTuple):
    """What becomes of a stream."""

    name: str
    stream: str
    after: Callable[[Array, Generator], Array]
    """Rows from the change on, from what they would have been."""
    size: float = 0.0
    """The change of the mean; 0 where it stays."""
    features: int = 1


class Seen(NamedTuple):
    """What the scan says of the replications that it did not alarm in before the change; NaN where it missed it."""

    delay: Array
    error: Array
    """Of the row at which the change began, as declared."""
    refined: Array
    """The same after as many rows more as the alarm's window is long, at least 200."""
    effect: Array
    """The mean of the rows since then, less that of the rows before it, at the alarm."""
    refined_effect: Array


def _shifted(by: float) -> Callable[[Array, Generator], Array]:
    return lambda values, _: values + by


def _scaled(by: float) -> Callable[[Array, Generator], Array]:
    return lambda values, _: 100 + (values - 100) * by


def _laplace(values: Array, rng: Generator) -> Array:
    return 100 + 15 * rng.laplace(scale=math.sqrt(0.5), size=values.shape)


def _bimodal(values: Array, rng: Generator) -> Array:
    return 100 + 15 * (rng.choice((-0.9, 0.9), values.shape) + math.sqrt(1 - 0.81) * rng.normal(size=values.shape))


def _more(before: float, after: float) -> Callable[[Array, Generator], Array]:
    share = (after - before) / (1 - before)
    return lambda values, rng: np.maximum(values, rng.random(values.shape) < share)


def _worse(before: float, after: float) -> Case:
    return Case(
        f"errors {before:.2f} to {after:.2f}", f"errors {before}".replace("0.", "."), _more(before, after), after - before
    )


CASES = (
    *(Case(f"+{d:g} sd", "N(100, 15)", _shifted(15 * d), 15 * d) for d in (0.1, 0.25, 0.5, 1.0, 2.0)),
    Case("AR(.5), +1 sd", "AR(.5)", _shifted(1.0), 1.0),
    *(Case(f"AR(.9), +{d:g} sd", "AR(.9)", _shifted(d), d) for d in (1.0, 2.0)),
    *(_worse(0.1, rate) for rate in (0.12, 0.15, 0.2)),
    _worse(0.01, 0.05),
    *(Case(f"sd x {k:g}", "N(100, 15)", _scaled(k)) for k in (1.3, 2.0)),
    Case("normal to Laplace", "N(100, 15)", _laplace),
    Case("normal to bimodal", "N(100, 15)", _bimodal),
    Case(f"+.5 sd in one of {_FEATURES}", "N(100, 15)", _shifted(7.5), 7.5, _FEATURES),
)


def rows(case: Case, seed: int, runs: Sequence[int]) -> Array:
    """Replications, float64[rows, runs]; the change is at row `_REFERENCE` + `_BEFORE`."""
    stream = named(case.stream)
    values = stream.begin([np.random.default_rng([seed, run, stream.number]) for run in runs])(_REFERENCE + _BEFORE + _AFTER)
    values[_REFERENCE + _BEFORE :] = case.after(values[_REFERENCE + _BEFORE :], np.random.default_rng([seed, runs[0], 1]))
    return values


def seen(name: str, seed: int, runs: Sequence[int], settings: dict[str, Any]) -> Seen:
    """What the scan says of some replications."""
    case = _named(name)
    values = rows(case, seed, runs)
    detector = Scan(len(runs), **settings)
    detector.fit(values[:_REFERENCE])
    stream = values[_REFERENCE:]
    changes = detector.update(stream[:_BEFORE])
    early = {change.signal for change in changes}
    first: dict[int, Change] = {}
    refined: dict[int, tuple[int, int]] = {}
    for row in range(_BEFORE, len(stream), _STEP):
        for change in detector.update(stream[row : row + _STEP]):
            first.setdefault(change.signal, change)
        for signal, change in first.items():
            if signal not in refined and row + _STEP > change.row + max(change.n_current, 200):
                found = detector.began(signal)
                refined[signal] = (found[0] if found else change.start, row + _STEP)
        if len(refined.keys() | early) == len(runs):
            break
    kept = [signal for signal in range(len(runs)) if signal not in early]
    return Seen(*np.array([_judged(stream[:, signal], first.get(signal), refined.get(signal)) for signal in kept]).T)


def _judged(values: Array, change: Change | None, refined: tuple[int, int] | None) -> tuple[float, ...]:
    if change is None:
        return (math.nan,) * 5
    start, until = refined or (change.start, change.row + 1)
    return (
        change.row + 1 - _BEFORE, abs(change.start - _BEFORE), abs(start - _BEFORE),
        _effect(values, change.start, change.row + 1), _effect(values, start, until),
    )  # fmt: skip


def _effect(values: Array, start: int, until: int) -> float:
    return float(values[start:until].mean() - values[:start].mean()) if 0 < start < until else math.nan


class Adwin(NamedTuple):
    """An ADWIN of the same run length as the scan."""

    delta: float
    measured: float
    """Its run length."""
    delay: Array
    """NaN where it missed the change."""


def adwin(name: str, seed: int, runs: int, asked: float) -> Adwin:
    """Finds delta, then watches the replications."""
    case = _named(name)
    delta, measured = _delta(named(case.stream), seed, asked)
    delays = []
    for run in range(runs):
        at = _first(rows(case, seed, [run])[:, 0], delta, _REFERENCE)
        if at >= _REFERENCE + _BEFORE:
            delays.append(at + 1 - _REFERENCE - _BEFORE if math.isfinite(at) else math.nan)
    return Adwin(delta, measured, np.array(delays))


def _delta(stream: Stream, seed: int, asked: float) -> tuple[float, float]:
    """The delta of a run length, by bisection, and the run length that it has."""
    values = [
        stream.begin([np.random.default_rng([seed, run, stream.number, 2])])(_REFERENCE + int(3 * asked))[:, 0]
        for run in range(_CALIBRATION)
    ]
    low, high, measured = -60.0, -0.01, 0.0
    for _ in range(9):
        middle = -math.sqrt(low * high)
        alarms = np.array([_first(one, 10**middle, _REFERENCE) for one in values]) - _REFERENCE + 1
        measured = run_length(alarms, 1.0, 3 * asked).ratio
        low, high = (middle, high) if measured > asked else (low, middle)
    return 10**middle, measured


def _first(values: Array, delta: float, since: int) -> float:
    """The first row from `since` on at which ADWIN alarms; infinite if it does not."""
    detector = _ADWIN(delta=delta)
    for row, value in enumerate(values.tolist()):
        detector.update(value)
        if row >= since and detector.drift_detected:
            return float(row)
    return math.inf


def _named(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


def suited(case: Case) -> list[str]:
    """The settings of the scan with which a change is looked for."""
    errors = named(case.stream).errors
    return [name for name in SETTINGS if name == "mean" or errors == name.startswith("80%")]


class Jobs:
    """What is to be computed for one change."""

    def __init__(self, pool: Executor, case: Case, options: argparse.Namespace, own: float) -> None:
        self.own = own
        self.asked = options.run_length * case.features
        self.scans: dict[str, list[Future[Seen]]] = {
            name: [
                pool.submit(
                    seen,
                    case.name,
                    options.seed,
                    range(at, min(at + TOGETHER, options.runs)),
                    {"run_length": self.asked, **SETTINGS[name]},
                )
                for at in range(0, options.runs, TOGETHER)
            ]
            for name in suited(case)
        }
        self.adwin = pool.submit(adwin, case.name, options.seed, options.runs, own) if case.features == 1 else None

    def scan(self, name: str) -> Seen:
        """What the scan says with one of its settings."""
        return Seen(*(np.concatenate(parts) for parts in zip(*(future.result() for future in self.scans[name]))))


def run_lengths(pool: Executor, options: argparse.Namespace) -> dict[str, float]:
    """The scan's run length on each stream, measured."""
    horizon = int(3 * options.run_length)
    futures = {
        stream: [
            pool.submit(
                watched, stream, range(at, at + TOGETHER), options.seed + 1, _REFERENCE, options.run_length, horizon, "mean"
            )
            for at in range(0, 300, TOGETHER)
        ]
        for stream in dict.fromkeys(case.stream for case in CASES if case.name in options.changes)
    }
    return {
        stream: run_length(np.concatenate([part.result() for part in parts]), 1.0, horizon).ratio
        for stream, parts in futures.items()
    }


def main() -> None:
    """Prints the tables."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.delays", description=__doc__)
    options.add_argument("--runs", type=int, default=400)
    options.add_argument("--seed", type=int, default=2026)
    options.add_argument("--run-length", type=float, default=20_000.0)
    options.add_argument("--changes", nargs="+", default=[case.name for case in CASES])
    options.add_argument("--workers", type=int, default=os.cpu_count())
    chosen = options.parse_args()
    began = time.perf_counter()
    print(time.strftime("%Y-%m-%d"), *(f"{library} {version(library)}" for library in ("numpy", "scipy", "river")), sep=", ")
    cases = [case for case in CASES if case.name in chosen.changes]
    with ProcessPoolExecutor(chosen.workers) as pool:
        own = run_lengths(pool, chosen)
        jobs = {case: Jobs(pool, case, chosen, own[case.stream]) for case in cases}
        print(
            f"\nrun length {chosen.run_length:,.0f}, {chosen.runs} runs; mean delay ± its standard error, missed in {_AFTER:,}"
        )
        heads = ("change", "scan: mean", "scan: mean and spread", "scan: 80% harm", "ADWIN", "delta", "run lengths")
        print(table(heads, [_delays(case, work) for case, work in jobs.items()]), flush=True)
        print("\nwhen it began, rows off (mean), and the effect / the true one (median); at the alarm, and refined")
        columns = ("change", "settings", "off", "off, refined", "effect", "effect, refined")
        print(table(columns, [row for case, work in jobs.items() for row in _starts(case, work)]))
    print(f"\n{time.perf_counter() - began:,.0f} s")


def _delays(case: Case, work: Jobs) -> list[str]:
    delays = [_text(work.scan(name).delay) if name in work.scans else "" for name in SETTINGS]
    if work.adwin is None:
        return [case.name, *delays, "", "", ""]
    found = work.adwin.result()
    return [case.name, *delays, _text(found.delay), f"{found.delta:.2g}", f"{work.own:,.0f} / {found.measured:,.0f}"]


def _text(delay: Array) -> str:
    caught = delay[np.isfinite(delay)]
    missed = 1 - len(caught) / max(len(delay), 1)
    if not len(caught):
        return "missed"
    text = f"{caught.mean():,.0f} ±{caught.std() / math.sqrt(len(caught)):,.0f}"
    return f"{text} ({missed:.0%} missed)" if missed >= 0.005 else text


def _starts(case: Case, work: Jobs) -> list[list[str]]:
    lines = []
    for name in work.scans:
        found = work.scan(name)
        if not np.isfinite(found.delay).any():
            continue
        off = [f"{np.nanmean(part):,.0f}" for part in (found.error, found.refined)]
        effects = (found.effect, found.refined_effect)
        sizes = [f"{np.nanmedian(part) / case.size:.2f}" if case.size else "" for part in effects]
        lines.append([case.name, name, *off, *sizes])
    return lines


if __name__ == "__main__":
    main()
