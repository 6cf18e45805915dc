"""Daily and weekly seasons of shares: how much of a window's counts is due to the time of day and week."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors import Array, State, Times
from detectors.scanning.scores import UNIT
from detectors.scanning.seasons import Seasons
from detectors.scanning.waves import Runs, runs

from .history import STEP, History

_PARTS = UNIT / STEP
"""Of a row, in which seasons are counted: scores of a step are shares of its rows, in `UNIT`s."""
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class Rhythm:
    """Of d signals with k categories, by counts int64[n, d, k] of steps and the times of their first rows."""

    def __init__(self, signals: int, kinds: int) -> None:
        self._shape = signals, kinds
        self._seasons = Seasons(signals * kinds, True, together=kinds)
        self._history: History | None = None
        """How many of each category there were more because of the season, in parts of a row, since one was found."""
        nothing = np.zeros((signals * kinds, 0))
        self._taken: tuple[Array, Array, Runs | None] = nothing, nothing, None
        """Shares in each step, in `UNIT`s, and what seasons leave of them: what is yet to be learnt from."""

    def take(self, counts: Ints, times: Times, step: int) -> Array | None:
        """Takes the next steps, after `step`, which are yet to be learnt from.

        Gives what seasons explain of the windows that end there, [looks, d, k]; None if nothing.
        """
        scores, when = np.ascontiguousarray(counts.reshape(len(counts), -1).T * _PARTS), runs(times)
        plain = self._seasons.without(scores, when)
        self._taken = scores, plain, when
        if self._history is None and not self._seasons.any:
            return None
        excess = scores - plain - self._seasons.level[:, np.newaxis]
        if self._history is None:
            self._history = History(np.zeros(self._shape, np.int64))
            self._history.step = step
        whole = np.where(self._seasons.regressors[:, np.newaxis] > 0, excess, 0.0).T.reshape(len(counts), *self._shape)
        window = self._history.append(whole.astype(np.int64)).window
        found: Array = window.astype(np.uint32).view(np.int32) / _PARTS
        return found

    def learn(self, held: Mask | None) -> None:
        """Learns from the steps taken last; which of them come after a change of each signal, [n, d]."""
        scores, plain, when = self._taken
        self._seasons.take(scores, plain, None if held is None else np.repeat(held.T, self._shape[1], axis=0), when)

    def refit(self, held: Mask) -> tuple[Mask, Mask]:
        """Fits seasons anew; gives the signals that have a new one, and those of these whose change it is; [d] each."""
        had = self._seasons.regressors
        self._seasons.refit(np.repeat(held, self._shape[1]))
        new = self._seasons.regressors > had
        return self._of_signals(new), self._of_signals(self._seasons.found)

    def widening(self, octaves: Ints) -> Array:
        """By how much fewer values before each window count because seasons are only estimated, [looks, d]."""
        widest = self._seasons.widening((8 << octaves).astype(np.float64)).reshape(*self._shape, -1).max(axis=1)
        return np.ascontiguousarray(widest.T)

    def state(self) -> State:
        """Everything, as plain values and arrays."""
        history = self._history
        kept = None if history is None else {"step": history.step, "total": history.total.copy(), "marks": history.marks.copy()}
        return {"history": kept, **self._seasons.state()}

    def restore(self, state: State) -> None:
        """Goes on from a `state()`."""
        self._seasons.restore(state)
        self._history, kept = None, state["history"]
        if kept is not None:
            self._history = History(kept["total"])
            self._history.step, self._history.marks = kept["step"], kept["marks"].copy()

    def _of_signals(self, columns: Mask) -> Mask:
        return np.logical_or.reduce(columns.reshape(self._shape), axis=1)  # type: ignore[no-any-return]
