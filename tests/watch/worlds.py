"""Streams made up for tests: rows as blocks of the log, and what `watch` makes of them under any cut and any restart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import xxhash

from consumers.memory import Memory, MemoryLog
from stream_monitor.blocks import Block, Progress, Rows, Section, encode, split
from stream_monitor.config.stream import Limits, StreamConfig, StreamRecord
from stream_monitor.task import step
from stream_monitor.watch import Watch

SECOND = 1_000_000
START = 1_767_225_600 * SECOND
"""2026-01-01T00:00:00Z."""

CONFIG: dict[str, Any] = {
    "predictions": {"topic": "p"},
    "labels": {"topic": "l", "wait": "2h"},
    "reference": {"rows": 200},
    "metrics": {"window": "5m", "also": ["1h"], "grace": "10s"},
    "segments": {"keys": ["region", ["region", "user"]], "top": 3, "minimum": 5},
    "alerts": {"resolve_after": 200},
    "retrain": {"minimum_labels": 100, "expires": "1h", "cooldown": "10m"},
    "detectors": {
        "features": {"ks": {"window": 100}},
        "score": {"ks": {"window": 100}},
        "loss": {"scan": {}, "adwin": {"delta": 1e-4}, "page_hinkley": {"threshold": 100.0}},
    },
}


def record(config: dict[str, Any] | None = None, revision: int = 0, limits: dict[str, int] | None = None) -> StreamRecord:
    """A stream's configuration: the usual one with some keys replaced."""
    return StreamRecord(config=StreamConfig(**(CONFIG | (config or {}))), revision=revision, limits=Limits(**(limits or {})))


def configuration(
    name: str = "s", config: dict[str, Any] | None = None, revision: int = 0, limits: dict[str, int] | None = None
) -> Section:
    """The section that puts a configuration in force."""
    return Section(name, "configuration", document=record(config, revision, limits).model_dump_json().encode())


def predictions(
    ids: Sequence[str],
    seconds: Sequence[float],
    value: Sequence[float] | Sequence[str],
    features: Mapping[str, Sequence[float] | Sequence[str]] | None = None,
    version: Sequence[str] | str = "1",
    score: Sequence[float] | None = None,
    latency: Sequence[float] | None = None,
    name: str = "s",
    more: Mapping[str, Sequence[Any]] | None = None,
) -> Section:
    """A section of predictions; times in seconds from START, `more` by the name of the column, such as `segment:region`."""
    numbers: dict[str, Any] = {}
    texts: dict[str, Sequence[str]] = {
        "model": ["m"] * len(ids), "version": [version] * len(ids) if isinstance(version, str) else version,
    }  # fmt: skip
    for key, column in (features or {}).items():
        _place(column, f"feature:{key}", numbers, texts)
    for key, column in (more or {}).items():
        _place(column, key, numbers, texts)
    if score is not None:
        numbers["score"] = score
    if latency is not None:
        numbers["latency_ms"] = latency
    _place(value, "prediction", numbers, texts)
    return Section(name, "predictions", rows(ids, seconds, numbers, texts), topic="p", partition=0)


def labels(
    ids: Sequence[str],
    seconds: Sequence[float],
    value: Sequence[float] | Sequence[str],
    name: str = "s",
    more: Mapping[str, Sequence[float]] | None = None,
) -> Section:
    """A section of labels; NaN withdraws."""
    numbers: dict[str, Any] = dict(more or {})
    texts: dict[str, Sequence[str]] = {}
    _place(value, "label", numbers, texts)
    return Section(name, "labels", rows(ids, seconds, numbers, texts), topic="l", partition=0)


def undated(section: Section, every: int = 1) -> Section:
    """The same labels, but every so many of them say no time: they have that of their record."""
    rows = section.rows
    assert rows is not None
    time = np.where(np.arange(len(rows)) % every, rows.time, -rows.time)
    columns = rows.number_names, rows.numbers, rows.text_names, rows.texts, rows.tables
    return section._replace(rows=Rows(time, rows.ids, *columns))


def rows(ids: Sequence[str], seconds: Sequence[float], numbers: dict[str, Any], texts: dict[str, Sequence[str]]) -> Rows:
    """Columns from plain lists."""
    hashes = b"".join(xxhash.xxh3_128_digest(one.encode()) for one in ids)
    tables = {key: tuple(dict.fromkeys(column)) for key, column in texts.items()}
    codes = [[tables[key].index(text) for text in column] for key, column in texts.items()]
    return Rows(
        np.array([START + round(second * SECOND) for second in seconds], np.int64),
        np.frombuffer(hashes, np.uint64).reshape(-1, 2),
        tuple(numbers),
        np.array(list(numbers.values()), np.float64).reshape(len(numbers), len(ids)),
        tuple(texts),
        np.array(codes, np.int32).reshape(len(texts), len(ids)),
        tuple(tables.values()),
    )


