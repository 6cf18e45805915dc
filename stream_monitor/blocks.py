"""The record of every stream: rows as columns, sections of many streams in one record of the blocks topic.

A record is a length, a msgpack header and raw column bytes behind it.  Reading one back makes views, not copies.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import xxhash

FORMAT = 1
LIMIT = 900_000
"""Bytes in a record; broker and clients refuse a million by default."""

Kind = Literal["predictions", "labels", "reference", "control", "configuration", "gap"]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int32]
Times = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Layout = tuple[tuple[str, ...], tuple[str, ...]]
"""The names of number and of text columns."""


class Rows(NamedTuple):
    """Events of one stream and one kind as columns.

    Column names of predictions: prediction, score, latency_ms, weight, feature:NAME, segment:NAME, scores:CLASS, model,
    version.  Of labels: label, model, origin, weight, inclusion_probability; a row with neither number nor text in `label`
    withdraws the label.  A column with numbers and texts stands under the same name in both matrices.
    """

    time: Times
    """Epoch microseconds, int64[n]; of a label that says none that of its record, below zero."""
    ids: Hashes
    """128-bit hashes of the prediction ids, uint64[n, 2]."""
    number_names: tuple[str, ...]
    numbers: Floats
    """float64[k, n]; NaN where a row has no number there."""
    text_names: tuple[str, ...]
    texts: Codes
    """int32[m, n], indices into the tables; -1 where a row has no text there."""
    tables: tuple[tuple[str, ...], ...]
    """The texts of each text column."""
    names: tuple[str, ...] = ()
    """The prediction ids as they came; empty for labels."""

    def __len__(self) -> int:  # the number of rows, not of fields
        return len(self.time)

    def number(self, name: str) -> Floats:
        """A number column, float64[n]; all NaN where there is none."""
        if name not in self.number_names:
            return np.full(len(self.time), np.nan)
        column: Floats = self.numbers[self.number_names.index(name)]
        return column

    def text(self, name: str) -> tuple[Codes, tuple[str, ...]]:
        """The codes, int32[n], and the table of a text column; all -1 where there is none."""
        if name not in self.text_names:
            return np.full(len(self.time), -1, np.int32), ()
        at = self.text_names.index(name)
        return self.texts[at], self.tables[at]


class Source(NamedTuple):
    """An input partition, how many rows came from it, and from which offsets."""

    topic: str
    partition: int
    rows: int
    first: int = -1
    last: int = -1


class Section(NamedTuple):
    """A run of one stream's rows, or one document about the stream (control, configuration, gap)."""

    stream: str
    kind: Kind
    rows: Rows | None = None
    document: bytes = b""
    """JSON, for the kinds that have no rows."""
    topic: str = ""
    partition: int = -1
    first: int = -1
    last: int = -1
    """The input offsets it was read from."""
    dead: int = 0
    """Events among them that became dead letters."""
    left_out: int = 0
    """Feature values of a kind that is not supported (arrays, objects)."""
    reasons: tuple[tuple[str, int], ...] = ()
    """For how many of the dead letters each reason is."""
    parts: tuple[Source, ...] = ()
    """Where its rows came from, if from several places; never written."""

    def sources(self) -> tuple[Source, ...]:
        """Where its rows came from, in their order."""
        rows = 0 if self.rows is None else len(self.rows)
        return self.parts or (Source(self.topic, self.partition, rows, self.first, self.last),)


class Progress(NamedTuple):
    """How far an input partition has been read, and whether that was its end."""

    topic: str
    partition: int
    offset: int
    drained: bool


class Block(NamedTuple):
    """One record of the blocks topic."""

    arrived: int
    """Epoch microseconds: when intake read the rows."""
    partitions: int
    """Of the blocks topic; streams are spread over them by name, so it may never change."""
    sections: tuple[Section, ...]
    progress: tuple[Progress, ...] = ()


class _SectionHeader(msgspec.Struct, array_like=True, gc=False):
    stream: str
    kind: Kind
    rows: int
    layout: int
    tables: list[list[str]]
    document: bytes
    origin: tuple[str, int, int, int, int, int]
    names: int
    reasons: tuple[tuple[str, int], ...] = ()


class _Header(msgspec.Struct, array_like=True, gc=False):
    format: int
    arrived: int
    partitions: int
    layouts: list[tuple[list[str], list[str]]]
    sections: list[_SectionHeader]
    progress: list[Progress]


class BlockError(ValueError):
    """A record of the blocks topic that this version cannot read."""


def partition_of(stream: str, partitions: int) -> int:
    """The blocks partition of a stream."""
    return int(xxhash.xxh3_64_intdigest(stream.encode())) % partitions


def encode(block: Block) -> bytes:
    """A block as the bytes of one record."""
    layouts: dict[Layout, int] = {}
    columns: list[bytes] = []
    headers = [_section_header(section, layouts, columns) for section in block.sections]
    header = _encode_header(
        _Header(
            FORMAT,
            block.arrived,
            block.partitions,
            [(list(numbers), list(texts)) for numbers, texts in layouts],
            headers,
            list(block.progress),
        )
    )
    padding = -(4 + len(header)) % 8
    return b"".join((struct.pack("<I", len(header)), header, b"\0" * padding, *columns))


