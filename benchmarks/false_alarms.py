"""What promises on false alarms are worth, measured through the detectors' contract.  `python -m benchmarks.false_alarms`.

Every stream is watched from the row behind its reference to its first alarm, or to three run lengths.  Measured is rows in all
by alarms in all, in units of what was asked; exits with 1 where a required cell lies outside [.75, 1.30] or the mean of the
required cells of a table outside [.92, 1.08].
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from importlib.metadata import version
from itertools import product
from typing import Any

import numpy as np
from river import drift

from benchmarks.replications import TOGETHER, RunLength, first_alarms, run_length
from benchmarks.streams import STREAMS, Stream, named
from benchmarks.table import table
from detectors import Array

_CELL, _MEAN = (0.75, 1.30), (0.92, 1.08)
_REFERENCES = (1_000, 5_000, 20_000)
_CENSORED = 3
"""Run lengths after which a replication ends."""
_FEWEST = 12
"""Required cells of which a mean says something."""
_LONG = ("N(100, 15)", "AR(.5)", "errors .05")
SETTINGS: dict[str, dict[str, Any]] = {
    "mean": {"spread": False},
    "mean and spread": {"spread": True},
    "80% of false alarms for harm": {"share_up": 0.8},
}
_RIVALS: dict[str, tuple[Any, int, int]] = {
    "ADWIN": (drift.ADWIN, 60_000, 5),
    "Page-Hinkley": (drift.PageHinkley, 60_000, 2),
    "KSWIN": (drift.KSWIN, 5_000, 1),
}
"""river's detectors, at their defaults, how many values each sees, and of how many streams."""


def watched(name: str, runs: range, seed: int, reference: int, asked: float, horizon: int, settings: str) -> Array:
    """Rows to the first alarm of some replications, float64[len(runs)]."""
    stream = named(name)
    seeds = [[seed, run, stream.number, reference, int(asked)] for run in runs]
    chosen = {"run_length": asked, **SETTINGS[settings]}
    return first_alarms(stream, seeds, stream.reference(reference), horizon, chosen)


def between(name: str, rival: str, seed: int) -> float:
    """Values between two false alarms of one of river's detectors; at least so many, where there is none."""
    make, values, streams = _RIVALS[rival]
    alarms = 0
    for run in range(streams):
        detector = make(**({"seed": run} if rival == "KSWIN" else {}))
        more = named(name).begin([np.random.default_rng([seed, run, named(name).number, 0, 0])])
        for value in more(values)[:, 0].tolist():
            detector.update(value)
            alarms += detector.drift_detected
    return values * streams / max(alarms, 1)


def suited(stream: Stream, settings: str) -> bool:
    """Whether a setting says something of a stream: errors have no spread, and only errors have a harmful side."""
    return stream.errors == settings.startswith("80%") or settings == "mean"


def cells(pool: Executor, chosen: list[Stream], options: argparse.Namespace, settings: str) -> dict[tuple[str, int], RunLength]:
    """What was measured of each stream and reference."""
    horizon = int(_CENSORED * options.run_length)
    runs = [range(at, min(at + TOGETHER, options.runs)) for at in range(0, options.runs, TOGETHER)]
    jobs = [(s.name, n0, some) for s, n0, some in product(chosen, options.references, runs)]
    futures = [pool.submit(watched, s, some, options.seed, n0, options.run_length, horizon, settings) for s, n0, some in jobs]
    found: dict[tuple[str, int], list[Array]] = {}
    for (name, n0, _), future in zip(jobs, futures):
        found.setdefault((name, n0), []).append(future.result())
    return {key: run_length(np.concatenate(parts), options.run_length, horizon) for key, parts in found.items()}


