"""When streams are saved, and under which keys: a record for the state of each, and one for every array of its references.

The predictions that wait have a channel of their own; what is written to it goes along with the state of their stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import xxhash

from stream_monitor import stream_state
from stream_monitor.joining.saved_rows import SavedRows
from stream_monitor.snapshot import pack, unpack
from stream_monitor.stream import Stream
from stream_monitor.stream_state import Arrays
from stream_monitor.task import STATES, Output

ROWS = 100_000
AGE = 300_000_000
"""Rows, and microseconds of arrival time, after which a stream is saved again; the latter spread between half and whole."""


class Saved(NamedTuple):
    """What a partition's snapshots say."""

    meta: dict[str, Any] | None
    """What its streams share; None where nothing was ever saved."""
    streams: dict[str, tuple[dict[str, Any], Arrays]]
    waiting: dict[str, dict[str, bytes]]
    """The records about the predictions that wait, by stream and key."""


class _Last(NamedTuple):
    """The last snapshot of a stream."""

    rows: int
    arrived: int
    offset: int
    """It has seen everything before."""


class Snapshots:
    """Of the streams of one partition.  References are written once, states when they are due."""

    def __init__(self) -> None:
        self._last: dict[str, _Last] = {}
        self._keys: dict[str, set[str]] = {}
        self._saved: dict[str, SavedRows] = {}
        self._over: dict[str, list[str]] = {}
        """Keys of what waited in streams that have begun again."""
        self._meta: tuple[int, int] | None = None

    def renew(self, name: str) -> None:
        """Lets a stream be saved at once."""
        self._last.pop(name, None)

    def begin_again(self, name: str) -> None:
        """Lets a stream that has begun again be saved at once, and forgets what waited in it."""
        self.renew(name)
        self._over.setdefault(name, []).extend(self._saved.pop(name, SavedRows()).keys())

    def due(self, streams: Mapping[str, Stream], arrived: int) -> list[str]:
        """The streams that are to be saved now."""
        return [name for name, stream in streams.items() if self._is_due(name, stream, arrived)]

    def behind(self, streams: Iterable[str], offset: int) -> list[str]:
        """The streams whose snapshots have not seen everything before an offset, the oldest first."""
        offsets = {name: self._last[name].offset if name in self._last else 0 for name in streams}
        return sorted((name for name, seen in offsets.items() if seen < offset), key=offsets.__getitem__)

    def meta_due(self, revision: int, arrived: int) -> bool:
        """Whether what streams share is to be saved, even if none of them is."""
        return self._meta is None or self._meta[0] != revision or arrived - self._meta[1] >= AGE

    def save(self, name: str, stream: Stream, offset: int, arrived: int) -> list[Output]:
        """The snapshot of a stream that has seen everything before an offset."""
        stream.settle()
        known = self._keys.get(name)
        waiting = self._save_waiting(name, stream)
        arrays, state = stream_state.arrays(stream, changed=known is not None), stream_state.state(stream)
        keys = {f"{name}\0"} | {f"{name}\0{group}\0{signal}" for group, signal in _signals(state)}
        outputs = [*waiting]
        outputs += [_output(f"{name}\0{group}\0{s}", array) for group, named in arrays.items() for s, array in named.items()]
        outputs += [_output(key, None) for key in sorted((known or set()) - keys)]
        outputs.append(_output(f"{name}\0", pack(state | {"offset": offset, "arrived": arrived})))
        self._keys[name], self._last[name] = keys, _Last(stream.join.position, arrived, offset)
        return outputs

    def load(self, stream: Stream, waiting: dict[str, bytes]) -> None:
        """Loads the predictions that wait into a stream that was restored; their records are consumed."""
        saved = self._saved[stream.name] = SavedRows()
        saved.restore(stream.join.waiting, waiting, stream.join.sampling, stream.join.clock.now)

    def save_meta(self, meta: dict[str, Any], revision: int, arrived: int) -> Output:
        """The snapshot of what the streams share."""
        self._meta = revision, arrived
        return _output("", pack(meta | {"revision": revision, "arrived": arrived}))

    def forget(self, name: str) -> list[Output]:
        """Takes back all that was saved of a stream."""
        self._last.pop(name, None)
        gone = self._over.pop(name, []) + self._saved.pop(name, SavedRows()).keys()
        waiting = [_waiting(name, key, None) for key in gone]
        return [_output(key, None) for key in sorted(self._keys.pop(name, set()))] + waiting

    def saved_at(self, name: str) -> int | None:
        """The arrival time at the last snapshot of a stream."""
        return self._last[name].arrived if name in self._last else None

    def read(self, state: dict[bytes, bytes]) -> Saved:
        """What was saved, taken out of the latest records by key; raises SnapshotError where it is damaged or newer."""
        records = channel(state, "snapshots")
        meta = unpack(records.pop(b"")) if b"" in records else None
        if meta is not None:
            self._meta = meta["revision"], meta["arrived"]
        streams = {}
        for name, parts in _by_stream(records).items():
            inner = unpack(parts.pop(""))
            arrays: Arrays = {}
            for key, array in parts.items():
                group, _, signal = key.partition("\0")
                arrays.setdefault(group, {})[signal] = array
            streams[name] = inner, arrays
            self._keys[name] = {f"{name}\0{key}" for key in parts} | {f"{name}\0"}
            self._last[name] = _Last(inner["join"]["position"], inner["arrived"], inner["offset"])
        waiting: dict[str, dict[str, bytes]] = {}
        for path, value in channel(state, "waiting").items():
            name, _, rest = path.decode().partition("\0")
            waiting.setdefault(name, {})[rest] = value
        return Saved(meta, streams, waiting)

    def _save_waiting(self, name: str, stream: Stream) -> list[Output]:
        """What has changed of the predictions that wait, and how they are sampled."""
        join, saved = stream.join, self._saved.setdefault(name, SavedRows())
        outputs = [_waiting(name, key, None) for key in self._over.pop(name, [])]
        outputs += [_waiting(name, key, value) for key, value in saved.save(join.waiting, join.clock.now)]
        join.sampling.forget(saved.first)
        return outputs

    def _is_due(self, name: str, stream: Stream, arrived: int) -> bool:
        if name not in self._last:
            return True
        rows, at, _ = self._last[name]
        if stream.join.position - rows >= ROWS:
            return True
        return arrived - at >= AGE // 2 and arrived - at >= _age(name)


