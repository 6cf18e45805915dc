"""The records of a topic as sections of the streams that read it; what cannot be read is said, and kept from its neighbours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Never

import msgspec

from consumers.wire import parse
from consumers.wire.event import STRUCTS, Label, Refused
from consumers.wire.event_time import INVALID
from consumers.wire.fields import found, mapped
from consumers.wire.pieces import Piece, Place, Run, dead, pieces
from consumers.wire.reading import Reading
from consumers.wire.shape import FIRST, Shape
from stream_monitor.task import Partition, Record
from stream_monitor.values import text

ROWS = 500
"""Records that are decoded at once: as many as a cache holds."""
ROWS_OF_MODELS = 5_000
"""The same where they are of many streams, so that there are enough of each."""
SHAPES = 10_000
"""Models of a stream whose shapes are remembered."""
MODEL_LIMIT = 200
"""Characters in the name of a model that is a stream of its own."""


class _Model(msgspec.Struct, gc=False):
    model: Any = None


class _Time(msgspec.Struct, gc=False):
    time: Any = None


_TIME = frozenset({"time"})
_peek = msgspec.json.Decoder(_Model).decode
_glance_at_one = msgspec.json.Decoder(_Time).decode
_glance_at_all = msgspec.json.Decoder(list[_Time]).decode


class Decoder:
    """Reads the events of one kind for one stream, or with `per_model` for the streams of its models.

    Without `fast` every event is read one by one; the results are the same.
    """

    def __init__(self, stream: str, reading: Reading, per_model: bool = False, fast: bool = True) -> None:
        self._stream = stream
        self._reading = reading
        self._per_model = per_model
        self._fast = fast and not reading.fields
        self._struct = STRUCTS[reading.kind]
        self._strict = msgspec.json.Decoder(self._struct).decode
        self._known = frozenset(self._struct.__struct_fields__)
        self._when = {"time": reading.fields["time"]} if "time" in reading.fields else reading.fields
        """What of the fields is to be known to tell the time."""
        self._shapes: dict[str, Shape] = {}
        self._sought = dict(reading.fields)
        self._looked = False

    @property
    def not_found(self) -> list[str]:
        """Where the configuration looks, and no event so far had anything; nothing before the first one."""
        return sorted(set(self._sought.values())) if self._looked else []

    def decode(self, partition: Partition, records: Sequence[Record], arrived: int) -> Iterator[Piece]:
        """Every event of the records as a row or as dead, once, in order within its stream."""
        start = 0
        while start < len(records):
            stop = start + (2 * FIRST if not self._shapes else ROWS_OF_MODELS if self._per_model else ROWS)
            for run in self._runs(records[start:stop]).values():
                yield from pieces(run, self._reading, partition, arrived)
            start = stop

    def time(self, record: Record) -> int | None:
        """The event time of a record, microseconds, where it says when that was: of several events the latest one's."""
        value = record.value or b""
        try:
            events = self._glances(value) if parse.is_list(value) else [self._glance(value)]
        except (*parse.FAILED, Refused):
            return None
        latest = max((self._reading.time.read(event.time) for event in events), default=INVALID)
        return None if latest == INVALID else latest

    def _glance(self, value: bytes) -> Any:
        """What tells the time of an event."""
        return self._dated(parse.anything(value)) if self._when else parse.parse(value, _glance_at_one, self._dated)

    def _glances(self, value: bytes) -> Sequence[Any]:
        """The same of each event in a list."""
        if self._when:
            return list(map(self._dated, parse.anything(value)))
        return parse.parse(value, _glance_at_all, lambda events: list(map(self._dated, events)))

    def _dated(self, event: Any) -> _Time:
        if not isinstance(event, dict):
            raise Refused("invalid_event", "the event is no object")
        return _Time(mapped(event, self._when, _TIME).get("time"))

    def _runs(self, records: Sequence[Record]) -> dict[str, Run]:
        runs: dict[str, Run] = {}
        if self._per_model:
            for record in records:
                if not self._fits(record.value, (record, 0, record.value), runs):
                    self._read_record(record, runs)
        else:
            self._decode_all(records, runs)
        return {stream: run for stream, run in runs.items() if run.events}

    def _decode_all(self, records: Sequence[Record], runs: dict[str, Run]) -> None:
        """The hot loop."""
        run = self._run(self._stream, runs)
        decode = run.layout.decode if run.layout and self._fast else _refuse
        add_event, add_place = run.events.append, run.places.append
        for record in records:
            value = record.value
            try:
                event = decode(value)  # type: ignore[arg-type]  # None fails as any other value does
            except parse.FAILED:
                self._read_record(record, runs)
            else:
                add_event(event)
                add_place((record, 0, value))

    def _fits(self, value: Any, place: Place, runs: dict[str, Run]) -> bool:
        """Decodes an event by the shape of its stream, if it has it."""
        try:
            stream = self._stream_of(_peek(value).model) if self._per_model else self._stream
            run = self._run(stream, runs)
            event = run.layout.decode(value) if run.layout and self._fast else _refuse(value)
        except (*parse.FAILED, Refused):
            return False
        run.events.append(event)
        run.places.append(place)
        return True

    def _read_record(self, record: Record, runs: dict[str, Run]) -> None:
        """Reads the events of a record that could not be decoded as one."""
        try:
            items = self._items(record)
        except Refused as refused:
            place = record, 0, record.value
            self._run(self._stream, runs).add(dead(place, refused), place)
            return
        for index, item in enumerate(items):
            place = record, index, item if isinstance(item, bytes) else None
            if len(items) == 1 or not self._fits(item, place, runs):
                self._read(item, place, runs)

    def _items(self, record: Record) -> Sequence[Any]:
        """The record itself, or what its list holds: texts, or values where there is no text of their own."""
        if record.value is None:
            return [self._withdrawal(record.key)]
        return parse.items(record.value) if parse.is_list(record.value) else [record.value]

    def _withdrawal(self, key: bytes | None) -> Label:
        """A null record takes back the label that its key names."""
        if self._reading.kind != "labels" or not key:
            raise Refused("empty_record", "the record is null")
        if self._per_model:
            raise Refused("missing_model", "the stream is per model, and a null record names none; retract with op")
        try:
            return Label(prediction_id=key.decode(), op="retract")
        except UnicodeDecodeError:
            raise Refused("invalid_prediction_id", "the key of a null record is not UTF-8") from None

    def _read(self, item: Any, place: Place, runs: dict[str, Run]) -> None:
        """Reads one event, and learns from it."""
        stream = self._stream
        try:
            raw = self._raw(item)
            stream = self._stream_of(raw.model)
            event = self._reading.read(raw, str(place[0].offset))
        except Refused as refused:
            self._run(stream, runs).add(dead(place, refused), place)
        else:
            run = self._run(stream, runs)
            run.shape.learn(raw)
            run.add(event, place)

    def _raw(self, item: Any) -> Any:
        """What an event holds, under our names."""
        if isinstance(item, Label):
            return item
        if not isinstance(item, bytes):
            return self._struct_of(item)
        return (
            self._struct_of(parse.anything(item)) if self._reading.fields else parse.parse(item, self._strict, self._struct_of)
        )

    def _struct_of(self, event: Any) -> Any:
        if not isinstance(event, dict):
            raise Refused("invalid_event", "the event is no object")
        ours = event
        if self._reading.fields:
            ours = mapped(event, self._reading.fields, self._known)
            self._looked = True
            if self._sought:
                self._sought = {name: path for name, path in self._sought.items() if not found(event, ours, path, name)}
        return self._struct(**{name: value for name, value in ours.items() if name in self._known})

    def _stream_of(self, model: Any) -> str:
        """The stream of an event, by its model where the stream is per model."""
        if not self._per_model:
            return self._stream
        name = text(model)
        if not isinstance(name, str) or not name:
            raise Refused("missing_model", "the stream is per model, and the event names none")
        if len(name) > MODEL_LIMIT or "\0" in name or "\n" in name:
            raise Refused("invalid_model", f"a model has at most {MODEL_LIMIT} characters, in one line")
        return f"{self._stream}/{name}"

    def _run(self, stream: str, runs: dict[str, Run]) -> Run:
        run = runs.get(stream)
        if run is None:
            run = runs[stream] = Run(stream, self._shape(stream))
        return run

    def _shape(self, stream: str) -> Shape:
        if stream not in self._shapes:
            if len(self._shapes) >= SHAPES:
                self._shapes.clear()
            self._shapes[stream] = Shape(self._reading)
        return self._shapes[stream]


def _refuse(value: Any) -> Never:
    raise TypeError("no shape yet")
