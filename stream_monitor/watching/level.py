"""How high the loss of a version is, and how surely that is known."""

from __future__ import annotations

from typing import NamedTuple


class Level(NamedTuple):
    """A mean loss of a version."""

    number: int
    version: str
    mean: float
    error: float
    """Its standard error, persistence included."""
    sd: float
    """Of the losses in the reference."""
    n: int
    rate: bool
    """Whether losses are errors; otherwise they are absolute errors."""


class Past(NamedTuple):
    """How a version has erred that is followed by another one."""

    late: Level
    """By its reference or of late, whichever is worse."""
    whole: Level
    """By all its outcomes; of late where that is worse beyond doubt."""
