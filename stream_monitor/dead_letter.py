"""The event that says what could not be read, and why."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from stream_monitor.events import CloudEvent


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
    """Where it is a range of offsets that could not be read."""
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
