"""A step in the course of a change: what alerts are made of."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from detectors import Moved
from stream_monitor.watching.reference import Sort

Direction = Literal["up", "down", "both"]
Step = Literal["opened", "updated", "resolved", "broken", "unsettled", "settled"]
Unit = Literal["sd", "points", "ratio"]
ALL, CATEGORIES = "*", "* (categories)"
"""The names of all signals of numbers as one, and of all that come in categories."""


class Finding(NamedTuple):
    """One step in the course of a change of one signal."""

    row: int
    """The row of the section at which it was found."""
    step: Step
    sort: Sort
    name: str
    detector: str
    direction: Direction = "both"
    statistic: float = np.nan
    threshold: float = np.nan
    before: float = np.nan
    after: float = np.nan
    effect: float = np.nan
    """In standard deviations of the reference; of a rate, in points of 1; of a spread, as a ratio."""
    began_position: int = 0
    began_time: int = 0
    n_reference: int = 0
    n_current: int = 0
    """Values that its detector looked at; of a loss, those that `after` is of."""
    unit: Unit = "sd"
    detail: str = ""
    moved: Moved = "mean"
    interval: tuple[int, int] | None = None
    """Positions between which it began, with 95% confidence."""
    rarity: float = np.nan
    """After how many values chance alone gives as much, on average."""
    extrapolated: bool = False
    together: tuple[str, ...] = ()
    """Other signals that changed at about the same time; of all as one, those that have surely changed by themselves."""
    known: int = 0
    """Values of the reference, which `before` is of; a detector may compare with more."""
    shares: tuple[tuple[float, float, float], ...] = ()
    """Categories, NaN for all others, with their shares of the reference and since the change."""
    between: tuple[int, int] | None = None
    """Times between which it began, as `interval`."""
    mostly: float = np.nan
    """Of a number most of whose values are one, and that is measured so, that value; shares are of it and others, a mean of
    others."""


def restored(state: list[Any]) -> Finding:
    """A finding from its fields, as they were saved."""
    saved = Finding(*state)
    return saved._replace(
        interval=None if saved.interval is None else (saved.interval[0], saved.interval[1]),
        between=None if saved.between is None else (saved.between[0], saved.between[1]),
        together=tuple(saved.together),
        shares=tuple((category, before, after) for category, before, after in saved.shares),
    )
