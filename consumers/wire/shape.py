"""The shape that a stream's events have had so far, so that the next ones can be decoded at once.

It is a cache: an event that does not fit is read by `Reading` instead, and what comes out is the same.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import astuple

from consumers.wire.event import GROUPS, NAME_LIMIT, REQUIRED, STRUCTS, EventKind
from consumers.wire.layout import Field, Layout
from consumers.wire.reading import Reading

Seen = Literal["number", "text", "odd"]
FIRST = 16
"""Events that are read slowly before the first shape is made; the next one takes twice as many, and so on."""
PATIENCE = 4_096

_NUMBER = float | bool | None
_AMOUNT = Annotated[float, msgspec.Meta(ge=0)] | bool | None
_HEADS: dict[str, Any] = {
    "prediction": float | bool,
    "label": float | bool,
    "score": _NUMBER,
    "latency_ms": _AMOUNT,
    "weight": _AMOUNT,
    "inclusion_probability": Annotated[float, msgspec.Meta(gt=0, le=1)] | None,
}
_MEASURES = frozenset({"score", "latency_ms"})
"""What is left out where it cannot be read; the others make their event a dead letter."""
_ID = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LIMIT)]
_WORD = Annotated[str, msgspec.Meta(min_length=1)]
_WHOLE = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


class Shape:
    """What has been seen of one stream's events of one kind."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._seen: dict[tuple[str, str], set[Seen]] = {}
        self._groups = [group for group in GROUPS if group in STRUCTS[reading.kind].__struct_fields__]
        self._signatures: set[int] = set()
        self._misses = 0
        self._patience = FIRST
        self._changed = False
        self.layout: Layout | None = None

    def learn(self, raw: msgspec.Struct) -> None:
        """Takes in an event that did not fit."""
        self._misses += 1
        values = astuple(raw)
        if self._is_new(hash(tuple(map(type, values)))):
            for name, value in zip(raw.__struct_fields__, values):
                if name not in GROUPS:
                    self._note("", name, value)
        for group in self._groups:
            members = getattr(raw, group)
            if isinstance(members, dict) and self._is_new(hash((group, tuple(members), tuple(map(type, members.values()))))):
                self._learn_group(group, members)

    def refresh(self) -> Layout | None:
        """The layout for the next events, made anew when enough did not fit the last one."""
        if self._changed and self._misses >= self._patience:
            self.layout = _layout(self._reading.kind, tuple(self._fields()))
            self._patience = min(2 * self._patience, PATIENCE)
            self._misses = 0
            self._changed = False
        return self.layout

    def _learn_group(self, group: str, values: dict[str, Any]) -> None:
        room = 2 * self._reading.limit - len(self._seen)
        for name, value in values.items():
            if (group, name) not in self._seen:
                if room <= 0 or not _nameable(name):
                    continue
                room -= 1
            self._note(group, name, value)

    def _is_new(self, signature: int) -> bool:
        """Whether an event of these names and types has not been learnt from."""
        if signature in self._signatures:
            return False
        if len(self._signatures) >= PATIENCE:
            self._signatures.clear()
        self._signatures.add(signature)
        return True

    def _note(self, group: str, name: str, value: Any) -> None:
        known = self._seen.get((group, name))
        seen = self._seen.setdefault((group, name), set())
        kind = _kind(value)
        self._changed |= known is None or (kind is not None and kind not in seen)
        if kind is not None:
            seen.add(kind)

    def _fields(self) -> list[Field]:
        fields = [self._head(name) for name in STRUCTS[self._reading.kind].__struct_fields__ if name not in GROUPS]
        room = dict.fromkeys(GROUPS, self._reading.limit)
        for (group, name), seen in self._seen.items():
            if group and room[group]:
                room[group] -= 1
                fields.append(self._member(group, name, seen))
        return fields

    def _head(self, name: str) -> Field:
        seen = frozenset(self._seen.get(("", name), ()))
        optional = None if name in REQUIRED[self._reading.kind] else type(None)
        if name == "prediction_id":
            return Field("", name, {frozenset({"text"}): _ID, frozenset({"number"}): _WHOLE}.get(seen, _ID | _WHOLE), "skip")
        if name == "time":
            kind = {frozenset({"text"}): str, frozenset({"number"}): int | float}.get(seen, str | int | float)
            return Field("", name, kind if optional is None else kind | None, "skip")
        if not seen or name == "op":
            return Field("", name, type(None), "skip")
        if name in ("prediction", "label"):
            return self._outcome(name, seen, optional)
        if name in _MEASURES and not seen <= {"number"}:
            return Field("", name, Any, "each")
        if name in _HEADS:
            return Field("", name, _HEADS[name], "number")
        return Field("", name, *((str | None, "text") if seen == {"text"} else (str | int | float | bool | None, "each")))

    def _outcome(self, name: str, seen: frozenset[Seen], optional: type[None] | None) -> Field:
        as_it_is = seen == {"number"} and not self._reading.renamed
        text: Any = _WORD if name == "label" else str
        kind: Any = _HEADS[name] if seen == {"number"} else text if seen == {"text"} else float | bool | text
        return Field("", name, kind if optional is None else kind | None, "number" if as_it_is else "memo")

    def _member(self, group: str, name: str, seen: set[Seen]) -> Field:
        if group == "features" and not self._reading.allows(name):
            return Field(group, name, Any, "skip")
        plain = self._reading.plain(group, name)
        if seen <= {"number"} and "number" in plain:
            return Field(group, name, _NUMBER, "number")
        if seen <= {"text"} and "text" in plain:
            return Field(group, name, str | None, "text")
        return Field(group, name, Any, "each")


def _kind(value: Any) -> Seen | None:
    if value is None:
        return None
    return "text" if isinstance(value, str) else "number" if isinstance(value, int | float) else "odd"


def _nameable(name: str) -> bool:
    return len(name) <= NAME_LIMIT and not any(character < " " or character in '"\\' for character in name)


@lru_cache(1_000)
def _layout(kind: EventKind, fields: tuple[Field, ...]) -> Layout:
    return Layout(kind, fields)
