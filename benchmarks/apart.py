"""How soon estimates are found apart from what labels show, and how often by chance.  `python -m benchmarks.apart`."""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np

from benchmarks.table import table
from stream_monitor.estimation.cbpe import Cbpe
from stream_monitor.estimation.reconcile import Reconciled
from stream_monitor.metrics.intervals import wilson
from stream_monitor.metrics.reading import Reading

_LEARNT = 2000


class Found(NamedTuple):
    """Of one version: how many windows it took until it was said, 0 if it never was, and how often it was."""

    first: int
    often: int


def version(seed: int, rows: int, windows: int, flipped: float) -> Found:
    """Windows of about so many labels each, of which a share is flipped, compared by their accuracy."""
    rng = np.random.default_rng([seed, rows])
    cbpe, reconciled, said = Cbpe(2), Reconciled(), list[bool]()
    score = _scores(rng, _LEARNT)
    cbpe.learn(score, (rng.random(_LEARNT) < score).astype(np.int64))
    for number in range(windows):
        n = max(int(rng.poisson(rows)), 2)
        score = _scores(rng, n)
        label = (rng.random(n) < score) != (rng.random(n) < flipped)
        predicted, sums = (score > 0.5).astype(np.int64), np.zeros((1, cbpe.width))
        cbpe.add(sums, np.zeros(n, np.int64), predicted, cbpe.chances(score))
        right = float((predicted == label).mean())
        estimated = cbpe.read(sums[0])["accuracy"]
        realised = Reading(right, n, *wilson(right, n))
        said.append(reconciled.add(estimated, realised, number, n / (n + cbpe.taught(sums[0]))).changed is not None)
    opened = [place for place, now in enumerate(said) if now and not (place and said[place - 1])]
    return Found(opened[0] + 1 if opened else 0, len(opened))


def main() -> None:
    """Prints a line for each size of windows and share of labels that are flipped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", type=int, default=40)
    parser.add_argument("--windows", type=int, default=200)
    asked = parser.parse_args()
    rows = []
    for size in (30, 50, 300, 2000):
        for flipped in (0.0, 0.05, 0.1, 0.25):
            found = [version(seed, size, asked.windows, flipped) for seed in range(asked.versions)]
            firsts = [one.first or np.inf for one in found]
            told, often = sum(one.first > 0 for one in found), sum(one.often for one in found)
            rows.append([str(size), f"{flipped:.0%}", f"{told} of {len(found)}", f"{np.median(firsts):.0f}", str(often)])
    print(table(["labels a window", "flipped", "versions told", "median windows until then", "times"], rows))


def _scores(rng: np.random.Generator, n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Scores that are chances; a fifth of predictions is wrong."""
    scores: np.ndarray[tuple[int], np.dtype[np.float64]] = 1 / (1 + np.exp(1.5 - 1.44 * rng.normal(size=n)))
    return scores


if __name__ == "__main__":
    main()
