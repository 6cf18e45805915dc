"""Finds the batch that kafka-python could not parse, so that it can be recorded as a gap and passed by."""

from __future__ import annotations

import traceback
from typing import NamedTuple

from kafka.errors import CorruptRecordError, KafkaError

from stream_monitor.task import Gap, Partition


class _Place(NamedTuple):
    partition: Partition
    next: int
    first: int
    last: int


def gap(error: Exception) -> Gap | None:
    """The offsets that the error makes unreadable; None where it is about something else than a batch.

    kafka-python says neither partition nor offsets, so they are taken from the frame that parsed the batch.
    """
    if isinstance(error, KafkaError) and not isinstance(error, CorruptRecordError):
        return None
    place = None if isinstance(error, MemoryError) else _place(error)
    if place is None:
        return None
    # The header may be what is broken: then one offset is passed by at a time.
    last = place.last if place.next <= place.last < place.first + 1_000_000 else place.next
    return Gap(place.partition, place.next, last, f"corrupt batch: {type(error).__name__}")


def _place(error: Exception) -> _Place | None:
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_name == "_unpack_records" and frame.f_locals.get("batch") is not None:
            reader, batch = frame.f_locals["self"], frame.f_locals["batch"]
            partition = Partition(*reader.topic_partition)
            return _Place(partition, reader.next_fetch_offset, batch.base_offset, batch.last_offset)
    return None
