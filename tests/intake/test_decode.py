"""The two ways to decode an event give the same."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.wire import columns
from consumers.wire.decode import Decoder
from consumers.wire.event import EventKind
from consumers.wire.pieces import Piece
from consumers.wire.shape import FIRST
from stream_monitor.config.stream import Features
from stream_monitor.task import Partition
from tests.intake.strategies import reading, record_values, records, texts

PARTITION = Partition("t", 0)
ARRIVED = 1_777_629_999_000_000
FEATURES = (
    Features(),
    Features(types={"a": "numeric", "b": "categorical", "amount": "categorical"}),
    Features(include=("a", "b", "country")),
    Features(exclude=("a", "amount")),
)
KINDS: tuple[EventKind, ...] = ("predictions", "labels", "reference")


def decoded(decoder: Decoder, values: list[bytes | None]) -> list[Piece]:
    return list(decoder.decode(PARTITION, records(values), ARRIVED))


def plain(pieces: list[Piece]) -> list[Any]:
    """Everything about the pieces that can be compared."""
    return [
        (piece.section._replace(rows=None), piece.section.rows and columns.plain(piece.section.rows), piece.dead)
        for piece in pieces
    ]


@settings(max_examples=400, deadline=None)
@given(
    data=st.data(),
    kind=st.sampled_from(KINDS),
    features=st.sampled_from(FEATURES),
    limit=st.sampled_from((2, 500)),
    per_model=st.booleans(),
)
def test_an_event_gives_the_same_whichever_way_it_is_decoded(
    data: st.DataObject, kind: EventKind, features: Features, limit: int, per_model: bool
) -> None:
    read = reading(
        kind, limit, features, **({"values": {"ok": 0, "1": "fraud"}} if kind == "labels" and data.draw(st.booleans()) else {})
    )
    fast, slow = Decoder("s", read, per_model), Decoder("s", read, per_model, fast=False)
    seen = data.draw(st.lists(texts(kind), min_size=1, max_size=4))
    decoded(fast, [*seen] * FIRST)
    values: list[bytes | None] = data.draw(st.lists(st.one_of(st.sampled_from(seen), record_values(kind)), max_size=12))
    assert plain(decoded(fast, values)) == plain(decoded(slow, values))


@settings(max_examples=200, deadline=None)
@given(values=st.lists(record_values("predictions"), max_size=40), cuts=st.lists(st.integers(0, 40), max_size=4))
def test_where_records_are_cut_does_not_matter(values: list[bytes | None], cuts: list[int]) -> None:
    whole, parts = Decoder("s", reading()), Decoder("s", reading())
    given_records = records(values)
    places = [0, *sorted(cuts), len(values)]
    pieces = [
        piece for start, stop in pairwise(places) for piece in parts.decode(PARTITION, given_records[start:stop], ARRIVED)
    ]
    assert events(pieces) == events(list(whole.decode(PARTITION, given_records, ARRIVED)))


def events(pieces: list[Piece]) -> tuple[list[Any], list[Any]]:
    """Rows by the names of their columns, and dead events, each in order."""
    return [row for piece in pieces for row in rows_of(piece)], [dead for piece in pieces for dead in piece.dead]


def rows_of(piece: Piece) -> list[dict[str, Any]]:
    rows = piece.section.rows
    if rows is None:
        return []
    found: list[dict[str, Any]] = [{"id": name, "time": time} for name, time in zip(rows.names, rows.time.tolist())]
    for name, numbers in zip(rows.number_names, rows.numbers.tolist()):
        for event, value in zip(found, numbers):
            event.update({} if value != value else {name: value})
    for name, codes, table in zip(rows.text_names, rows.texts.tolist(), rows.tables):
        for event, code in zip(found, codes):
            event.update({} if code < 0 else {f"{name} text": table[code]})
    return found
