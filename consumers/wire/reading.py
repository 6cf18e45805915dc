"""Reads one event into canonical form, by the path that takes its time and says what is wrong."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from consumers.wire.event import GROUPS, NAME_LIMIT, REQUIRED, STRUCTS, Event, EventKind, Refused
from consumers.wire.event_time import INVALID, EventTime
from stream_monitor.config.stream import Features, Labels, Source
from stream_monitor.statuses import outcome
from stream_monitor.values import LEFT_OUT, Read, Value, feature, not_negative, number, numeric_feature, scalar, text

_PLAIN = {"numeric": frozenset({"number"}), "categorical": frozenset({"text"}), None: frozenset({"number", "text"})}
_REMEMBERED = 10_000
_WITHDRAWN = "retract"


class Reading:
    """What one stream's configuration says about reading its events of one kind."""

    def __init__(self, kind: EventKind, source: Source, features: Features, limit: int) -> None:
        self.kind = kind
        self.fields = source.fields
        self.time = EventTime(source.zone, source.unit)
        self.limit = limit
        self._types = features.types
        self._include = None if features.include is None else frozenset(features.include)
        self._exclude = frozenset(features.exclude)
        self.renamed = (
            {scalar(theirs): scalar(ours) for theirs, ours in source.values.items()} if isinstance(source, Labels) else {}
        )
        self._heads = _heads(kind, self.label)
        self._members: dict[str, dict[str, tuple[str, Read]]] = {
            group: {} for group in GROUPS if group in STRUCTS[kind].__struct_fields__
        }

    def read(self, raw: Any, key: str = "") -> Event:
        """The event in a decoded record; raises Refused.  A row of a reference may go by the `key` of its place."""
        name = self._id(raw.prediction_id, key)
        time = self._time(raw.time)
        event = Event(name, time, {}, {})
        if self.kind == "labels" and raw.op is not None:
            return self._withdrawal(raw, event)
        left_out: list[str] = []
        for column, read in self._heads.items():
            value = getattr(raw, column)
            if value is not None and not self._put(event, column, read(value)):
                left_out.append(column)
        for group in self._members:
            left_out += [group] * self._read_group(event, group, getattr(raw, group))
        self._check(event)
        return event._replace(left_out=tuple(left_out)) if left_out else event

    def allows(self, name: str) -> bool:
        """Whether a feature may be looked at."""
        return name not in self._exclude and (self._include is None or name in self._include)

    def reader(self, group: str, name: str) -> Read:
        """What reads the values of a column, from a group or (without one) from the event itself."""
        if not group:
            return self._heads[name]
        if group == "features":
            declared = self._types.get(name)
            return feature if declared is None else numeric_feature if declared == "numeric" else text
        return number if group == "scores" else text

    def plain(self, group: str, name: str) -> frozenset[str]:
        """The kinds of values, numbers or texts, that a column of a group takes as they are."""
        declared = self._types.get(name) if group == "features" else {"scores": "numeric", "segments": "categorical"}[group]
        return _PLAIN[declared]

    def label(self, value: Any) -> Value:
        """A label in canonical form, renamed as configured; an empty text is none, unless that is renamed."""
        read = scalar(value)
        read = self.renamed.get(read, read) if self.renamed else read
        return None if read == "" else read

    def _id(self, value: Any, key: str) -> str:
        if value is None and self.kind == "reference":
            return key
        if value is None or value == "":
            raise Refused("missing_prediction_id", "prediction_id is missing")
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Refused("invalid_prediction_id", "prediction_id is neither a text nor a whole number")
        name = value if isinstance(value, str) else _digits(value)
        if len(name) > NAME_LIMIT:
            raise Refused("invalid_prediction_id", f"prediction_id has more than {NAME_LIMIT} characters")
        return name

    def _time(self, value: Any) -> int | None:
        if value is None and "time" in REQUIRED[self.kind]:
            raise Refused("missing_time", "time is missing")
        if value is None:
            return None
        micros = self.time.read(value)
        if micros == INVALID:
            raise invalid_time()
        return micros

    def _withdrawal(self, raw: Any, event: Event) -> Event:
        if raw.op != _WITHDRAWN:
            raise Refused("invalid_op", f"op may only be {_WITHDRAWN}")
        self._put(event, "model", self._heads["model"](raw.model))
        return event

    def _read_group(self, event: Event, group: str, values: Any) -> int:
        if values is None:
            return 0
        if not isinstance(values, dict):
            return 1
        left_out = 0
        if len(values) > self.limit:
            values, left_out = self._within_limit(group, values)
        known, numbers, texts = self._members[group], event.numbers, event.texts
        for name, raw in values.items():
            column, read = known.get(name) or self._member(group, name)
            value = read(raw)
            if type(value) is float:
                numbers[column] = value
            elif type(value) is str:
                texts[column] = value
            elif value is LEFT_OUT:
                left_out += 1
        return left_out

    def _within_limit(self, group: str, values: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """The first ones by name, and how many are too many."""
        there = sorted(
            name for name, value in values.items() if value is not None and (group != "features" or self.allows(name))
        )
        return {name: values[name] for name in there[: self.limit]}, max(0, len(there) - self.limit)

    def _member(self, group: str, name: str) -> tuple[str, Read]:
        """The column of a member of a group, and what reads it; remembered, but not without end."""
        known = self._members[group]
        if len(known) >= _REMEMBERED:
            known.clear()
        read = self.reader(group, name)
        if group == "features" and not self.allows(name):
            read = _nothing
        elif len(name) > NAME_LIMIT:
            read = _too_long
        return known.setdefault(name, (f"{GROUPS[group]}:{name}", read))

    def _put(self, event: Event, column: str, value: Value) -> bool:
        """Adds a value, if it could be read."""
        if type(value) is float:
            event.numbers[column] = value
        elif type(value) is str:
            event.texts[column] = value
        return value is not LEFT_OUT

    def _check(self, event: Event) -> None:
        if outcome(event.texts.get("status", "")) != "ok":  # what failed has said nothing
            return
        for column in REQUIRED[self.kind] - {"prediction_id", "time"}:
            if column not in event.numbers and column not in event.texts:
                raise Refused(f"missing_{column}", f"{column} is missing")


def invalid_time() -> Refused:
    """What is said about an event with an impossible time."""
    return Refused("invalid_time", "time is no ISO 8601 text or epoch number between the years 1970 and 9999")


def _heads(kind: EventKind, label: Read) -> dict[str, Read]:
    readers: dict[str, Read] = {
        "prediction": partial(_outcome, "prediction", scalar),
        "score": number,
        "latency_ms": not_negative,
        "status": partial(_name, "status"),
        "weight": partial(_within, "weight", math.inf),
        "model": partial(_name, "model"),
        "version": partial(_name, "version"),
        "label": partial(_outcome, "label", label),
        "origin": partial(_name, "origin"),
        "inclusion_probability": partial(_within, "inclusion_probability", 1.0),
    }
    return {column: read for column, read in readers.items() if column in STRUCTS[kind].__struct_fields__}


def _outcome(column: str, read: Callable[[Any], Value], raw: Any) -> Value:
    value = read(raw)
    if value is LEFT_OUT or (isinstance(value, float) and not math.isfinite(value)):
        raise Refused(f"invalid_{column}", f"{column} is neither a text nor a finite number")
    return value


def _within(column: str, upper: float, raw: Any) -> Value:
    value = number(raw)
    low = 0 if upper == math.inf else 5e-324
    if value is LEFT_OUT or (isinstance(value, float) and not (low <= value <= upper and math.isfinite(value))):
        raise Refused(
            f"invalid_{column}", f"{column} is no number {'from 0 on' if upper == math.inf else 'above 0 and up to 1'}"
        )
    return value


def _nothing(raw: Any) -> Value:
    return None


def _too_long(raw: Any) -> Value:
    return None if raw is None else LEFT_OUT


def _name(column: str, raw: Any) -> Value:
    value = text(raw)
    if value is LEFT_OUT:
        raise Refused(f"invalid_{column}", f"{column} is neither a text nor a number")
    return value


def _digits(value: int) -> str:
    try:
        return str(value)
    except ValueError:
        raise Refused("invalid_prediction_id", "prediction_id has more digits than a number may have") from None
