"""Scan: compares every recent window with everything before it, and keeps its promise on false alarms on data as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from . import Array, Change, Sees, State, Times
from .run_lengths import positive
from .scanning.atoms import Atoms
from .scanning.part import Part, Settings
from .scanning.repeats import Repeats
from .scanning.scores import Scores
from .scanning.thresholds import MEASURED

_BLOCK = 4
_LARGEST_BLOCK = 4096
_AT_ONCE = 128
"""Rows that are worked on at once, at most, where a block is larger: until then they are kept."""

TAKEN_OFF = 0.5
"""The part of the least effect that is taken off changes of shares: rare values are few, and what matters is to be found."""

_NUMBERS, _VARIED = ("numeric", "tied", "constant"), ("numeric", "tied")
"""Kinds of scores: of numbers, and of those among them that vary."""


class Scan:
    """The difference of means of every recent window and all that came before, over all window lengths at once.

    Numbers become normal scores by their reference, lose season and autocorrelation by a fit that grows with the stream, and
    are compared by mean and, with `spread`, by scale.  Signals whose reference is all 0 and 1 are compared by the G of their
    counts.  Of numbers more than half of which are one value, their smallest or largest, the share of the others is compared
    so as well, and what the others are by themselves.  Thresholds are closed forms of the run length (Siegmund 1985 for the
    crossings of moving sums).  The promise of `run_length`, values of a signal between two false alarms, was measured on
    skewed, heavy-tailed, tied, seasonal and autocorrelated values up to ten million; where volatility comes in clusters it
    holds with `spread` only.  It does not hold for seasons without event times, nor for references that are worth few
    independent values.

    `min_effect` is the smallest shift that matters, in standard deviations of normal scores, of all signals or of each.
    `share_up` is the share of false alarms that may be increases.  Looks happen after every `stride` rows; `seasonal` fits
    daily and weekly harmonics once two of their periods have been seen.  `start` is the most likely split of the recent
    past, between `earliest` and `latest` with 95% confidence.  After an alarm a signal's windows begin anew, compared with
    what was before the change; while the change lasts it is declared again, and one to the other side of that at any time.
    In place of a missing value there is one by lot, from the reference's distribution: what is missing changes no promise,
    and makes shifts smaller.  Of bursts of identical values, if the reference has any, the first ones alone are there.
    """

    sees: ClassVar[Sees] = "numbers"
    knob: ClassVar[str | None] = "run_length"
    learns: ClassVar[bool] = True
    robust: ClassVar[bool] = True

    def __init__(
        self,
        signals: int,
        *,
        run_length: float = 1_000_000.0,
        spread: bool = True,
        min_effect: float | Sequence[float] = 0.0,
        share_up: float = 0.5,
        stride: int = 8,
        seasonal: bool = True,
    ) -> None:
        if not run_length > 1:
            raise ValueError(f"run_length must be greater than 1, got {run_length}")
        effects = np.asarray(min_effect, np.float64)
        if effects.shape not in ((), (signals,)) or not (np.isfinite(effects) & (effects >= 0)).all():
            raise ValueError(f"min_effect must not be negative, one for all signals or one of each, got {min_effect}")
        if not 0 < share_up < 1:
            raise ValueError(f"share_up must lie in (0, 1), got {share_up}")
        if stride < _BLOCK or stride % _BLOCK:
            raise ValueError(f"stride must be a multiple of {_BLOCK}, got {stride}")
        self._signals, self._spread, self._share_up = signals, spread, share_up
        self._effects = np.broadcast_to(effects, (signals,))
        self._stride, self._seasonal = stride, seasonal
        self._run_length = np.full(signals, float(run_length))
        self._parts: list[Part] = []
        """Numbers, rates, and of what is mostly one value the shares of others and these."""
        self._seen_as: list[Callable[[Array], Array]] = []
        """How each part sees values."""
        self._atoms = Atoms(np.empty((0, signals)))
        self._block, self._repeats = _BLOCK, Repeats(np.empty((0, signals)))
        self._begin()

    def allow(self, run_length: Array) -> None:
        """Sets the run lengths, float64[d], from the next row on; before the first, also how coarse the smallest window is."""
        self._run_length = positive(np.asarray(run_length, np.float64)).copy()
        if not self._rows:
            self._coarsen(self._coarse())
        for part in self._parts:
            part.allow(self._run_length)

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Takes the reference, float64[m, d], and begins anew.  Signals with fewer than 30 values in it are not watched."""
        self._block = self._coarse()
        self._begin()
        self._repeats = Repeats(reference)
        reference = self._repeats.without(reference)
        scores = Scores(reference)
        atoms = self._atoms = Atoms(reference)
        amounts = atoms.amounts(reference)
        given = Scores(amounts, rates=False)
        numbers, rates = np.isin(scores.kinds, _NUMBERS), np.isin(scores.kinds, "rate")
        apart, varied = np.isin(np.arange(self._signals), atoms.signals), np.isin(given.kinds, _VARIED)
        columns = np.where(numbers & self._spread, 2, 1) + apart + varied
        effects, of_amounts = (self._effects * np.isfinite(known).mean(axis=0) for known in (reference, amounts))
        plain = Settings(self._spread, effects, self._share_up, self._seasonal, columns)
        parts = (
            (numbers, scores, _as_they_are, plain),
            (rates, None, _as_they_are, plain),
            (apart, None, atoms.others, plain._replace(effects=TAKEN_OFF * effects * atoms.moves)),
            (varied, given, atoms.amounts, plain._replace(spread=False, effects=of_amounts, sparse=True)),
        )
        self._seen_as = [seen for mine, _, seen, _ in parts if mine.any()]
        self._parts = [
            Part(np.flatnonzero(mine), known, seen(reference), times, self._block, settings)
            for mine, known, seen, settings in parts if mine.any()
        ]  # fmt: skip
        for part in self._parts:
            part.allow(self._run_length)

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is not finite is missing.  Work is done once in a stride."""
        inside = self._rows % self._step
        rows = inside + len(values)
        self._rows += len(values)
        if not self._seen.all():
            self._seen |= np.isfinite(values).any(axis=0)
        times = np.zeros(len(values), np.int64) if times is None else times
        values = self._repeats.without(values)
        if rows < self._step:
            self._waiting[inside:rows], self._waiting_times[inside:rows] = values, times
            return []
        if inside:
            values = np.concatenate((self._waiting[:inside], values))
            times = np.concatenate((self._waiting_times[:inside], times))
        whole = rows - rows % self._step
        self._waiting[: rows - whole], self._waiting_times[: rows - whole] = values[whole:], times[whole:]
        first, values, times = self._rows - rows, values[:whole], times[:whole]
        taken = zip(self._parts, self._seen_as, strict=True)
        found = [c for part, seen in taken for c in part.take(seen(values), times, first, self._step)]
        return found and _one_of_each([self._said(change) for change in found])

    def began(self, signal: int) -> tuple[int, int, int] | None:
        """Where the last declared change of a signal began, by all that is known now: the row, and the rows between which."""
        return next((found for part in self._parts if (found := part.began(signal)) is not None), None)

    @property
    def statistic(self) -> Array:
        """The standardised difference, float64[d], of the window that is nearest to its threshold."""
        return self.nearest()[0]

    @property
    def threshold(self) -> Array:
        """The threshold of that window."""
        return self.nearest()[1]

    def nearest(self) -> tuple[Array, Array]:
        """Both, for the price of one."""
        statistic, threshold = np.full(self._signals, np.nan), np.full(self._signals, np.nan)
        for part in self._parts:
            found, limit = np.full(self._signals, np.nan), np.full(self._signals, np.nan)
            part.nearest(found, limit)
            nearer = np.nan_to_num(found / limit, nan=-1.0) > np.nan_to_num(statistic / threshold, nan=-1.0)
            statistic, threshold = np.where(nearer, found, statistic), np.where(nearer, limit, threshold)
        return np.where(self._seen, statistic, np.nan), np.where(self._seen, threshold, np.nan)

    @property
    def extrapolated(self) -> bool:
        """Whether run lengths are beyond those for which the promise was measured."""
        finite = self._run_length[np.isfinite(self._run_length)]
        return bool(finite.size and finite.max() * _BLOCK / self._block > MEASURED)

    def state(self) -> State:
        """Everything but the settings and the reference: some 4 kB a channel of a signal, more by the logarithm of the rows."""
        waiting = self._rows % self._step
        return {
            "rows": self._rows, "block": self._block, "run_length": self._run_length.copy(),
            "seen": self._seen.copy(), "waiting": self._waiting[:waiting].copy(), "times": self._waiting_times[:waiting].copy(),
            "repeats": self._repeats.state(), "parts": [part.state() for part in self._parts],
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Goes on from a `state()`, after a `fit` to the same reference, whatever the run lengths."""
        self._coarsen(state["block"])
        self._rows, self._run_length = state["rows"], state["run_length"].copy()
        self._seen = state["seen"].copy()
        self._repeats.restore(state["repeats"])
        waiting = len(state["waiting"])
        self._waiting[:waiting], self._waiting_times[:waiting] = state["waiting"], state["times"]
        for part, inner in zip(self._parts, state["parts"], strict=True):
            part.restore(inner)

    def _said(self, change: Change) -> Change:
        """How often others come than what is mostly one value is a change of the mean."""
        return change._replace(moved="mean") if change.moved == "rate" and change.signal in self._atoms.signals else change

    def _begin(self) -> None:
        self._rows, self._seen = 0, np.zeros(self._signals, np.bool_)
        self._step = -(-self._stride // self._block) * self._block if self._block < _AT_ONCE else _AT_ONCE
        self._waiting, self._waiting_times = np.empty((self._step, self._signals)), np.zeros(self._step, np.int64)

    def _coarse(self) -> int:
        """The block with which run lengths are within what was measured."""
        finite = self._run_length[np.isfinite(self._run_length)]
        block = _BLOCK
        while block < _LARGEST_BLOCK and finite.size and finite.min() * _BLOCK / block > MEASURED:
            block *= 2
        return block

    def _coarsen(self, block: int) -> None:
        """Begins anew with another block, if it is another."""
        if block != self._block:
            self._block = block
            self._begin()
            for part in self._parts:
                part.begin(block)


def _as_they_are(values: Array) -> Array:
    return values


def _one_of_each(changes: list[Change]) -> list[Change]:
    """Of changes of one signal at one row that which is most above its threshold, in order."""
    best: dict[tuple[int, int], Change] = {}
    for change in sorted(changes, key=lambda c: -c.statistic / c.threshold):
        best.setdefault((change.row, change.signal), change)
    return sorted(best.values())