def drained(second: float) -> Block:
    """An empty block: both inputs were read to their end."""
    return Block(_arrival(second), 1, (), (Progress("p", 0, 0, True), Progress("l", 0, 0, True)))


def block(*sections: Section, at: float | None = None) -> Block:
    """A block of sections that arrived at a time: that of the last row unless said."""
    return Block(_arrival(at) if at is not None else _last(sections), 1, sections)


def cut(blocks: Sequence[Block], every: int) -> list[Block]:
    """The same rows in the same order, in blocks of at most so many rows."""
    pieces = []
    for one in blocks:
        sections = [piece for section in one.sections for piece in _pieces(section, every)]
        pieces += [one._replace(sections=(section,), progress=()) for section in sections]
        if one.progress or not sections:
            pieces.append(one._replace(sections=()))
    return pieces


def run(blocks: Sequence[Block], restarts: Sequence[int] = (), per_read: int = 3) -> dict[str, list[Any]]:
    """What `watch` puts out on each channel, starting again before the given reads."""
    return {channel: [json.loads(value) for value in values] for channel, values in run_raw(blocks, restarts, per_read).items()}


def run_raw(
    blocks: Sequence[Block], restarts: Sequence[int] = (), per_read: int = 3, saves: bool = False
) -> dict[str, list[bytes]]:
    """The same as bytes; snapshots are for restarts, unless it `saves` them anyway."""
    memory = Memory()
    memory.create("stream-monitor.blocks")
    for one in blocks:
        memory.append("stream-monitor.blocks", encode(one), partition=0)
    watch, log = Watch(saves=saves or bool(restarts)), _log(memory, per_read)
    reads = 0
    while memory.committed.get(("watch", _partition()), 0) < len(blocks):
        if reads in restarts:
            watch, log = Watch(), _log(memory, per_read)
        step(watch, log)
        reads += 1
    channels = ("alerts", "retrain", "metrics", "dead-letters")
    return {channel: list(memory.values(f"stream-monitor.{channel}")) for channel in channels}


def arrivals(said: dict[str, list[Any]], window: str = "") -> list[dict[str, Any]]:
    """What is said of windows by when labels came: of the shortest ones, or of those that begin then."""
    found = [event["data"] for event in said["metrics"] if event["data"]["basis"] == "arrival"]
    shortest = min((_length(one) for one in found), default=0.0)
    return [one for one in found if _length(one) == shortest and one["window"]["start"].startswith(window)]


def _length(event: dict[str, Any]) -> float:
    start, end = (datetime.fromisoformat(event["window"][name]) for name in ("start", "end"))
    return (end - start).total_seconds()


def cohorts(said: dict[str, list[Any]], final: bool = True) -> list[dict[str, Any]]:
    """What is said of windows by when predictions were made."""
    found = [event["data"] for event in said["metrics"] if event["data"]["basis"] == "cohort"]
    return [one for one in found if one["cohort"]["final"] == final]


def value(performance: dict[str, Any], name: str) -> float | None:
    """A metric."""
    found = performance["metrics"].get(name)
    return None if found is None else found["value"]


def _log(memory: Memory, per_read: int) -> MemoryLog:
    return MemoryLog(memory, "watch", ["stream-monitor.blocks"], rows=per_read)


def _partition() -> Any:
    from stream_monitor.task import Partition

    return Partition("stream-monitor.blocks", 0)


def _pieces(section: Section, every: int) -> list[Section]:
    if section.rows is None:
        return [section]
    starts = range(0, len(section.rows), every)
    return [section._replace(rows=split(section.rows, start, start + every)) for start in starts]


def _place(value: Sequence[Any], name: str, numbers: dict[str, Any], texts: dict[str, Sequence[str]]) -> None:
    if len(value) and isinstance(value[0], str):
        texts[name] = value
    else:
        numbers[name] = value


def _arrival(second: float) -> int:
    return START + round(second * SECOND)


def _last(sections: Sequence[Section]) -> int:
    times = [int(section.rows.time.max()) for section in sections if section.rows is not None]
    return max(times, default=START)
