"""Predictions that wait and meet their labels: what is written of them, and what comes out."""

from __future__ import annotations

import numpy as np

from stream_monitor.joining.given_labels import GivenLabels, Ints
from stream_monitor.joining.outcomes import NO_OUTCOMES, Outcomes
from stream_monitor.joining.packed import Values, unpacked
from stream_monitor.joining.waiting import Waiting

_MORE = ("score", "segments", "scores", "features", "weight")


def label(waiting: Waiting, numbers: Ints, labels: GivenLabels, clock: Ints, status: int) -> None:
    """Gives rows their labels."""
    if len(numbers):
        waiting.label(numbers, Values(labels.value, labels.code), labels.known, clock, status, labels.weight)


def outcomes(waiting: Waiting, numbers: Ints, row: Ints, sign: int) -> Outcomes:
    """Rows with the labels that they have, as outcomes of the rows of a section."""
    if not len(numbers):
        return NO_OUTCOMES
    rows, more = waiting.gathered(numbers, _MORE)
    columns = (rows[name].copy() for name in ("version", "position", "time", "known", "at"))
    score, segments, scores, features, weight = more
    label_weight = waiting.more("label_weight", numbers) if waiting.has("label_weight") else np.ones(len(rows))
    n, values = len(rows), unpacked(np.concatenate((rows["value"], rows["label"])))
    words = (values.value[:n], values.code[:n], values.value[n:], values.code[n:])
    last = (np.full(n, sign, np.int8), score, weight * label_weight, label_weight, segments, scores, rows["id"], features)
    return Outcomes._make((row, *columns, *words, *last))


def in_order(parts: list[Outcomes]) -> Outcomes:
    """Outcomes by the row at which they happened; within a row as given."""
    parts = [part for part in parts if len(part.row)]
    if len(parts) <= 1:
        return parts[0] if parts else NO_OUTCOMES
    joined = Outcomes.joined(parts)
    return joined.take(np.argsort(joined.row, kind="stable"))
