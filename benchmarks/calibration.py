"""Run lengths asked for and measured, detector by detector, and the simulations that constants in `detectors` were fitted to.

`python -m benchmarks.calibration` compares; some five minutes with the defaults.  With `--fit adwin` or `--fit ks` it prints
the curve behind `adwin._strictness` (-log(delta) against run length) or the last factor of `run_lengths.kolmogorov`.  With
`--rates` it prints how long detectors of errors run at several error rates, which is why they take no run length.

A run is a signal with a fresh reference, watched for three times what was asked for at most; the run length is all values over
all alarms, and its relative standard error one over the root of the number of alarms.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np

import detectors
from benchmarks.table import table
from detectors import Array, Detector, run_lengths
from detectors.adwin import _Window
from detectors.ks import KS

_BLOCK = 4000
_SHORTEST_PART = 5


def main() -> None:
    """Prints a table."""
    options = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration", description="Run lengths asked for and measured."
    )
    options.add_argument(
        "names", nargs="*", default=["adwin", "cusum", "ewma", "ks", "page_hinkley"], help="detectors of numbers"
    )
    options.add_argument("--asked", type=int, nargs="+", default=[2_000, 20_000, 100_000])
    options.add_argument("--runs", type=int, default=200, help="runs of each (default: 200)")
    options.add_argument("--reference", type=int, default=5_000, help="values in a reference (default: 5,000)")
    options.add_argument("--fit", choices=("adwin", "ks"))
    options.add_argument("--clock", type=int, default=32, help="of ADWIN, to fit")
    options.add_argument("--rates", action="store_true")
    chosen = options.parse_args()
    if chosen.fit == "adwin":
        print(table(("-log(delta)", "run length", "se"), adwin_curve(chosen.clock, 20 * max(chosen.asked), chosen.runs)))
    elif chosen.fit == "ks":
        print(table(("level", "run length", "log over formula without the factor"), ks_curve(chosen.reference, chosen.runs)))
    elif chosen.rates:
        names = [name for name in detectors.names() if detectors.detector(name).sees == "errors"]
        rows = [(name, *(by_rate(name, rate, chosen.runs) for rate in (0.01, 0.1, 0.3))) for name in names]
        print(table(("values to an alarm, at most 30,000", ".01 errors", ".1", ".3"), rows))
    else:
        for name in chosen.names:
            for asked in chosen.asked:
                ratio, error = compare(name, asked, chosen.runs, chosen.reference)
                print(f"{name:14}{asked:>9,} asked  {ratio:.2f} measured/asked  {error:.2f} standard error", flush=True)


def compare(name: str, asked: int, runs: int, reference: int) -> tuple[float, float]:
    """Measured over asked run length with standard normal values, and its standard error."""
    rng = np.random.default_rng([2026, asked, reference])
    detector = detectors.detector(name)(runs)
    detector.fit(rng.normal(size=(reference, runs)))
    detector.allow(np.full(runs, float(asked)))
    length, alarms = _run(detector, 3 * asked, lambda rows: rng.normal(size=(rows, runs)))
    return length / asked, length / asked / math.sqrt(max(alarms, 1))


def by_rate(name: str, rate: float, runs: int) -> int:
    """How long a detector of errors runs with its defaults."""
    rng = np.random.default_rng([2026, int(1000 * rate)])
    detector = detectors.detector(name)(runs)
    return round(_run(detector, 30_000, lambda rows: (rng.random((rows, runs)) < rate).astype(np.float64))[0])


def _run(detector: Detector, longest: int, draw: Callable[[int], Array]) -> tuple[float, int]:
    """Run length and number of first alarms; one value more than all where there were none."""
    first = np.full(len(detector.statistic), np.inf)
    for at in range(0, longest, _BLOCK):
        for change in detector.update(draw(min(_BLOCK, longest - at))):
            first[change.signal] = min(first[change.signal], change.row + 1)
    alarms = int(np.isfinite(first).sum())
    return float(np.minimum(first, longest).sum() / max(alarms, 1)), alarms


def adwin_curve(clock: int, longest: int, runs: int) -> list[tuple[float, float, float]]:
    """Run lengths by -log(delta).  Borders of buckets depend on the number of values alone, so all runs share them."""
    rng, window = np.random.default_rng([2026, clock]), _Window(5)
    ends, sums, squares, highest = np.empty(0), np.empty((runs, 0)), np.zeros(runs), np.full(runs, -np.inf)
    path: list[Array] = []
    for n in range(clock, longest + 1, clock):
        values = rng.normal(size=(runs, clock))
        before = sums[:, -1:] if n > clock else np.zeros((runs, 1))
        sums = np.hstack((sums, before + np.cumsum(values, axis=1)))
        ends = np.append(ends, np.arange(n - clock + 1, n + 1))
        squares += (values * values).sum(axis=1)
        window.append(range(n - clock, n), [0.0] * clock)
        window.compress()
        kept = np.isin(ends, [mark[0] for mark in window.marks()])
        ends, sums = ends[kept], sums[:, kept]
        highest = np.maximum(highest, _adwin_strictness(n, ends, sums, squares))
        path.append(highest)
    return [row for level in np.arange(-1, 8, 0.5) if (row := _length_of(np.array(path), float(level), clock))[2] < row[1] / 5]


def _adwin_strictness(n: int, ends: Array, sums: Array, squares: Array) -> Array:
    """The -log(delta) at which the look after n values would just alarm."""
    cuts = (ends >= _SHORTEST_PART) & (n - ends >= _SHORTEST_PART)
    if n <= 10 or not cuts.any():
        return np.full(len(sums), -np.inf)
    old, total = ends[cuts], sums[:, -1:]
    variance = (squares[:, np.newaxis] - total * total / n) / n
    difference = np.abs(sums[:, cuts] / old - (total - sums[:, cuts]) / (n - old))
    inverse = 1 / (old - _SHORTEST_PART + 1) + 1 / (n - old - _SHORTEST_PART + 1)
    linear, normal = 2 / 3 * inverse, np.sqrt(2 * variance * inverse)
    root = (np.sqrt(normal * normal + 4 * linear * difference) - normal) / (2 * linear)
    return np.asarray((root * root).max(axis=1) - math.log(2 * math.log(n)))


def ks_curve(reference: int, runs: int) -> list[tuple[float, float, float]]:
    """Run lengths by level, for the default window and stride."""
    rng, window, stride = np.random.default_rng([2026, reference]), 500, 62
    detector = KS(runs, window=window, stride=stride)
    detector.fit(rng.random((reference, runs)))
    highest, path = np.full(runs, -np.inf), []
    for look in range(1, 5_000):
        detector.update(rng.random((stride, runs)))
        if look * stride >= window:
            highest = np.maximum(highest, detector.statistic / math.sqrt(1 / window + 1 / reference))
            path.append(highest)
    rows = []
    for level in np.arange(1.3, 2.2, 0.05):
        _, length, error = _length_of(np.array(path), float(level), stride)
        plain = run_lengths.kolmogorov(np.array([level]), window, stride, np.array([10**9]))[0]
        if error < length / 5:
            rows.append((float(level), length, math.log(length / plain)))
    return rows


def _length_of(path: Array, level: float, step: int) -> tuple[float, float, float]:
    """A level, the run length of paths, float64[looks, runs], to it, watched for three times that, and its standard error."""
    over = path > level
    first = np.where(over.any(axis=0), over.argmax(axis=0) + 1.0, np.inf) * step
    longest = float(len(path) * step)
    for _ in range(6):
        alarms = max(int((first <= longest).sum()), 1)
        length = float(np.minimum(first, longest).sum() / alarms)
        longest = min(3 * length, float(len(path) * step))
    return level, length, length / math.sqrt(alarms)


if __name__ == "__main__":
    main()
