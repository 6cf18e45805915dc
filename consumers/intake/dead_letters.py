"""Dead letters: what could not be read, said to the topic for it without a value of it."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from consumers.wire.pieces import Dead
from stream_monitor.events import identity, iso
from stream_monitor.task import Gap, Output, Partition, Record

PAYLOAD_LIMIT = 256_000
"""Bytes of an event that go with its dead letter; a longer one is named by its hash alone."""
_TYPE = "io.streammonitor.deadletter.v1"


class DeadLetters:
    """Makes the dead letters of one slice."""

    def __init__(self, deployment: str, arrived: int, payload: bool) -> None:
        self._source = f"/stream-monitor/{deployment}"
        self._time = iso(arrived)
        self._payload = payload
        self._hashes: dict[tuple[Partition, int], str] = {}

    def event(self, subject: str, kind: str, partition: Partition, dead: Dead) -> Output:
        """Of an event that cannot be used."""
        data = {
            "reason": dead.reason,
            "detail": dead.detail,
            "topic": partition.topic,
            "partition": partition.number,
            "offset": dead.record.offset,
            "index": dead.at,
            "size": len(dead.record.value or b""),
            "sha256": self._sha256(partition, dead.record),
        }
        if self._payload:
            data |= _payload(dead.value if dead.value is not None else dead.record.value)
        return self._output(subject, identity(*partition, dead.record.offset, dead.at, subject, kind), data)

    def gap(self, gap: Gap) -> Output:
        """Of offsets that could not be read at all."""
        data = {
            "reason": "unreadable",
            "detail": gap.reason,
            "topic": gap.partition.topic,
            "partition": gap.partition.number,
            "offset": gap.first,
            "last_offset": gap.last,
        }
        return self._output(gap.partition.topic, identity(*gap.partition, gap.first, gap.last), data)

    def _output(self, subject: str, name: str, data: dict[str, Any]) -> Output:
        event = {
            "specversion": "1.0",
            "id": name,
            "type": _TYPE,
            "source": self._source,
            "subject": subject,
            "time": self._time,
            "recordedtime": self._time,
            "datacontenttype": "application/json",
            "data": data,
        }
        return Output("dead-letters", subject.encode(), msgspec.json.encode(event))

    def _sha256(self, partition: Partition, record: Record) -> str:
        """Computed once for a record of many events."""
        place = partition, record.offset
        if place not in self._hashes:
            self._hashes[place] = hashlib.sha256(record.value or b"").hexdigest()
        return self._hashes[place]


def _payload(value: bytes | None) -> dict[str, str]:
    if value is None or len(value) > PAYLOAD_LIMIT:
        return {}
    try:
        return {"payload": value.decode()}
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(value).decode()}
