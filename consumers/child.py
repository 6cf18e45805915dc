"""A task in a process of its own, and what its parent knows of it: it says once a second, as JSON, how it stands.

The pipe between them is what holds them together.  Its end is the end of the child, whatever the parent died of; what the
parent asks for are single words.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Protocol

import msgspec

from consumers.http.observed import ObservedLog
from stream_monitor.task import Partition

GO, STOP = b"go", b"stop"
_EVERY = 1.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_ENDING = 5.0
"""Seconds that a process that was killed may take to be gone."""

Offsets = list[tuple[Partition, int | None]]


class Said(msgspec.Struct):
    """How a task stands."""

    idle: float
    """Seconds since its log last did what it was asked to."""
    unheard: float
    """Seconds since Kafka was last in touch with it."""
    written: int
    missing: list[str]
    lags: Offsets
    positions: Offsets
    committed: Offsets
    late: list[Partition]
    backlog: list[Partition]
    owed: Offsets
    status: Mapping[str, Any] | None = None
    """What the task says about itself; None where that is what it said before."""


class Child:
    """A task in another process, seen from here.  `work` is what that process does, with a pipe to us as its last argument."""

    def __init__(self, name: str, work: Callable[..., None], *args: Any) -> None:
        self.name = name
        self.log = ToldLog(name)
        self._pipe, theirs = get_context("spawn").Pipe()
        self._process = get_context("spawn").Process(target=work, args=(*args, theirs), name=name, daemon=True)
        with _unsignalled():
            self._process.start()
        # Theirs alone, or its end would not be seen.
        theirs.close()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid or 0

    def go(self) -> None:
        """Lets it begin; until then it has only imported what it needs."""
        self._ask(GO)

    def stop(self) -> None:
        """Lets it finish its slice and end."""
        self._ask(STOP)

    def follow(self, statuses: dict[str, Mapping[str, Any]]) -> int:
        """Takes what it says until it has ended; gives its exit code, as a shell has it."""
        with suppress(EOFError, OSError):
            while True:
                said = msgspec.json.decode(self._pipe.recv_bytes(), type=Said)
                self.log.hear(said)
                if said.status is not None:
                    statuses[self.name] = said.status
        self._process.join()
        code = self._process.exitcode or 0
        return code if code >= 0 else 128 - code

    def kill(self) -> None:
        """Ends it at once, unless it has ended."""
        self._process.kill()
        self._process.join(_ENDING)

    def _ask(self, word: bytes) -> None:
        with suppress(OSError):
            self._pipe.send_bytes(word)


class ToldLog:
    """The log of a task in another process, as that has told of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.beat = self.heard = time.monotonic()
        self.written = 0
        self.late: list[Partition] = []
        self.backlog: list[Partition] = []
        self.owed: dict[Partition, int] = {}
        self._missing: list[str] = []
        self._lags: dict[Partition, int] = {}
        self._positions: dict[Partition, int] = {}
        self._committed: dict[Partition, int | None] = {}

    def hear(self, said: Said) -> None:
        """Takes the news; the two processes need not have the same clock."""
        now = time.monotonic()
        self.beat, self.heard = now - said.idle, now - said.unheard
        self.written, self._missing = said.written, said.missing
        self.late, self.backlog, self.owed = said.late, said.backlog, _known(said.owed)
        self._lags, self._positions, self._committed = _known(said.lags), _known(said.positions), dict(said.committed)

    def lags(self) -> Mapping[Partition, int]:
        """Offsets between what is done and the end, for each partition that is its."""
        return self._lags

    def positions(self) -> Mapping[Partition, int]:
        """The next offset to read."""
        return self._positions

    def committed(self) -> Mapping[Partition, int | None]:
        """The committed offset of each partition that is its; None where nothing was committed."""
        return self._committed

    def missing(self) -> list[str]:
        """The topics to read that are not there."""
        return self._missing


class Working(Protocol):
    """What works in the child: one task, and its log."""

    @property
    def logs(self) -> Mapping[str, ObservedLog]: ...
    @property
    def statuses(self) -> Mapping[str, Mapping[str, Any]]: ...
    def run(self) -> int:
        """Works until stopped; gives the exit code."""

    def stop(self) -> None:
        """Lets the task finish its slice and end."""


class Parent:
    """The parent, seen from the child.  If it is gone, this process ends on the spot, as `kill -9` would end it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._told = threading.Event()
        self._stop = threading.Event()
        self._working: Working | None = None
        self._saying = threading.Lock()
        self._status: Mapping[str, Any] | None = None
        """What was told last."""
        # Signals are often sent to both of us; the parent is the one to say when time is over.
        for number in _SIGNALS:
            signal.signal(number, lambda *_: threading.Thread(target=self._end, daemon=True).start())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        threading.Thread(target=self._listen, name="parent", daemon=True).start()

    def wait(self) -> bool:
        """Waits for the word to begin; gives whether it is not the one to end."""
        self._told.wait()
        return not self._stop.is_set()

    def run(self, working: Working) -> int:
        """Lets it work until the parent wants it to end, and tells how it stands; gives the exit code."""
        self._working = working
        if self._stop.is_set():
            working.stop()
        threading.Thread(target=self._tell, args=(working,), name="telling", daemon=True).start()
        code = working.run()
        self._say(working)
        return code

    def _listen(self) -> None:
        with suppress(EOFError, OSError):
            while True:
                if self._pipe.recv_bytes() == STOP:
                    self._end()
                self._told.set()
        os._exit(1)

    def _end(self) -> None:
        self._stop.set()
        self._told.set()
        if self._working is not None:
            self._working.stop()

    def _tell(self, working: Working) -> None:
        while True:
            self._say(working)
            time.sleep(_EVERY)

    def _say(self, working: Working) -> None:
        with self._saying, suppress(OSError):
            for name, log in working.logs.items():
                offsets = (_listed(log.lags()), _listed(log.positions()), _listed(log.committed()))
                arrears = (list(log.late), list(log.backlog), _listed(log.owed))
                status = working.statuses[name]
                news = None if status is self._status else status
                now = time.monotonic()
                said = Said(now - log.beat, now - log.heard, log.written, list(log.missing()), *offsets, *arrears, news)
                self._pipe.send_bytes(msgspec.json.encode(said, enc_hook=str))
                self._status = status


@contextmanager
def _unsignalled() -> Iterator[None]:
    """Signals wait while it is open; a process that is started in it keeps them waiting until it says otherwise."""
    # Python starts this helper with the first process, and lets signals through again when it has.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _listed(offsets: Mapping[Partition, int | None]) -> Offsets:
    return list(offsets.items())


def _known(offsets: Offsets) -> dict[Partition, int]:
    return {partition: offset for partition, offset in offsets if offset is not None}