def failures(measured: dict[tuple[str, int], RunLength]) -> Iterator[str]:
    """What was promised and is not kept."""
    required = {key: cell.ratio for key, cell in measured.items() if named(key[0]).required}
    for (name, n0), ratio in required.items():
        if not _CELL[0] <= ratio <= _CELL[1]:
            yield f"{name}, reference {n0:,}: {ratio:.2f} is outside [{_CELL[0]:.2f}, {_CELL[1]:.2f}]"
    mean = float(np.mean(list(required.values()))) if required else 1.0
    print(f"mean of the {len(required)} required cells: {mean:.3f}", flush=True)
    if len(required) >= _FEWEST and not _MEAN[0] <= mean <= _MEAN[1]:
        yield f"the mean of the required cells, {mean:.3f}, is outside [{_MEAN[0]:.2f}, {_MEAN[1]:.2f}]"


def promises(pool: Executor, options: argparse.Namespace) -> list[str]:
    """Prints a table for each setting; gives what is not kept."""
    failed: list[str] = []
    for settings in options.settings:
        chosen = [s for s in map(named, options.streams) if suited(s, settings)]
        if not chosen:
            continue
        measured = cells(pool, chosen, options, settings)
        rivals = {} if options.no_rivals or settings != "mean" else {
            key: pool.submit(between, *key, options.seed) for key in product([s.name for s in chosen], _RIVALS)
        }  # fmt: skip
        print(f"\n{settings}: run length {options.run_length:,.0f}, {options.runs} runs")
        print("measured / asked ± its standard error, share of alarms in the first tenth (.095 is right)")
        heads = ("stream", *(f"reference {n0:,}" for n0 in options.references), *(_RIVALS if rivals else ()))
        rows = [
            (
                stream.name if stream.required else f"({stream.name})",
                *(measured[stream.name, n0].text for n0 in options.references),
                *((f"{rivals[stream.name, rival].result():,.0f}" for rival in _RIVALS) if rivals else ()),
            )
            for stream in chosen
        ]
        print(table(heads, rows), flush=True)
        failed += [f"{settings}: {failure}" for failure in failures(measured)]
    return failed


def longest(pool: Executor, options: argparse.Namespace) -> None:
    """Prints what was measured of a very long run length, each replication watched for one of them."""
    asked, runs = options.long, [range(at, at + TOGETHER) for at in range(0, options.runs, TOGETHER)]
    chosen = [(name, settings) for name in _LONG for settings in ("mean", "mean and spread") if suited(named(name), settings)]
    futures = {
        (name, settings): [pool.submit(watched, name, some, options.seed, 5_000, asked, int(asked), settings) for some in runs]
        for name, settings in chosen
    }
    print(f"\nrun length {asked:,.0f}, reference 5,000, {options.runs} runs, each watched for one run length")
    rows = []
    for (name, settings), parts in futures.items():
        cell = run_length(np.concatenate([part.result() for part in parts]), asked, asked)
        rows.append((name, settings, cell.text, cell.alarms))
    print(table(("stream", "watched", "measured / asked, first tenth", "alarms"), rows), flush=True)


def main() -> None:
    """Prints the tables."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.false_alarms", description=__doc__)
    options.add_argument("--runs", type=int, default=500)
    options.add_argument("--seed", type=int, default=2026)
    options.add_argument("--run-length", type=float, default=20_000.0)
    options.add_argument("--references", type=int, nargs="+", default=_REFERENCES)
    options.add_argument("--streams", nargs="+", default=[stream.name for stream in STREAMS])
    options.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    options.add_argument("--long", type=float, help="instead, a run length such as 1e7 on three streams; take 50 or 100 runs")
    options.add_argument("--no-rivals", action="store_true", help="leave river's detectors out")
    options.add_argument("--workers", type=int, default=os.cpu_count())
    chosen = options.parse_args()
    began = time.perf_counter()
    print(time.strftime("%Y-%m-%d"), *(f"{library} {version(library)}" for library in ("numpy", "scipy", "river")), sep=", ")
    with ProcessPoolExecutor(chosen.workers) as pool:
        failed = [] if chosen.long else promises(pool, chosen)
        if chosen.long:
            longest(pool, chosen)
    print(f"\n{time.perf_counter() - began:,.0f} s", *(f"FAILED {failure}" for failure in failed), sep="\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
