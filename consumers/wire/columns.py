"""Events to columns: the numbers as one matrix, the texts as codes into tables, the ids as hashes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from xxhash import xxh3_128_digest

from consumers.wire.event import Event
from stream_monitor.blocks import Codes, Floats, Hashes, Rows, Times

NO_TEXTS = np.empty((0, 0), np.int32)


def rows(
    time: Times, names: Sequence[str], number_names: Sequence[str], numbers: Floats, texts: Iterable[tuple[str, Sequence[Any]]]
) -> Rows:
    """Rows of columns in order of name, without those that have no value; `numbers` is float64[k, n]."""
    there = (~np.isnan(numbers)).any(axis=1)
    if not there.all():
        number_names = [number_names[i] for i in np.flatnonzero(there).tolist()]
        numbers = numbers[there]
    text_names, codes, tables = _texts(texts, len(time))
    return Rows(time, hashes(names), tuple(number_names), numbers, text_names, codes, tables, tuple(names))


def hashes(names: Sequence[str]) -> Hashes:
    """xxh3_128 of the prediction ids as uint64[n, 2]."""
    return np.frombuffer(b"".join(map(xxh3_128_digest, map(str.encode, names))), np.uint64).reshape(len(names), 2)


def of_events(events: Sequence[Event], arrived: int) -> Rows:
    """Rows of events that were read one by one."""
    number_names = sorted({name for event in events for name in event.numbers})
    text_names = sorted({name for event in events for name in event.texts})
    numbers = np.array([[event.numbers.get(name, np.nan) for event in events] for name in number_names], np.float64)
    return rows(
        np.array([arrived if event.time is None else event.time for event in events], np.int64),
        [event.id for event in events],
        number_names,
        numbers.reshape(len(number_names), len(events)),
        ((name, [event.texts.get(name) for event in events]) for name in text_names),
    )


def merge(parts: Sequence[tuple[Rows, Sequence[int]]]) -> Rows:
    """The rows of several parts, each row at the place that is given for it."""
    order = np.argsort(np.concatenate([places for _, places in parts]), kind="stable")
    number_names = sorted({name for part, _ in parts for name in part.number_names})
    text_names = sorted({name for part, _ in parts for name in part.text_names})
    time = np.concatenate([part.time for part, _ in parts])[order]
    ids = np.concatenate([part.ids for part, _ in parts])[order]
    numbers = np.concatenate([_spread_numbers(part, number_names) for part, _ in parts], axis=1)[:, order]
    values = {name: [text for part, _ in parts for text in _text_values(part, name)] for name in text_names}
    places = order.tolist()
    texts, codes, tables = _texts(((name, [values[name][i] for i in places]) for name in text_names), len(time))
    ids_as_they_came = [name for part, _ in parts for name in part.names]
    return Rows(time, ids, tuple(number_names), numbers, texts, codes, tables, tuple(ids_as_they_came[i] for i in places))


def _texts(texts: Iterable[tuple[str, Sequence[Any]]], n: int) -> tuple[tuple[str, ...], Codes, tuple[tuple[str, ...], ...]]:
    """Codes in order of first appearance."""
    names, columns, tables = [], [], []
    for name, values in texts:
        table: dict[str | None, int] = {None: -1}
        for value in dict.fromkeys(values):
            table.setdefault(value, len(table) - 1)
        codes = list(map(table.__getitem__, values))
        if len(table) > 1:
            names.append(name)
            columns.append(codes)
            tables.append(tuple(table)[1:])
    matrix = np.array(columns, np.int32) if columns else NO_TEXTS.reshape(0, n) if n == 0 else np.empty((0, n), np.int32)
    return tuple(names), matrix, tuple(tables)  # type: ignore[arg-type]  # None is the first key, and cut off


def _spread_numbers(part: Rows, names: Sequence[str]) -> Floats:
    wide = np.full((len(names), len(part.time)), np.nan)
    wide[[names.index(name) for name in part.number_names]] = part.numbers
    return wide


def _text_values(part: Rows, name: str) -> Sequence[str | None]:
    if name not in part.text_names:
        return [None] * len(part.time)
    place = part.text_names.index(name)
    table = part.tables[place]
    return [None if code < 0 else table[code] for code in part.texts[place].tolist()]


def plain(given: Rows) -> Mapping[str, Any]:
    """Rows as values that can be compared, bit for bit."""
    return {
        name: (value.shape, np.ascontiguousarray(value).tobytes()) if isinstance(value, np.ndarray) else value
        for name, value in zip(Rows._fields, tuple.__iter__(given))
    }
