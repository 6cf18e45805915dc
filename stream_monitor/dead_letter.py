"""The event that says what could not be read, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from stream_monitor.blocks import Section, Source
from stream_monitor.events import CloudEvent, encode, identity, iso
from stream_monitor.task import Output


class DeadLetter(BaseModel):
    """Where it was and what is wrong with it; no value of it, unless payloads are configured."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(pattern=r"^[a-z_]+$")
    """A short code, like invalid_time."""
    detail: str
    """The same in words."""
    topic: str
    partition: int
    offset: int
    last_offset: int | None = None
    """Where it is a range of offsets."""
    events: int | None = None
    """How many events of the range it is about, where that is known."""
    index: int = 0
    """Its place, where the record is a list of events."""
    size: int | None = None
    """Bytes of the record."""
    sha256: str | None = None
    """Of the record."""
    payload: str | None = None
    payload_base64: str | None = None
    """The payload where it is no UTF-8."""


class DeadLetterEvent(CloudEvent):
    """An event was not used."""

    type: Literal["io.streammonitor.deadletter.v1"] = "io.streammonitor.deadletter.v1"
    data: DeadLetter


def dead_letters(
    section: Section, deployment: str, reason: str, detail: str, arrived: int, place: tuple[int, int]
) -> list[Output]:
    """Of a section that was not used: one for each input partition that it is from.

    `place` is the partition of its block and the offset there; what the topic of blocks is called makes no difference.
    """
    outputs, at = [], 0
    for source in section.sources():
        ids = b"" if section.rows is None else section.rows.ids[at : at + 1].tobytes()
        at += source.rows
        origin = (source.topic, source.partition, source.first) if source.topic else ("blocks", *place)
        topic, partition, offset = origin
        data = DeadLetter(
            reason=reason, detail=detail, topic=topic, partition=partition, offset=offset,
            last_offset=source.last if source.last > source.first else None, events=source.rows or None,
        )  # fmt: skip
        about = (section.kind, *place, *origin, ids.hex())
        outputs.append(_output(section.stream, deployment, about, data, arrived))
    return outputs


def dead_letter(
    stream: str, deployment: str, kind: str, source: Source, about: Sequence[Any], reason: str, detail: str, arrived: int
) -> Output:
    """Of one event out of a source; `about` is what tells it from others of its stream and kind."""
    some = source.last > source.first
    data = DeadLetter(
        reason=reason, detail=detail, topic=source.topic, partition=source.partition, offset=source.first,
        last_offset=source.last if some else None, events=1 if some else None,
    )  # fmt: skip
    return _output(stream, deployment, (kind, reason, *about), data, arrived)


def _output(stream: str, deployment: str, about: Sequence[Any], data: DeadLetter, arrived: int) -> Output:
    event = DeadLetterEvent(
        id=identity("dead letter", deployment, stream, *about), source=f"/stream-monitor/{deployment}", subject=stream,
        time=iso(arrived), recordedtime=iso(arrived), data=data,
    )  # fmt: skip
    return Output("dead-letters", stream.encode(), encode(event))
