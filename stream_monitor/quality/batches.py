"""Batches: events that come each day, or each weekday, within the same few hours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]

_LONGEST = 4
"""Hours in which the batches of all days begin and end, at most; before and after as many are quiet."""
_DAYS = 6
"""Days of the same kind that are to be seen."""
_WEEK = 7
"""Days that are to be seen, each with its batch, where weekdays and weekends are alike: none of them may be a day off."""
_ODD = 10
"""Of so many days one may be odd: without its batch, or with one at another hour."""


class Batch(NamedTuple):
    """What comes within some hours of a day at least, as a rule."""

    hours: int
    events: int


NONE = Batch(0, 0)


def batches(events: Counts, first: int) -> list[Batch]:
    """The batch that begins with each hour of the week, `NONE` elsewhere.

    `events` are those of successive hours, -1 where none was seen; `first` is the first one's hour of the week.
    """
    before = first % 24
    after = -(before + len(events)) % 24
    padded = np.pad(events, (before, after + _LONGEST), constant_values=-1)
    weekdays = (first // 24 + np.arange(len(padded) // 24)) % 7
    every = _of_days(padded, np.arange(len(weekdays)), _WEEK, len(weekdays) + 1)
    found = [NONE] * (7 * 24)
    for kind in (range(5), range(5, 7)):
        mine = _of_days(padded, np.flatnonzero(np.isin(weekdays, kind)), _DAYS, _ODD)
        for start, batch in (mine or every).items():
            for day in kind:
                found[24 * day + start] = batch
    return found


def _of_days(padded: Counts, days: Counts, needed: int, odd: int) -> dict[int, Batch]:
    """The batches of some days by their first hour, if so many were seen; one in `odd` may be without."""
    mine = padded[: len(padded) // 24 * 24].reshape(-1, 24)[days]
    busy = (mine > 0).sum(axis=0) > (mine >= 0).sum(axis=0) // odd
    found = {}
    for start, hours in _stretches(busy):
        parts = padded[(24 * days + start)[:, np.newaxis] + np.arange(hours)]
        sums = np.sort(parts[(parts >= 0).all(axis=1)].sum(axis=1))
        if len(sums) >= needed and sums[len(sums) // odd]:
            found[start] = Batch(hours, int(sums[len(sums) // odd]))
    return found


def _stretches(busy: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where busy hours of the day begin, and how many they are, if they are few and there are as many quiet ones around."""
    some = []
    for start in np.flatnonzero(busy & ~np.roll(busy, 1)).tolist():
        ahead = np.roll(busy, -start)
        hours = int(np.argmin(ahead)) or 24
        if hours <= _LONGEST and not ahead[hours : 2 * hours].any() and not ahead[-hours:].any():
            some.append((start, hours))
    return some
