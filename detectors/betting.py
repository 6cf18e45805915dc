"""Betting: declares a change when bets that the risk has risen by more than is tolerated have won too much to be luck."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from scipy.special import betaincinv

from . import Array, Change, Sees, State, Times
from .column import present, present_in
from .run_lengths import positive

_BETS = (1 / 64, 1 / 20, 1 / 6, 1 / 2)
"""Parts of the capital that a loss of 0 costs, for rises from small to large."""
_RUN_LENGTH = 100_000.0
_DOUBT = 0.01
"""The chance that the risk of the reference is above its bound, where no level says it."""
_PATIENCE = 0.1
"""How slowly capital is spread: what is left for bets after n values is the power -0.1 of n."""
_RISING = 0.75
"""How far from the reference's mean to what is tolerated the mean loss counts as risen."""
_MOST = 1e200
_HALVINGS = 40


class Betting:
    """The risk monitor of Podkopaev and Ramdas (2022): finds a mean loss that is more than `rise` above the reference's.

    Losses lie between 0 and `bound`, and are otherwise whatever they like.  What exceeds the bound counts as the bound, in the
    reference too: for a loss without one choose what few losses exceed.  `rise` is in units of the loss.

    Tolerated is an upper confidence bound of the reference's mean (Clopper and Pearson for errors, by betting for others), plus
    `rise`.  Four fixed parts of a capital are bet on each loss to exceed that; while the mean of each loss, given all before
    it, does not, nobody wins such bets on average (Waudby-Smith and Ramdas 2024).  Losses of the reference count as
    independent; later ones need not be, but where errors make errors likely the risk has risen, if only for a while.  The
    smaller the reference the more is tolerated; where nothing below `bound` would be too much, nothing is watched.

    With a `level`, a capital of 1 is spread over bets that begin at each row.  The chance that a false alarm ever comes,
    however long the stream, is at most `level`: half of it for the reference, half for the bets; after an alarm, as much again.
    Without one, 1 is bet at each row anew, the Shiryaev-Roberts e-detector of Shin, Ramdas and Rinaldo (2022): the threshold,
    100,000 unless `allow` says otherwise, is the least number of values between false alarms, on average, given that the bound
    of the reference holds, which it does with a chance of 99%.

    A signal begins anew after each of its changes, so a change is declared again while it lasts.  `start` is the value since
    which losses have stayed, on average, above three quarters of the way from the reference's mean to what is tolerated;
    `n_reference` and `n_current` are the numbers of values of the reference, with which alone they are compared, and since.
    """

    sees: ClassVar[Sees] = "errors"
    knob: ClassVar[str | None] = "level"
    learns: ClassVar[bool] = True
    robust: ClassVar[bool] = True

    def __init__(self, signals: int, *, rise: float = 0.05, level: float | None = None, bound: float = 1.0) -> None:
        if not 0 < bound < np.inf:
            raise ValueError(f"bound must be positive, got {bound}")
        if not 0 <= rise < bound:
            raise ValueError(f"rise must lie in [0, {bound:g}), the bound of the loss, got {rise}")
        if level is not None and not 0 < level < 1:
            raise ValueError(f"level must lie in (0, 1), got {level}")
        self._rise, self._bound, self._level = rise / bound, bound, level
        self._limits = [_RUN_LENGTH if level is None else 2 / level] * signals
        self._begin(signals, [(0, 0.0, 1.0)] * signals)

    def allow(self, run_length: Array) -> None:
        """Sets the least number of values between false alarms, whatever the losses are; with a level, NotImplementedError."""
        if self._level is not None:
            raise NotImplementedError("with a level, betting alarms falsely once in so many streams, not in so many values")
        self._limits = positive(run_length).tolist()

    def fit(self, reference: Array, times: Times | None = None) -> None:
        """Takes the reference, float64[m, d], and begins anew.  Without one, nothing is watched."""
        doubt = _DOUBT if self._level is None else self._level / 2
        losses = [self._bounded(column[present_in(column)]) for column in reference.T]
        self._begin(len(losses), [(len(some), *_risk(some, doubt)) for some in losses])

    def update(self, values: Array, times: Times | None = None) -> list[Change]:
        """Takes the next rows, float64[n, d]; what is not finite, or beyond 1e100, is missing and does not count."""
        changes: list[Change] = []
        for signal in range(len(self._sums)):
            if math.isnan(self._tolerated[signal]):
                continue
            rows, numbers = present(values[:, signal], self._rows)
            losses, at = self._bounded(np.array(numbers)).tolist(), 0
            while at < len(losses):
                at = self._run(signal, rows, losses, at, changes)
        self._rows += len(values)
        return sorted(changes)

    def state(self) -> State:
        """Everything but settings, run lengths and the reference: ten numbers a signal."""
        return {
            "rows": self._rows,
            "sums": np.array(self._sums, np.float64).reshape(len(self._sums), 4 + len(_BETS)),
            "statistic": self.statistic.copy(),
            "threshold": self.threshold.copy(),
        }

    def restore(self, state: State) -> None:
        """Goes on from a `state()`, after a `fit` to the same reference."""
        self._rows = state["rows"]
        self._sums = state["sums"].tolist()
        self.statistic, self.threshold = state["statistic"].copy(), state["threshold"].copy()

    def _begin(self, signals: int, known: Sequence[tuple[int, float, float]]) -> None:
        """From the number of losses in the reference, their mean, and the bound of their risk, for each signal."""
        self._rows = 0
        self._references = [n for n, _, _ in known]
        highest = [bound + self._rise for _, _, bound in known]
        self._tolerated = [risk if risk < 1 else math.nan for risk in highest]
        self._rising = [mean + _RISING * (risk - mean) for (_, mean, _), risk in zip(known, highest)]
        self._sums = [_fresh(-1)] * signals
        self.statistic = np.full(signals, np.nan)
        """What the bets have come to."""
        self.threshold = np.full(signals, np.nan)

    def _bounded(self, values: Array) -> Array:
        return np.clip(values / self._bound, 0.0, 1.0)

    def _run(self, signal: int, rows: Sequence[int], losses: list[float], at: int, changes: list[Change]) -> int:
        """Goes through the losses from `at` on, up to and including the first change; gives the place after it."""
        n, excess, begun, before, first, second, third, fourth = self._sums[signal]
        tolerated, rising, limit = self._tolerated[signal], self._rising[signal], self._limits[signal]
        one, two, three, four = (bet / tolerated for bet in _BETS)
        highest, changed, forever = min(limit, _MOST), False, self._level is not None
        left, share = (n + 1.0) ** -_PATIENCE if forever else 0.0, 1.0 / len(_BETS)
        for i in range(at, len(losses)):
            loss = losses[i]
            n += 1.0
            if forever:
                kept = (n + 1.0) ** -_PATIENCE
                share, left = (left - kept) / len(_BETS), kept
            gain = loss - tolerated
            first = (first + share) * (1.0 + one * gain)
            second = (second + share) * (1.0 + two * gain)
            third = (third + share) * (1.0 + three * gain)
            fourth = (fourth + share) * (1.0 + four * gain)
            excess += loss - rising
            if excess <= 0.0:
                excess, begun, before = 0.0, rows[i], n
            capital = first + second + third + fourth + left
            if capital > highest:
                changed = capital > limit and excess > 0.0
                if changed:
                    break
                first, second, third, fourth = (min(each, _MOST) for each in (first, second, third, fourth))
        self._sums[signal] = [n, excess, begun, before, first, second, third, fourth]
        self.statistic[signal], self.threshold[signal] = capital, limit
        if changed:
            changes.append(self._change(signal, rows[i], capital))
        return i + 1

    def _change(self, signal: int, row: int, capital: float) -> Change:
        n, _, begun, before, *_ = self._sums[signal]
        self._sums[signal] = _fresh(row)
        rarity = capital if self._level is None else math.nan
        known, start = self._references[signal], int(begun) + 1
        return Change(row, signal, capital, self._limits[signal], "up", start, known, int(n - before), rarity=rarity)


