"""A value of a metric, with what it is worth."""

from __future__ import annotations

from typing import NamedTuple


class Reading(NamedTuple):
    """A metric over some rows; None where it is not defined, as precision without a positive prediction."""

    value: float | None
    n: float
    """Rows that it rests on; with weights, as many equally weighted ones as would say as much."""
    low: float | None = None
    high: float | None = None
    """Between these with 95% confidence; None where that is not known."""


NOTHING = Reading(None, 0)
Readings = dict[str, Reading]
"""By the name of the metric."""
