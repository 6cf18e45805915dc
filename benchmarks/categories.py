"""What `counts` does with many categories: run lengths, and how long a rise goes unnoticed.  `python -m benchmarks.categories`.

Shares fall like 1 / rank^e.  Run lengths are of signals with a reference of 1,000 rows, watched for three times what was asked,
without an effect that matters.  A category rises in 40 signals with a reference of 2,000 rows, 3,000 rows behind it; run length
300,000, `min_effect` .01.  Signals that alarm before it rises are left out.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.replications import run_length
from benchmarks.table import table
from detectors import Array
from detectors.counts import Counts

_STREAMS = ((3, 0.0), (10, 0.0), (20, 1.0), (60, 1.3), (200, 0.0))
_RISES = ((5, 1.0, 3), (10, 1.3, 3), (30, 1.3, 10), (60, 1.3, 20), (200, 1.1, 66))
_RISE, _REFERENCE, _BEFORE, _AFTER = 0.05, 2_000, 3_000, 12_000


def shares(number: int, exponent: float) -> Array:
    """Shares of categories, the heaviest first."""
    weights = np.arange(1, number + 1) ** -exponent
    found: Array = weights / weights.sum()
    return found


def drawn(chances: Array, rows: int, signals: int, seed: int) -> Array:
    """Categories 0, 1, ... of independent signals, float64[rows, signals]."""
    uniform = np.random.default_rng(seed).random((rows, signals))
    return np.searchsorted(np.cumsum(chances)[:-1], uniform, side="right").astype(np.float64)


def first_alarms(values: Array, reference: int, **settings: float) -> Array:
    """Rows behind the reference to the first alarm of each signal; infinite where there is none."""
    detector = Counts(values.shape[1], **settings)  # type: ignore[arg-type]
    detector.fit(values[:reference])
    found = np.full(values.shape[1], np.inf)
    for change in detector.update(values[reference:]):
        found[change.signal] = min(found[change.signal], change.row + 1)
    return found


def kept(number: int, exponent: float, asked: int, runs: int) -> str:
    """The run length that was measured, in units of what was asked."""
    rows, parts = 1_000 + 3 * asked, [range(at, min(at + 50, runs)) for at in range(0, runs, 50)]
    alarms = [
        first_alarms(drawn(shares(number, exponent), rows, len(part), part.start), 1_000, run_length=float(asked))
        for part in parts
    ]
    return run_length(np.concatenate(alarms), float(asked), 3.0 * asked).text


def delay(number: int, exponent: float, rising: int) -> tuple[str, str]:
    """In how many rows half of the signals, and nine in ten, alarm."""
    values = drawn(shares(number, exponent), _REFERENCE + _BEFORE + _AFTER, 40, 1)
    after = values[_REFERENCE + _BEFORE :]
    after[np.random.default_rng(2).random(after.shape) < _RISE] = rising
    alarms = first_alarms(values, _REFERENCE, run_length=3e5, min_effect=0.01) - _BEFORE
    late = np.sort(alarms[alarms > 0])
    return f"{late[len(late) // 2]:,.0f}", f"{late[len(late) * 9 // 10]:,.0f}"


def main() -> None:
    """Prints two tables."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.categories", description=__doc__)
    options.add_argument("--runs", type=int, default=200)
    options.add_argument("--run-length", type=int, default=20_000)
    chosen = options.parse_args()
    print("measured / asked ± its standard error, share of alarms in the first tenth (.095 is right)")
    rows = [(n, e, kept(n, e, chosen.run_length, chosen.runs)) for n, e in _STREAMS]
    print(table(("categories", "exponent", "run length"), rows), flush=True)
    rises = []
    for number, exponent, rising in _RISES:
        was = float(shares(number, exponent)[rising])
        rises.append((number, exponent, f"{was:.1%} -> {was + _RISE * (1 - was):.1%}", *delay(number, exponent, rising)))
    print(table(("categories", "exponent", "one of them", "rows, half", "nine in ten"), rises))


if __name__ == "__main__":
    main()