def _fresh(row: int) -> list[float]:
    """Number of values, excess of the losses; where that was last 0, the row and number of values; what the bets have won."""
    return [0.0, 0.0, float(row), 0.0] + [0.0] * len(_BETS)


def _risk(losses: Array, doubt: float) -> tuple[float, float]:
    """The mean of the reference's losses, and the bound of the risk behind them; both rounded, so that processors agree."""
    if not len(losses):
        return 0.0, 1.0
    return round(float(losses.mean()), 9), math.ceil(highest_mean(losses, doubt) * 1e9) / 1e9


def highest_mean(losses: Array, doubt: float) -> float:
    """What the mean behind independent losses in [0, 1], float64[n], is at most, but for a chance of `doubt`."""
    if ((losses == 0) | (losses == 1)).all():
        return _exact(losses, doubt)
    return _by_betting(losses, doubt)


def _exact(errors: Array, doubt: float) -> float:
    """The bound of Clopper and Pearson (1934)."""
    n, wrong = len(errors), float(errors.sum())
    return float(betaincinv(wrong + 1, n - wrong, 1 - doubt)) if wrong < n else 1.0


def _by_betting(losses: Array, doubt: float) -> float:
    """The bound by bets of a size that is right for the variance so far (Waudby-Smith and Ramdas 2024)."""
    n, gains = np.arange(1, len(losses) + 1), 1 - losses
    means = (0.5 + np.cumsum(gains)) / (n + 1)
    variances = (0.25 + np.cumsum((gains - means) ** 2)) / (n + 1)
    bets = np.sqrt(2 * math.log(1 / doubt) / (len(losses) * np.concatenate(([0.25], variances[:-1]))))
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        won = np.cumsum(np.log1p(np.minimum(bets, 0.75 / middle) * (gains - middle))).max()
        low, high = (middle, high) if won >= math.log(1 / doubt) else (low, middle)
    return 1 - low
