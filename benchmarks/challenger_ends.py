"""How soon a challenger's advantage is said, and that it has ended; how often it is said of none, or one that stays is
taken back.  `python -m benchmarks.challenger_ends`.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.table import table
from stream_monitor.models.comparison import Comparison

_LEVEL, _RATE = 0.05, 0.2
_AFTER = 60_000
_KINDS = ((0.0, 0), (0.02, 0), (0.05, 0), (0.15, 0), (0.15, 4_000), (0.05, 10_000))
"""By how much a challenger errs less, and for how many rows; 0 is for good."""


def told(advantage: float, rows: int, total: int, seed: int) -> list[tuple[int, str]]:
    """What is said of a challenger that errs in a fifth of rows, by row; corrections are not."""
    rng = np.random.default_rng(seed)
    more = np.where(np.arange(total) < (rows or total), advantage, 0.0)
    differences = (rng.random(total) < _RATE + more) * 1.0 - (rng.random(total) < _RATE)
    comparison = Comparison(_LEVEL)
    turns = ((i, comparison.turn(each, i)) for i, each in enumerate(differences.tolist()))
    return [(i, turn) for i, turn in turns if turn in ("better", "no_longer")]


def main() -> None:
    """Prints a line for each advantage."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=40)
    streams = parser.parse_args().streams
    lines = []
    for advantage, rows in _KINDS:
        said = [told(advantage, rows, rows + _AFTER, seed) for seed in range(streams)]
        begun = [each[0][0] for each in said if each]
        ended = [each[1][0] - rows for each in said if len(each) > 1]
        lines.append(
            [f"{advantage:g}", rows or "all", f"{len(begun)} of {streams}", f"{np.median(begun):.0f}" if begun else "",
             f"{len(ended)} of {len(begun)}", f"{np.median(ended):.0f}" if ended else "",
             sum(len(each) > 2 for each in said)]
        )  # fmt: skip
    print(table(["better by", "for rows", "said in", "after", "taken back in", "rows later", "said again in"], lines))


if __name__ == "__main__":
    main()