def decode(value: bytes) -> Block:
    """The block in a record; raises BlockError where the record is none, or is newer than this version."""
    try:
        (length,) = struct.unpack_from("<I", value)
        header = _decode_header(value[4 : 4 + length])
    except (struct.error, msgspec.MsgspecError) as error:
        raise BlockError(f"not a record of blocks: {error}") from None
    if header.format > FORMAT:
        raise BlockError(f"blocks of format {header.format}, and this version reads up to {FORMAT}: run a newer version")
    place = 4 + length + -(4 + length) % 8
    sections: list[Section] = []
    layouts = [(tuple(numbers), tuple(texts)) for numbers, texts in header.layouts]
    for entry in header.sections:
        section, place = _section(entry, layouts, value, place)
        sections.append(section)
    return Block(header.arrived, header.partitions, tuple(sections), tuple(header.progress))


@lru_cache(1_000)
def features(columns: tuple[str, ...]) -> tuple[tuple[str, ...], slice | list[int]]:
    """The features among the columns, and where they are."""
    at = [i for i, name in enumerate(columns) if name.startswith("feature:")]
    together = at and at[-1] - at[0] + 1 == len(at)
    names = tuple(columns[i].removeprefix("feature:") for i in at)
    return names, slice(at[0], at[-1] + 1) if together else at


@lru_cache(1_000)
def text_features(columns: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """The features among the columns of texts, each with its place."""
    return tuple((i, name.removeprefix("feature:")) for i, name in enumerate(columns) if name.startswith("feature:"))


def split(rows: Rows, start: int, stop: int) -> Rows:
    """The rows from `start` to before `stop`, as views."""
    return Rows(
        rows.time[start:stop],
        rows.ids[start:stop],
        rows.number_names,
        rows.numbers[:, start:stop],
        rows.text_names,
        rows.texts[:, start:stop],
        rows.tables,
        rows.names[start:stop],
    )


def chosen(rows: Rows, which: npt.NDArray[np.bool_]) -> Rows:
    """Some of the rows, as a copy."""
    names = tuple(compress(rows.names, which.tolist()))
    numbers, texts = rows.numbers[:, which], rows.texts[:, which]
    return Rows(rows.time[which], rows.ids[which], rows.number_names, numbers, rows.text_names, texts, rows.tables, names)


def size(section: Section) -> int:
    """About how many bytes a section takes."""
    if section.rows is None:
        return len(section.document) + 100
    rows = section.rows
    per_row = 24 + 8 * len(rows.number_names) + 4 * len(rows.text_names)
    texts = (rows.names, rows.number_names, rows.text_names, *rows.tables)
    return 100 + per_row * len(rows) + sum(len("".join(some).encode()) + 5 * len(some) for some in texts)


_encode_header = msgspec.msgpack.Encoder().encode
_decode_header = msgspec.msgpack.Decoder(_Header).decode


def _section_header(section: Section, layouts: dict[Layout, int], columns: list[bytes]) -> _SectionHeader:
    origin = (section.topic, section.partition, section.first, section.last, section.dead, section.left_out)
    rows = section.rows
    if rows is None:
        return _SectionHeader(section.stream, section.kind, -1, -1, [], section.document, origin, 0, section.reasons)
    layout = layouts.setdefault((rows.number_names, rows.text_names), len(layouts))
    names = _encode_names(rows.names)
    texts = np.ascontiguousarray(rows.texts).tobytes()
    columns += (
        np.ascontiguousarray(rows.time).tobytes(),
        np.ascontiguousarray(rows.ids).tobytes(),
        np.ascontiguousarray(rows.numbers).tobytes(),
        texts + b"\0" * (-len(texts) % 8),
        names + b"\0" * (-len(names) % 8),
    )
    tables = [list(table) for table in rows.tables]
    return _SectionHeader(
        section.stream, section.kind, len(rows), layout, tables, section.document, origin, len(names), section.reasons
    )


def _section(header: _SectionHeader, layouts: Sequence[Layout], value: bytes, place: int) -> tuple[Section, int]:
    topic, partition, first, last, dead, left_out = header.origin
    if header.rows < 0:
        rows = None
    else:
        rows, place = _rows(header, layouts[header.layout], value, place)
    section = Section(
        header.stream, header.kind, rows, header.document, topic, partition, first, last, dead, left_out, header.reasons
    )
    return section, place


def _rows(header: _SectionHeader, layout: Layout, value: bytes, place: int) -> tuple[Rows, int]:
    n, k, m = header.rows, len(layout[0]), len(layout[1])
    words = n * (3 + k)
    floats = np.frombuffer(value, np.float64, words, place)
    whole = floats.view(np.int64)
    place += 8 * words
    texts = np.frombuffer(value, np.int32, m * n, place).reshape(m, n)
    place += (4 * m * n + 7) // 8 * 8
    rows = Rows(
        whole[:n],
        whole[n : 3 * n].view(np.uint64).reshape(n, 2),
        layout[0],
        floats[3 * n :].reshape(k, n),
        layout[1],
        texts,
        tuple(map(tuple, header.tables)),
        _decode_names(value[place : place + header.names]),
    )
    return rows, place + (header.names + 7) // 8 * 8


def _encode_names(names: tuple[str, ...]) -> bytes:
    return msgspec.msgpack.encode(names) if names else b""


def _decode_names(value: bytes) -> tuple[str, ...]:
    return msgspec.msgpack.decode(value, type=tuple[str, ...]) if value else ()


def document(value: Any) -> bytes:
    """A value as the JSON of a section's document."""
    return msgspec.json.encode(value)
