"""How many outcomes it takes until a rise of the risk is said, as `performance.risk` has it.  `python -m benchmarks.risen`."""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.table import table
from detectors.betting import Betting

_RISE, _LEVEL, _REFERENCE = 0.05, 0.01, 2_000
_RATES, _MORE = (0.05, 0.15), (0.07, 0.10, 0.15, 0.25)
"""Rates of errors in the reference, and by how much more there are after it."""
_ROWS = 40_000


def outcomes(rate: float, more: float, seed: int) -> int | None:
    """The outcomes until a rise is said; None where it is not."""
    rng = np.random.default_rng(seed)
    betting = Betting(1, rise=_RISE, level=_LEVEL)
    betting.fit((rng.random((_REFERENCE, 1)) < rate).astype(np.float64))
    changes = betting.update((rng.random((_ROWS, 1)) < rate + more).astype(np.float64))
    return changes[0].row + 1 if changes else None


def main() -> None:
    """Prints a line for each rate and rise."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=20)
    streams = parser.parse_args().streams
    lines = []
    for rate in _RATES:
        for more in _MORE:
            found = [one for seed in range(streams) if (one := outcomes(rate, more, seed)) is not None]
            middle = float(np.median(found)) if found else np.nan
            lines.append((f"{rate} + {more}", len(found) / streams, middle))
    print(table(("errors", "said", "outcomes, median of these"), lines))


if __name__ == "__main__":
    main()
