"""Generated structs for events of one shape, and the way from them to columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
from msgspec.structs import astuple

from consumers.wire import columns
from consumers.wire.event import GROUPS, REQUIRED, STRUCTS, EventKind
from consumers.wire.reading import Reading
from stream_monitor.blocks import Floats, Rows, Times
from stream_monitor.values import LEFT_OUT, Read


class Field(NamedTuple):
    """A field of the generated structs, in the event itself (group "") or in one of its objects."""

    group: str
    name: str
    type: Any
    role: Literal["number", "text", "memo", "each", "skip"]
    """number and text: the column as it is; memo and each: through its reader, by distinct value or one by one."""


class Layout:
    """Decodes events that have the given fields, and no other ones in their objects."""

    def __init__(self, kind: EventKind, fields: Sequence[Field]) -> None:
        groups = [group for group in GROUPS if group in STRUCTS[kind].__struct_fields__]
        members = {group: [field for field in fields if field.group == group] for group in groups}
        heads = [field for field in fields if not field.group]
        event = _event_struct(kind, heads, members)
        self.decode = msgspec.json.Decoder(event).decode
        at = {name: i for i, name in enumerate(event.__struct_fields__)}
        self._groups = [_Members(at[group], group, members[group]) for group in groups if members[group]]
        self._heads = [(at[field.name], field.name) for field in heads if field.role == "number"]
        self._texts = [(at[field.name], field.name) for field in heads if field.role == "text"]
        self._read = [(at[field.name], field.name, field.role) for field in heads if field.role in ("memo", "each")]
        names = [name for _, name in self._heads] + [name for group in self._groups for name in group.number_names]
        order = sorted(range(len(names)), key=names.__getitem__)
        self._rank = np.argsort(np.array(order, np.intp))
        self._names = sorted(names)
        self.width = len(fields)

    def rows(self, events: Sequence[Any], time: Times, reading: Reading) -> tuple[Rows, Counter[str]]:
        """Decoded events as rows, and how many values in them were left out, by field."""
        fields = tuple(zip(*map(astuple, events)))
        members = [list(map(astuple, fields[group.place])) for group in self._groups]
        numbers = self._matrix(fields, members, len(events))
        texts: dict[str, Sequence[Any]] = {name: fields[at] for at, name in self._texts}
        for group, tuples in zip(self._groups, members):
            texts.update((name, list(map(itemgetter(at), tuples))) for at, name in group.texts)
        read = [(name, _read(role, reading.reader("", name), fields[at])) for at, name, role in self._read]
        read += [pair for group, tuples in zip(self._groups, members) for pair in group.read_each(tuples, reading)]
        names, numbers, left_out = _with_read(self._names, numbers, texts, read)
        ids = fields[0] if set(map(type, fields[0])) == {str} else list(map(str, fields[0]))
        return columns.rows(time, ids, names, numbers, sorted(texts.items())), left_out

    def _matrix(self, fields: Sequence[tuple[Any, ...]], members: Sequence[Sequence[tuple[Any, ...]]], n: int) -> Floats:
        matrix = np.empty((len(self._names), n))
        for rank, (at, _) in zip(self._rank, self._heads):
            matrix[rank] = np.fromiter(fields[at], np.float64, n)
        start = len(self._heads)
        for group, tuples in zip(self._groups, members):
            stop = start + len(group.numbers)
            matrix[self._rank[start:stop]] = group.matrix(tuples).T
            start = stop
        return matrix


class _Members:
    """The fields of an object inside the event, and where they are in its tuple."""

    def __init__(self, place: int, group: str, fields: Sequence[Field]) -> None:
        prefix = GROUPS[group]
        self.place = place
        self.width = len(fields)
        self.numbers = [i for i, field in enumerate(fields) if field.role == "number"]
        self.number_names = [f"{prefix}:{fields[i].name}" for i in self.numbers]
        self.texts = [(i, f"{prefix}:{field.name}") for i, field in enumerate(fields) if field.role == "text"]
        self._group = group
        self._each = [(i, f"{prefix}:{field.name}", field.name) for i, field in enumerate(fields) if field.role == "each"]

    def matrix(self, tuples: Sequence[tuple[Any, ...]]) -> Floats:
        """The members that are numbers, float64[n, k]."""
        cells = chain.from_iterable(_pick(tuples, self.numbers, self.width))
        n, k = len(tuples), len(self.numbers)
        return np.fromiter(cells, np.float64, n * k).reshape(n, k)

    def read_each(self, tuples: Sequence[tuple[Any, ...]], reading: Reading) -> list[tuple[str, list[Any]]]:
        return [
            (column, _read("each", reading.reader(self._group, name), list(map(itemgetter(at), tuples))))
            for at, column, name in self._each
        ]


def _pick(tuples: Sequence[tuple[Any, ...]], indices: Sequence[int], width: int) -> Iterable[tuple[Any, ...]]:
    """Some places of every tuple, as tuples."""
    if len(indices) in (0, width):
        return tuples if indices else ()
    if len(indices) == 1:
        return zip(map(itemgetter(indices[0]), tuples))
    return map(itemgetter(*indices), tuples)


def _read(role: str, read: Read, values: Sequence[Any]) -> list[Any]:
    if role == "each":
        return list(map(read, values))
    known = {value: read(value) for value in set(values)}
    return [known[value] for value in values]


def _with_read(
    names: Sequence[str], numbers: Floats, texts: dict[str, Sequence[Any]], read: Sequence[tuple[str, list[Any]]]
) -> tuple[Sequence[str], Floats, Counter[str]]:
    """Adds columns whose values are of any kind: to the numbers, to the texts, or to what is left out."""
    if not read:
        return names, numbers, Counter()
    more = [[value if isinstance(value, float) else np.nan for value in values] for _, values in read]
    texts.update((name, [value if isinstance(value, str) else None for value in values]) for name, values in read)
    left_out = Counter[str]()
    for name, values in read:
        if count := values.count(LEFT_OUT):
            left_out[_field(name)] += count
    together = [*names, *(name for name, _ in read)]
    order = sorted(range(len(together)), key=together.__getitem__)
    return sorted(together), np.concatenate([numbers, np.array(more, np.float64)])[order], left_out


def _field(column: str) -> str:
    """The field of an event that a column is from."""
    prefix = column.partition(":")[0]
    return next((group for group, name in GROUPS.items() if name == prefix), column)


def _event_struct(kind: EventKind, heads: Sequence[Field], members: dict[str, list[Field]]) -> type[msgspec.Struct]:
    required = REQUIRED[kind] | {"prediction_id"}
    fields: list[Any] = [
        (field.name, field.type) if field.name in required else (field.name, field.type, None) for field in heads
    ]
    for group, inside in members.items():
        struct = _object_struct(group, inside)
        fields.append((group, struct if inside else struct | None, struct()))
    return msgspec.defstruct("Event", fields, gc=False, kw_only=True)


def _object_struct(group: str, fields: Sequence[Field]) -> type[msgspec.Struct]:
    """An object with the given fields, and no other."""
    return msgspec.defstruct(
        group.title(),
        [(f"f{i}", field.type, None) for i, field in enumerate(fields)],
        rename={f"f{i}": field.name for i, field in enumerate(fields)},
        forbid_unknown_fields=True,
        frozen=True,
        gc=False,
    )
