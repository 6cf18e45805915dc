"""Events as producers write them, well and badly."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from consumers.memory import Stored
from consumers.wire.event import EventKind
from consumers.wire.reading import Reading
from stream_monitor.config.stream import Features, Labels, Source

TIMES: tuple[Any, ...] = (
    "2026-05-01T10:00:00Z",
    "2026-05-01T10:00:00.123Z",
    "2026-05-01T10:00:00.123456789Z",
    "2026-05-01T10:00:00+02:00",
    "2026-05-01T10:00:00",
    "2026-05-01 10:00",
    "2026-05-01",
    "2026-02-30T10:00:00Z",
    "2026-05-01T24:00:00Z",
    "1969-12-31T23:59:59Z",
    "9999-12-31T23:59:59Z",
    "0000-05-01T10:00:00Z",
    "NaT",
    "1777629600",
    "1777629600123",
    "20260501100000",
    "now",
    "",
    1_777_629_600,
    1_777_629_600_123,
    1_777_629_600.25,
    -1,
    10**30,
    True,
    None,
    [],
)
SCALARS: tuple[Any, ...] = (
    None, 0, 1, -0.0, 1.5, 7, -3, 1e300, 2**53 + 1, 2**64, 10**400, True, False,
    "", "1", "1.0", "01", "true", "fraud", "ok", "é", "a\nb",
)  # fmt: skip
ODD: tuple[Any, ...] = ([], [1, 2], {}, {"a": 1}, float("nan"), float("inf"), -float("inf"))
NAMES = ("a", "b", "c", "amount", "country", 'q"', "", "é")

scalars = st.sampled_from(SCALARS)
values = st.one_of(scalars, scalars, scalars, st.sampled_from(ODD), st.floats(), st.integers())
objects = st.one_of(st.dictionaries(st.sampled_from(NAMES), values, max_size=6), st.none(), values)
ids = st.one_of(st.sampled_from(("p1", "p2", 7, 2**70, "")), values)


def _event(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


plain_predictions = st.fixed_dictionaries(
    {
        "prediction_id": st.sampled_from(("p1", "p2", 7)),
        "time": st.sampled_from(TIMES[:5]),
        "prediction": st.sampled_from((0, 1, "fraud", "1")),
        "features": st.dictionaries(
            st.sampled_from(NAMES), st.one_of(st.floats(-5, 5), st.sampled_from(("x", "y", None))), max_size=5
        ),
    },
    optional={"model": st.sampled_from(("m", "n")), "score": st.floats(0, 1), "segments": st.just({"region": "eu"})},
)
plain_labels = st.fixed_dictionaries(
    {"prediction_id": st.sampled_from(("p1", "p2", 7)), "label": st.sampled_from((0, 1, "fraud", "1"))},
    optional={"time": st.sampled_from(TIMES[:5]), "model": st.sampled_from(("m", "n"))},
)
odd_predictions = _event(
    prediction_id=ids, time=st.sampled_from(TIMES), prediction=values, score=values, latency_ms=values, weight=values,
    status=values, model=values, version=values, features=objects, scores=objects, segments=objects, label=values, other=values,
)  # fmt: skip
odd_labels = _event(
    prediction_id=ids, time=st.sampled_from(TIMES), label=values, op=st.sampled_from((None, "retract", "drop", 1)),
    model=values, origin=values, weight=values, inclusion_probability=values,
)  # fmt: skip
PLAIN = {"predictions": plain_predictions, "labels": plain_labels, "reference": plain_predictions}
ODD_EVENTS = {"predictions": odd_predictions, "labels": odd_labels, "reference": odd_predictions}


def texts(kind: EventKind) -> st.SearchStrategy[bytes]:
    """One event, or what should be one, as JSON."""
    event = st.one_of(PLAIN[kind], PLAIN[kind], ODD_EVENTS[kind])
    mixed = st.tuples(event, event, ODD_EVENTS[kind]).map(lambda parts: parts[0] | dict(list(parts[2].items())[:1]))
    return st.one_of(event, mixed).map(lambda value: json.dumps(value, ensure_ascii=False).encode())


def record_values(kind: EventKind) -> st.SearchStrategy[bytes | None]:
    """Values of records: events, lists of them, and what is neither."""
    one = texts(kind)
    many = st.lists(one, max_size=4).map(lambda items: b"[" + b",".join(items) + b"]")
    broken = st.one_of(
        st.binary(max_size=20),
        one.map(lambda text: text[:-2]),
        st.sampled_from((b"", b"null", b"{}", b"[", b'"x"', b"[1]", b'{"a":\xff}')),
    )
    return st.one_of(one, one, one, one, many, broken, st.none())


def records(values: list[bytes | None], key: bytes | None = b"k") -> list[Stored]:
    """Records from offset 0 on."""
    return [Stored(offset, 0, key, value) for offset, value in enumerate(values)]


def reading(kind: EventKind = "predictions", limit: int = 500, features: Features | None = None, **source: Any) -> Reading:
    """How a source is read."""
    made = Labels(topic="t", **source) if kind == "labels" else Source(topic="t", **source)
    return Reading(kind, made, features or Features(), limit)
