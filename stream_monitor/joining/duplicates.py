"""Which predictions are the first of their id in a version; the others are duplicates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stream_monitor.joining.id_table import Hashes, as_bytes
from stream_monitor.joining.waiting import Waiting

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_FEW = 64
"""Rows up to which a set is quicker than sorting."""


def firsts(waiting: Waiting, ids: Hashes, version: npt.NDArray[np.int32], deadline: Ints, clock: Ints, kept: Mask) -> Mask:
    """The rows that are no duplicates of one that waits, nor of a `kept` one before them."""
    accepted = np.ones(len(ids), np.bool_)
    queries, numbers = waiting.find(ids)
    if len(queries):
        there = waiting.rows(numbers)
        same = (there["version"] == version[queries]) & (there["deadline"] > clock[queries])
        accepted[queries[same]] = False
    if len(ids) > 1 and _has_twins(ids[:, 0]):
        _leave_out_twins(ids, version, deadline, clock, kept, accepted)
    return accepted


def _leave_out_twins(
    ids: Hashes, version: npt.NDArray[np.int32], deadline: Ints, clock: Ints, kept: Mask, accepted: Mask
) -> None:
    seen: dict[tuple[bytes, int], int] = {}
    known = as_bytes(ids)
    for row in np.flatnonzero(accepted & kept).tolist():
        key = known[row], int(version[row])
        first = seen.get(key)
        if first is not None and deadline[first] > clock[row]:
            accepted[row] = False
        else:
            seen[key] = row


def _has_twins(halves: npt.NDArray[np.uint64]) -> bool:
    """Whether half a hash stands twice."""
    if len(halves) <= _FEW:
        return len(set(halves.tolist())) < len(halves)
    ordered = np.sort(halves)
    return bool((ordered[1:] == ordered[:-1]).any())
