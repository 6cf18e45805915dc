"""What each detector costs: CPU time per value when nothing happens.  `python -m benchmarks.detector_costs`."""

from __future__ import annotations

import argparse
import time

import numpy as np

import detectors
from benchmarks.table import table
from detectors import Array, Detector, Sees

_SHAPES = ((20, 1000), (1, 1000), (20, 1))
"""Signals, and rows in a block."""


def draw(rng: np.random.Generator, sees: Sees, rows: int, signals: int) -> Array:
    """Values in which nothing happens: standard normal, one error in ten, or three categories."""
    if sees == "errors":
        return (rng.random((rows, signals)) < 0.1).astype(np.float64)
    if sees == "categories":
        return rng.choice(3, (rows, signals), p=(0.7, 0.2, 0.1)).astype(np.float64)
    return rng.normal(size=(rows, signals))


def cost(name: str, signals: int, rows: int, seconds: float) -> float:
    """Nanoseconds per value in blocks of so many rows, the median of as many blocks as fit into some seconds."""
    rng, sees = np.random.default_rng(1), detectors.detector(name).sees
    detector: Detector = detectors.detector(name)(signals)
    detector.fit(draw(rng, sees, 5000, signals))
    detector.update(draw(rng, sees, 5000, signals))
    blocks = [draw(rng, sees, rows, signals) for _ in range(50)]
    taken: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        before = time.thread_time()
        for block in blocks:
            detector.update(block)
        taken.append((time.thread_time() - before) / len(blocks))
    return float(np.median(taken)) / (rows * signals) * 1e9


def main() -> None:
    """Prints the table."""
    options = argparse.ArgumentParser(prog="python -m benchmarks.detector_costs", description=__doc__)
    options.add_argument("names", nargs="*", default=detectors.names(), help="detectors (default: all)")
    options.add_argument("--seconds", type=float, default=1.0, help="how long to measure each (default: 1)")
    chosen = options.parse_args()
    heads = ("ns/value", *(f"signals {signals}, rows {rows:,}" for signals, rows in _SHAPES))
    print(table(heads, [(name, *(cost(name, *shape, chosen.seconds) for shape in _SHAPES)) for name in chosen.names]))


if __name__ == "__main__":
    main()
