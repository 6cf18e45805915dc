"""What `counts` does with many categories: run lengths, and how long a rise goes unnoticed.  `python -m benchmarks.categories`.

Shares fall like 1 / rank^e.  Run lengths are of signals with a reference of 1,000 rows, watched for three times what was asked,
without an effect that matters.  A category rises in 40 signals with a reference of 2,000 rows, 3,000 rows behind it; run length
300,000, `min_effect` .01.  Of 1,500 half vanish, or the 1,000 lightest double, in 20 such signals with 20,000 rows behind the
reference.  Signals that alarm before it are left out.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.replications import run_length
from benchmarks.table import table
from detectors import Array
from detectors.counts import Counts

_STREAMS = ((3, 0.0), (10, 0.0), (20, 1.0), (60, 1.3), (200, 0.0), (1500, 0.0), (1500, 0.9))
_RISES = ((5, 1.0, 3), (10, 1.3, 3), (30, 1.3, 10), (60, 1.3, 20), (200, 1.1, 66))
_RISE, _REFERENCE, _BEFORE, _AFTER = 0.05, 2_000, 3_000, 12_000
_MANY, _LONG = 1_500, 20_000


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
    return _late(alarms)


def delay_of_many(was: Array, now: Array) -> tuple[str, str]:
    """The same of signals whose shares all change."""
    values = np.concatenate((drawn(was, _REFERENCE + _LONG, 20, 0), drawn(now, 2 * _LONG, 20, 1)))
    return _late(first_alarms(values, _REFERENCE, run_length=3e5, min_effect=0.01) - _LONG)


def _late(alarms: Array) -> tuple[str, str]:
    late = np.sort(alarms[alarms > 0])
    return f"{late[len(late) // 2]:,.0f}", f"{late[len(late) * 9 // 10]:,.0f}"


def main() -> None:
    """Prints three tables."""
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
    print(table(("categories", "exponent", "one of them", "rows, half", "nine in ten"), rises), flush=True)
    even, skewed = shares(_MANY, 0.0), shares(_MANY, 0.9)
    half, doubled = even * (np.random.default_rng(3).permutation(_MANY) % 2), skewed * np.where(np.arange(_MANY) < 500, 1, 2)
    changes = (("half vanish", even, half / half.sum()), ("lightest double", skewed, doubled / doubled.sum()))
    many = [(name, *delay_of_many(was, now)) for name, was, now in changes]
    print(table(("of 1,500", "rows, half", "nine in ten"), many))


if __name__ == "__main__":
    main()
