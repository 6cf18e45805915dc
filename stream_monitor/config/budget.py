"""The budget of false alarms as people write it: 1 per 30d, 1 per 100000 predictions."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from stream_monitor.config import duration

_LINE = re.compile(r"\s*(\d+(?:\.\d+)?)\s+per\s+(?:(\d+(?:[_,]\d{3})*|\d+(?:e\d+)?)\s+predictions|((?!.*\bpredictions).+?))\s*")


class Line(NamedTuple):
    """How many false alarms there may be."""

    per_microsecond: float
    per_prediction: float


@lru_cache
def parse(text: str) -> Line:
    """What a line of the budget says; raises ValueError."""
    found = _LINE.fullmatch(text)
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"not a budget: {text!r}; write it like 1 per 30d, or 1 per 100000 predictions")
    count, predictions, time = found.groups()
    if predictions is not None:
        return Line(0.0, float(count) / float(re.sub("[_,]", "", predictions)))
    length = duration.parse(time)
    if length <= 0:
        raise ValueError(f"not a budget: {text!r}; false alarms come per a length of time, like 30d")
    return Line(float(count) / length, 0.0)


def _readable(text: str) -> str:
    parse(text)
    return text


FalseAlarms = Annotated[str, AfterValidator(_readable)]
"""A line of the budget, as written."""
