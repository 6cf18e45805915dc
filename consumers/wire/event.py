"""An event of either kind: what is looked at, and what it is once it has been read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

EventKind = Literal["predictions", "labels", "reference"]
GROUPS = {"features": "feature", "scores": "scores", "segments": "segment"}
"""Objects inside an event, and what their columns are called."""
NAME_LIMIT = 1_000
"""Characters of a prediction id, and of the name of a feature, a class or a segment."""


class Event(NamedTuple):
    """An event by the names of its columns; what is missing is not there."""

    id: str
    time: int | None
    """None where it says none, and need not."""
    numbers: dict[str, float]
    texts: dict[str, str]
    left_out: tuple[str, ...] = ()
    """The field of each value that could not be read."""


class Refused(Exception):
    """An event that cannot be used; neither reason nor detail carries a value of it."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Prediction(msgspec.Struct, gc=False):
    """What is looked at in a prediction event; other fields are passed over."""

    prediction_id: Any = None
    time: Any = None
    prediction: Any = None
    score: Any = None
    scores: Any = None
    latency_ms: Any = None
    status: Any = None
    weight: Any = None
    model: Any = None
    version: Any = None
    features: Any = None
    segments: Any = None


class Reference(Prediction, gc=False):
    """A row of a reference file: a prediction with its label."""

    label: Any = None


class Label(msgspec.Struct, gc=False):
    """What is looked at in a label event."""

    prediction_id: Any = None
    time: Any = None
    label: Any = None
    op: Any = None
    model: Any = None
    origin: Any = None
    weight: Any = None
    inclusion_probability: Any = None


STRUCTS: Mapping[EventKind, type[msgspec.Struct]] = {"predictions": Prediction, "labels": Label, "reference": Reference}
REQUIRED: Mapping[EventKind, frozenset[str]] = {
    "predictions": frozenset({"prediction_id", "time", "prediction"}),
    "labels": frozenset({"prediction_id", "label"}),
    "reference": frozenset(),
}
