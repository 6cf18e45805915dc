"""What is read quickly is what kafka-python reads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from kafka import TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords, MemoryRecordsBuilder

from consumers.kafka.quick_records import _Quick

HERE = TopicPartition("t", 0)
EVENTS = some.lists(
    some.tuples(
        some.integers(0, 2**41),
        some.none() | some.binary(max_size=300),
        some.none() | some.binary(max_size=300) | some.just(b"x" * 70_000),
        some.lists(some.tuples(some.text(max_size=3), some.none() | some.binary(max_size=9)), max_size=2),
    ),
    min_size=1,
    max_size=20,
)


def batch(events: Any, compression: int = 0, first: int = 0) -> bytes:
    builder = MemoryRecordsBuilder(magic=2, compression_type=compression, batch_size=10_000_000)
    for time, key, value, headers in events:
        builder.append(time, key, value, headers)
    builder.close()
    made = bytearray(builder.buffer())
    made[:8] = first.to_bytes(8, "big")  # which the checksum leaves out, because brokers write it
    return bytes(made)


def read(kind: Any, value: bytes, offset: int = 0, at_once: int | None = None) -> tuple[list[Any], list[int]]:
    reader = kind(offset, HERE, MemoryRecords(value))
    found, positions = [], []
    while reader:
        found += reader.take(at_once)
        positions.append(reader.next_fetch_offset)
    return [(one.offset, one.timestamp, one.key, one.value) for one in found], positions


@given(EVENTS, EVENTS, some.sampled_from([0, 1, 3]), some.integers(0, 25), some.integers(1, 30))
def test_records_and_positions_are_those_of_kafka_python(
    some_events: Any, more: Any, compression: int, offset: int, at_once: int
) -> None:
    value = batch(some_events, compression) + batch(more, 0, len(some_events) + 3)
    assert read(_Quick, value, offset, at_once) == read(Fetcher.PartitionRecords, value, offset, at_once)


@given(EVENTS, some.data())
def test_a_batch_that_was_damaged_is_refused(events: Any, data: Any) -> None:
    value = bytearray(batch(events))
    value[data.draw(some.integers(21, len(value) - 1))] ^= 1 << data.draw(some.integers(0, 7))
    with pytest.raises(CorruptRecordError):
        read(_Quick, bytes(value))
