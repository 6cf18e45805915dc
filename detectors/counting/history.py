"""Cumulative counts of categories at recent rows, the further back the coarser."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import Array

from .octaves import OCTAVES

Ints = npt.NDArray[np.int64]
Marks = npt.NDArray[np.uint32]

STEP = 8
"""Rows between the closest two marks.  A window of any octave is 8 marks of that octave long."""
KEPT = 16
"""Marks an octave keeps: two windows."""


class Looks(NamedTuple):
    """Windows that end at the same or later steps, by step, then octave."""

    step: Ints
    octave: Ints
    window: Ints
    """The counts in each window, int64[looks, d, k]."""
    total: Ints
    """The counts up to its end, reference included."""
    excess: Array | None = None
    """What of the window's counts is due to the time of day and week, [looks, d, k]."""
    widening: Array | None = None
    """By how much fewer of the counts before it count for that, [looks, d]."""

    def of(self, chosen: npt.NDArray[np.bool_], signal: int) -> Looks:
        """Some of the looks, at one signal."""
        only = slice(signal, signal + 1)
        excess = None if self.excess is None else self.excess[chosen, only]
        widening = None if self.widening is None else self.widening[chosen, only]
        window, total = self.window[chosen, only], self.total[chosen, only]
        return Looks(self.step[chosen], self.octave[chosen], window, total, excess, widening)


class History:
    """Marks every `STEP` · 2^l rows for each octave l.

    They count modulo 2^32, as only differences over fewer rows are asked for.
    """

    def __init__(self, total: Ints) -> None:
        """Begins at step 0 with these counts, int64[d, k]."""
        self.step, self.total = 0, total.copy()
        self.marks: Marks = np.broadcast_to(total.astype(np.uint32), (OCTAVES, KEPT, *total.shape)).copy()
        """The last marks of each octave, oldest first; those before step 0 are as at step 0."""
        self._tracks: list[Marks] = []
        self._first = 0

    def append(self, counts: Ints) -> Looks:
        """Takes the counts of the next steps, int64[steps, d, k]; gives the windows that end there."""
        totals = self.total + np.cumsum(counts, axis=0)
        self._first, self.step, self.total = self.step, self.step + len(counts), totals[-1].copy()
        self._tracks = [self._track(octave, totals) for octave in range(OCTAVES)]
        new = [(octave, track) for octave, track in enumerate(self._tracks) if len(track) > KEPT]
        octaves = np.repeat([octave for octave, _ in new], [len(track) - KEPT for _, track in new])
        steps = np.concatenate([np.arange((self._first >> o) + 1, (self.step >> o) + 1) << o for o, _ in new])
        windows = np.concatenate([track[KEPT:] - track[KEPT - 8 : -8] for _, track in new])
        order = np.lexsort((octaves, steps))
        steps = steps[order]
        return Looks(steps, octaves[order], windows[order].astype(np.int64), totals[steps - self._first - 1])

    def before(self, step: int, signal: int) -> tuple[Ints, Marks]:
        """The steps of all marks there were before a step of the last `append`, ascending, and their counts, [n, k]."""
        places, found = [], []
        for octave, track in enumerate(self._tracks):
            last = (step >> octave) - (self._first >> octave) + KEPT
            found.append(track[last - KEPT : last, signal])
            places.append(((step >> octave) - KEPT + 1 + np.arange(KEPT)) << octave)
        steps, at = np.unique(np.concatenate(places), return_index=True)
        there = (steps >= 0) & (steps < step)
        return steps[there], np.concatenate(found)[at[there]]

    def _track(self, octave: int, totals: Ints) -> Marks:
        """The marks of an octave, the kept and the new ones."""
        first_new = ((self._first >> octave) + 1 << octave) - self._first - 1
        kept: Marks = self.marks[octave]
        if first_new >= len(totals):
            return kept
        track = np.concatenate((kept, totals[first_new :: 1 << octave].astype(np.uint32)))
        self.marks[octave] = track[-KEPT:]
        return track
