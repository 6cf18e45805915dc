"""SEED: a window of blocks that is cut where an older and a newer part of it disagree, and thinned where neighbours agree."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import numpy as np

from . import Array, Change, Direction, Sees, State, Times
from .column import errors


class _Block(NamedTuple):
    """Some values in a row: how many, how many of them errors, and the row of the last one."""

    n: int
    errors: int
    last: int


class SEED:
    """The detector of Huang, Koh, Dobbie and Pears (2014), with the cuts, clock and settings of MOA, for errors.

    The window is looked at after every `block` values, newest cut first, by ADWIN's bound with `delta`.  After every `term`
    blocks, newest first, neighbours are joined whose rates differ by less than a tolerance, which grows by `tolerance` times
    `growth` from one to the next.  The bound has the variance of the window; MOA's running one is off by the newest values.

    After a change the newer part is the window.  `start` is the row at which it begins; `n_reference` and `n_current` are the
    numbers of values that are dropped and kept, `direction` says how their rates differ.
    """

    sees: ClassVar[Sees] = "errors"
    knob: ClassVar[str | None] = None
    learns: ClassVar[bool] = False
    robust: ClassVar[bool] = False

    def __init__(
        self,
        signals: int,
        *,
        delta: float = 0.05,
        block: int = 32,
        tolerance: float = 0.01,
        growth: float = 0.8,
        term: int = 75,
    ) -> None:
        if not 0 < delta < 1:
            raise ValueError(f"delta must lie in (0, 1), got {delta}")
        if block < 2:
            raise ValueError(f"block must be at least 2, got {block}")
        if not 0 < tolerance < 1:
            raise ValueError(f"tolerance must lie in (0, 1), got {tolerance}")
        if not 0 < growth <= 1:
            raise ValueError(f"growth must lie in (0, 1], got {growth}")
        if term < 1:
            raise ValueError(f"term must be at least 1, got {term}")
        self._delta, self._block, self._growth, self._term = delta, block, tolerance * growth, term
        self._rows = 0
        self._blocks: list[list[_Block]] = [[] for _ in range(signals)]
        self._open = [(0, 0)] * signals
        """Number and errors of the values that are not yet a block."""
        self._since = [0] * signals
        """How many blocks there were since neighbours were joined."""
        self.statistic = np.full(signals, np.nan)
        """The difference between the rates of two parts of the window, at the last look, where it was largest for its bound."""
        self.threshold = np.full(signals, np.nan)
        """That bound."""

    def allow(self, run_length: Array) -> None:
        """Raises NotImplementedError: part of the bound is for values of any distribution, and errors are far from that."""
        raise NotImplementedError("SEED's delta is a setting: how long it runs depends on the error rate")

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Does nothing: the window is compared with itself."""

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is neither 0 nor 1 is missing and does not count."""
        changes: list[Change] = []
        for signal, blocks in enumerate(self._blocks):
            rows, numbers = errors(values[:, signal], self._rows)
            at = 0
            while at < len(numbers):
                n, wrong = self._open[signal]
                part = numbers[at : at + self._block - n]
                at, n, wrong = at + len(part), n + len(part), wrong + int(sum(part))
                self._open[signal] = n, wrong
                if n == self._block:
                    self._open[signal] = 0, 0
                    blocks.append(_Block(n, wrong, rows[at - 1]))
                    changes += self._look(signal)
        self._rows += len(values)
        return sorted(changes)

    def state(self) -> State:
        """Everything but the settings: three numbers a block, of which there are at most some 200."""
        return {
            "rows": self._rows,
            "blocks": [np.array(blocks, np.int64).reshape(-1, 3) for blocks in self._blocks],
            "open": np.array(self._open, np.int64).reshape(-1, 2),
            "since": list(self._since),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`."""
        self._rows, self._since = state["rows"], list(state["since"])
        self._blocks = [[_Block(*block) for block in blocks.tolist()] for blocks in state["blocks"]]
        self._open = [(n, wrong) for n, wrong in state["open"].tolist()]
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()

    def _look(self, signal: int) -> list[Change]:
        """Cuts the window where its parts disagree, and joins neighbours when it is time."""
        blocks, changes = self._blocks[signal], []
        if len(blocks) > 1:
            cut, self.statistic[signal], self.threshold[signal] = self._largest(blocks)
            if self.statistic[signal] > self.threshold[signal]:
                changes.append(self._change(signal, cut))
                del blocks[:cut]
            if len(blocks) > 1 and self._since[signal] > self._term:
                self._blocks[signal][:] = self._joined(blocks)
                self._since[signal] = 0
        self._since[signal] += 1
        return changes

    def _largest(self, blocks: list[_Block]) -> tuple[int, float, float]:
        """The newest cut at which the difference of rates is above its bound, else where it is largest for it; and both."""
        n, wrong = sum(block.n for block in blocks), sum(block.errors for block in blocks)
        confidence, rate = math.log(2 * math.log(n) / self._delta), wrong / n
        normal, linear = 2 * rate * (1 - rate) * confidence, 2 / 3 * confidence
        n_new = wrong_new = 0
        largest, found = -1.0, (0, math.nan, math.nan)
        for cut in range(len(blocks) - 1, 0, -1):
            n_new, wrong_new = n_new + blocks[cut].n, wrong_new + blocks[cut].errors
            inverse = 1 / n_new + 1 / (n - n_new)
            difference = abs(wrong_new / n_new - (wrong - wrong_new) / (n - n_new))
            bound = math.sqrt(normal * inverse) + linear * inverse
            if difference > largest * bound:
                largest, found = difference / bound, (cut, difference, bound)
            if difference > bound:
                break
        return found

    def _change(self, signal: int, cut: int) -> Change:
        blocks = self._blocks[signal]
        dropped, kept = blocks[:cut], blocks[cut:]
        n_old, n_new = sum(block.n for block in dropped), sum(block.n for block in kept)
        rate_old, rate_new = (sum(block.errors for block in part) / n for part, n in ((dropped, n_old), (kept, n_new)))
        direction: Direction = "up" if rate_new > rate_old else "down"
        measured = float(self.statistic[signal]), float(self.threshold[signal])
        return Change(kept[-1].last, signal, *measured, direction, dropped[-1].last + 1, n_old, n_new)

    def _joined(self, blocks: list[_Block]) -> list[_Block]:
        """Blocks without the borders between those that agree."""
        newest, *older = reversed(blocks)
        joined, tolerance = [newest], 0.0
        for block in older:
            n, wrong, last = joined[-1]
            tolerance += self._growth
            if abs(block.errors / block.n - wrong / n) < tolerance:
                joined[-1] = _Block(n + block.n, wrong + block.errors, last)
            else:
                joined.append(block)
        return joined[::-1]
