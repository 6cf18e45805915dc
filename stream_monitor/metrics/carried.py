"""Sums of a classifier as those of another measure: of more classes than before, or of two where it was many."""

from __future__ import annotations

import numpy as np

from stream_monitor.metrics.binary import Binary
from stream_monitor.metrics.judged import Floats, Ints
from stream_monitor.metrics.multiclass import Multiclass

Classifier = Binary | Multiclass


def carried(sums: Floats, old: Classifier, new: Classifier, numbers: Ints) -> Floats:
    """What outcomes that are in sums of one measure are in sums of another; `numbers` are the new ones of its classes.

    Confusions are carried over, those of classes that become one as such, and log_loss to many classes; all else needs the
    outcomes themselves.
    """
    wide = np.zeros((2, new.classes, new.classes + 1))
    actual, predicted = numbers[:, None], np.append(numbers, new.classes)
    mistaken = (actual == predicted) & ~np.eye(len(numbers), len(predicted), dtype=np.bool_)
    columns = np.where(mistaken, new.classes, predicted)
    for table, into in zip(old.tables(sums), wide, strict=True):
        np.add.at(into, (actual, columns), table)
    return new.summed(wide, old.of_scores(sums))