def _age(name: str) -> int:
    """The age at which a stream is saved, spread so that not all are at once."""
    return AGE // 2 + xxhash.xxh3_64_intdigest(name.encode()) % (AGE // 2)


def channel(state: dict[bytes, bytes], name: str) -> dict[bytes, bytes]:
    """The records of one compacted channel, by key, taken out of the state."""
    prefix = name.encode() + b"\0"
    return {key[len(prefix) :]: state.pop(key) for key in [key for key in state if key.startswith(prefix)]}


def placed(output: Output, partition: int) -> Output:
    """What is state stands in the partition of the same number as the blocks, so that one reader finds it all."""
    return output._replace(partition=partition) if output.channel in STATES else output


def _signals(state: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """The names of all arrays of a stream's state."""
    for group, inner in (state["groups"] | ({"given": state["given"]} if state["given"] else {})).items():
        for name in inner["names"]:
            yield group, name


def _by_stream(records: Mapping[bytes, bytes]) -> dict[str, dict[str, bytes]]:
    """Records by stream and by what follows its name in the key; only of streams that have a state."""
    streams: dict[str, dict[str, bytes]] = {}
    for key, value in records.items():
        name, _, rest = key.decode().partition("\0")
        streams.setdefault(name, {})[rest] = value
    return {name: parts for name, parts in streams.items() if "" in parts}


def _waiting(name: str, key: str, value: bytes | None) -> Output:
    return Output("waiting", f"{name}\0{key}".encode(), value)


def _output(key: str, value: bytes | None) -> Output:
    return Output("snapshots", key.encode(), value)
